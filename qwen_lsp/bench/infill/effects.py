"""What each filter and gate did to an answer: the text that would have been shown without it.

Repeats the filters over the answer that the server's own record has; knows no session and no engine.
"""

from __future__ import annotations

from qwen_lsp.completion import filters, gates, stopping
from qwen_lsp.completion.filters import Case, Reject
from qwen_lsp.syntax import languages, parsing
from qwen_lsp.text import Cursor

SYNTAX = "syntax"
# Why the model itself stopped; any other reason is ours and needs no finish.
_OWN_STOPS = ("eos", "stop", "word", "limit", "length")


def without_each(
    cursor: Cursor, answer: str, stop_reason: str, stops: tuple[str, ...]
) -> dict[str, str | None]:
    """Return, for each filter and the syntax gate, the text without it; None where it changed nothing.

    Shape: an empty text means that nothing would have been shown. `answer` and `stop_reason` are the
    record's (`qwenLsp/explain`), made at `cursor` in a file that fits the prompt.
    """
    language = languages.find(cursor.document.language, cursor.document.path)
    place = parsing.place_kind(cursor.prefix, cursor.suffix, language)
    around = stopping.surroundings(cursor, language, place)
    mode = stopping.mode(around)
    case = Case(cursor.prefix, cursor.suffix, mode, around, stops)
    if stop_reason in _OWN_STOPS:
        hit_limit = stop_reason in ("limit", "length")
        answer = stopping.finish(answer, mode, around, hit_limit=hit_limit)

    def gated(text: str | Reject) -> str:
        is_shown = isinstance(text, str) and not gates.syntax(cursor.prefix, text, cursor.suffix, language)
        return text if is_shown and isinstance(text, str) else ""

    final, steps = filters.clean(answer, case)
    effects: dict[str, str | None] = {step.__name__: None for step in filters.FILTERS}
    before = answer
    for step in steps:
        if step.text != before:
            effects[step.name] = gated(filters.clean(answer, case, (step.name,))[0])
        before = step.text or ""
    effects[SYNTAX] = final if isinstance(final, str) and not gated(final) else None
    return effects
