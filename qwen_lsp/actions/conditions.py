"""The condition of a function in the words of its documentation, where a summary leaves it out. Pure."""

from __future__ import annotations

import re

from qwen_lsp.messages import Locale
from qwen_lsp.syntax.guarded import Guard

# A longer condition is no part of a sentence.
_MAX_CHARS = 70
_SAID = {
    "en": re.compile(
        r"\b(if|unless|when|whenever|only|once|where|while|until|without|except|provided|depending|already|missing"
        r"|enabled|disabled|available|non-?\w+|not|valid|empty|null|nil|none|undefined|optional(ly)?|given)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(r"如果|若|当|时|仅|只|除非|否则|前提|未|没|不|非|空|存在|有效|启用|已"),
}
_IS_MISSING = re.compile(
    r"(?P<what>[\w.]+)\s*(?P<how>===?|!==?|is not|is)\s*(?P<nothing>null|nil|None|undefined)"
)


def with_condition(
    summary: str, guard: Guard | None, locale: Locale, language: str, *, is_third: bool
) -> str:
    """Return a summary that says on what condition anything is done; a long condition is left out."""
    if guard is None or not summary or len(guard.condition) > _MAX_CHARS or _SAID[locale].search(summary):
        return summary
    condition = _worded(guard.condition, locale, language)
    if locale == "zh":
        bare = summary.rstrip("。.")
        end = "。" if bare != summary else ""
        return (
            f"{bare}，仅当 {condition} 时{end}"
            if guard.is_needed
            else f"{bare}；{condition} 时什么也不做{end}"
        )
    bare = summary.rstrip(".")
    if guard.is_needed:
        return f"{bare}, but only if {condition}."
    return f"{bare}. {'Does' if is_third else 'Do'} nothing if {condition}."


def _worded(condition: str, locale: Locale, language: str) -> str:
    """Write a comparison with nothing in words, any other condition as code."""
    found = _IS_MISSING.fullmatch(condition)
    if found is None:
        return f"{{@code {condition}}}" if language == "java" and "}" not in condition else f"`{condition}`"
    is_same = found["how"] in ("==", "===", "is")
    if locale == "zh":
        return f"{found['what']} {'为' if is_same else '不为'} {found['nothing']}"
    return f"{found['what']} is {'' if is_same else 'not '}{found['nothing']}"
