"""Whether an answer that survived the filters may be shown at all: the parser's doubt, and ours.

Pure. A gate returns the reason for holding an answer back, or None. The model's own doubt is judged in
confidence.py, for each state that an answer serves.
"""

from __future__ import annotations

from qwen_lsp.syntax import parsing
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.rules import introduced_vulnerabilities

# What might stand at the cursor for its surroundings to be whole: nothing, a name, a statement.
_STAND_INS = ("", "x", "x;")


def syntax(prefix: str, text: str, suffix: str, language: Language | None) -> str | None:
    """Hold back an answer that adds syntax errors to the text around it.

    Code at the cursor is often broken for want of an answer (`items.`), and such an error must not hide a new
    one: the measure is the least broken of the text as it is and with a stand-in in the answer's place. At
    the end of a file what is open is still being written, so there the text as it is must do.
    """
    after = parsing.error_count(prefix + text + suffix, language)
    if not after:
        return None
    least = after
    for stand_in in _STAND_INS if suffix.strip() else _STAND_INS[:1]:
        least = min(least, parsing.error_count(prefix + stand_in + suffix, language) or 0)
        if not least:
            break
    if after <= least:
        return None
    return f"it adds {after - least} syntax error{'s' * (after - least > 1)}"


def security(prefix: str, text: str, suffix: str, language: Language | None, path: str = "") -> str | None:
    """Hold back an answer that would add a security hole of a new kind; the reason names the rules."""
    found = introduced_vulnerabilities(
        prefix + suffix, prefix + text + suffix, language, path, new_rules_only=True
    )
    return f"it breaks {', '.join(found)}" if found else None
