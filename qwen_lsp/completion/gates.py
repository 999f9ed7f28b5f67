"""Whether an answer that survived the filters may be shown at all: the parser's doubt, and ours.

Pure. A gate returns the reason for holding an answer back, or None. The model's own doubt is judged in
confidence.py, for each state that an answer serves.
"""

from __future__ import annotations

from qwen_lsp.completion.dangers import dangers
from qwen_lsp.syntax import parsing
from qwen_lsp.syntax.languages import Language


def syntax(prefix: str, text: str, suffix: str, language: Language | None) -> str | None:
    """Hold back an answer that adds syntax errors to the text around it."""
    before = parsing.error_count(prefix + suffix, language)
    after = parsing.error_count(prefix + text + suffix, language)
    if before is None or after is None or after <= before:
        return None
    return f"it adds {after - before} syntax error{'s' * (after - before > 1)}"


def security(prefix: str, text: str, suffix: str, language: Language | None) -> str | None:
    """Hold back an answer that would add an obvious security hole; the reason names the rules."""
    found = dangers(prefix, text, suffix, language.id if language else "")
    return f"it breaks {', '.join(found)}" if found else None
