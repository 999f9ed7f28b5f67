"""Whether an answer that survived the filters may be shown at all: the parser's doubt, and ours.

Pure. A gate returns the reason for holding an answer back, or None. The model's own doubt is judged in
confidence.py, for each state that an answer serves.
"""

from __future__ import annotations

from qwen_lsp.syntax import parsing
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.rules import dangers


def syntax(prefix: str, text: str, suffix: str, language: Language | None) -> str | None:
    """Hold back an answer that adds syntax errors to the text around it."""
    before = parsing.error_count(prefix + suffix, language)
    after = parsing.error_count(prefix + text + suffix, language)
    if before is None or after is None or after <= before:
        return None
    return f"it adds {after - before} syntax error{'s' * (after - before > 1)}"


def security(prefix: str, text: str, suffix: str, language: Language | None, path: str = "") -> str | None:
    """Hold back an answer that would add a security hole of a new kind; the reason names the rules."""
    found = dangers(prefix + suffix, prefix + text + suffix, language, path, is_news=True)
    return f"it breaks {', '.join(found)}" if found else None
