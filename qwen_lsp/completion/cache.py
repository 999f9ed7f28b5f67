"""Finished answers of one model, found again while the user types into them, deletes or retypes.

An entry holds what the model saw (the windows of the prompt) and what it wrote. It serves every state
that is reached by typing the answer's own beginning, up to MAX_TYPED_CHARS: typing through, accepting
a word or a line, deleting back and typing again. Bounded; the least recently used entry goes first.
"""

from __future__ import annotations

from dataclasses import dataclass

from cachetools import LRUCache

from qwen_lsp.completion.confidence import Marks

MAX_ENTRIES = 250
MAX_TYPED_CHARS = 128


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer after its filters, or the reason why it is not shown (`text` is then empty).

    Shape: `rule` names the filter or gate behind `reason`; `others` are other beginnings that the model
    considered, with their log-probability; `alternatives` are the answers made of them, None before
    anybody asked; `marks` tell how sure the text is.
    """

    prefix: str
    suffix: str
    text: str
    reason: str = ""
    marks: Marks = ()
    others: tuple[tuple[str, float], ...] = ()
    alternatives: tuple[str, ...] | None = None
    rule: str = ""

    def rest(self, prefix: str, suffix: str) -> str | None:
        """Return what is left of the answer at a later state; None when that state is not on its way."""
        if suffix != self.suffix or not prefix.startswith(self.prefix):
            return None
        typed = prefix[len(self.prefix) :]
        if len(typed) > MAX_TYPED_CHARS or not self.text.startswith(typed):
            return None
        return self.text[len(typed) :]


class Cache:
    """The answers of all documents; one for each model and settings."""

    def __init__(self) -> None:
        self._entries: LRUCache[tuple[str, str, str], Entry] = LRUCache(MAX_ENTRIES)

    def put(self, uri: str, entry: Entry) -> None:
        """Keep an answer."""
        self._entries[uri, entry.prefix, entry.suffix] = entry

    def find(self, uri: str, prefix: str, suffix: str) -> tuple[Entry, str] | None:
        """Return the entry that serves this state with the most left to show, and that rest.

        Shape: a rejected answer is found only at its own state, with an empty rest.
        """
        best: tuple[Entry, str] | None = None
        for key, entry in list(self._entries.items()):
            if key[0] != uri or not 0 <= len(prefix) - len(entry.prefix) <= MAX_TYPED_CHARS:
                continue
            rest = entry.rest(prefix, suffix)
            is_here = len(entry.prefix) == len(prefix)
            if rest is not None and (is_here or rest) and (best is None or len(rest) > len(best[1])):
                best = entry, rest
        if best is not None:
            _ = self._entries[uri, best[0].prefix, best[0].suffix]  # used, so it goes last
        return best
