"""Where the prefix of a prompt begins: short at a new place, growing at its end while the user types there.

State: the last window of each document. A jump makes the engine read everything again, so it begins with what
is read within a moment; nothing is read twice afterwards, because the beginning stays until the text between
it and the cursor fills the whole budget. Knows no engine and no tokens of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

from cachetools import LRUCache

from qwen_lsp.completion.budget import Budget
from qwen_lsp.completion.prompt import prefix_window, suffix_window
from qwen_lsp.model.tokens import estimate
from qwen_lsp.text import Cursor, normalize_line_ends

_MAX_DOCUMENTS = 64
# So much of a window's beginning tells whether the text before it has moved.
_COMPARED_CHARS = 400


@dataclass(frozen=True, slots=True)
class _Window:
    """Where a window began, how it began, and what followed the cursor. Units: code points."""

    start: int
    beginning: str
    suffix: str


class Windows:
    """The windows of one session."""

    def __init__(self) -> None:
        self._last: LRUCache[str, _Window] = LRUCache(_MAX_DOCUMENTS)

    def around(self, cursor: Cursor, budget: Budget) -> tuple[str, str]:
        """Return the prefix and the suffix that the prompt at a cursor shows, with LF line ends."""
        document, at = cursor.document, cursor.offset
        suffix = suffix_window(cursor, budget.suffix_tokens)
        last = self._last.get(document.uri)
        # After another suffix the engine reads everything again: a jump.
        if last is not None and last.suffix == suffix and last.start <= at:
            window = document.text[last.start : at]
            is_same = window.startswith(last.beginning) or last.beginning.startswith(window)
            prefix = normalize_line_ends(window)
            if is_same and estimate(prefix) <= budget.prefix_tokens:
                return prefix, suffix
        prefix = prefix_window(cursor, min(budget.first_prefix_tokens, budget.prefix_tokens))
        start = _start(document.text, at, prefix)
        beginning = document.text[start : min(at, start + _COMPARED_CHARS)]
        self._last[document.uri] = _Window(start, beginning, suffix)
        return prefix, suffix

    def forget(self, uri: str) -> None:
        """Drop the window of a closed document."""
        self._last.pop(uri, None)


def _start(text: str, at: int, prefix: str) -> int:
    """Return where a prefix begins in the text, whose line ends may be longer; `at` where they are mixed."""
    for length in (len(prefix), len(prefix) + prefix.count("\n")):
        if length <= at and normalize_line_ends(text[at - length : at]) == prefix:
            return at - length
    return at
