"""Finished answers of one model, found again while the user types into them, deletes or retypes.

An entry holds what the model saw (the windows of the prompt) and what it wrote. It serves every state
that is reached by typing the answer's own beginning, up to MAX_TYPED_CHARS: typing through, accepting
a word or a line, deleting back and typing again. Bounded; the least recently used entry goes first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cachetools import LRUCache

from qwen_lsp.completion.answer import Answer

MAX_ENTRIES = 250
MAX_TYPED_CHARS = 128


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer after its filters, or the reason why it is not shown (its text is then empty).

    Shape: `rule` names the filter or gate behind `reason`; `others` are other beginnings that the model
    considered, with their log-probability; `alternatives` are the answers made of them, None before
    anybody asked.
    """

    prefix: str
    suffix: str
    answer: Answer
    reason: str = ""
    others: tuple[tuple[str, float], ...] = ()
    alternatives: tuple[str, ...] | None = None
    rule: str = ""

    def at(self, prefix: str, suffix: str) -> Answer | None:
        """Return the answer as a later state finds it; None when that state is not on its way."""
        if suffix != self.suffix or not prefix.startswith(self.prefix):
            return None
        typed = prefix[len(self.prefix) :]
        return self.answer.after(typed) if len(typed) <= MAX_TYPED_CHARS else None

    def left_at(self, prefix: str, suffix: str) -> Answer:
        """Return the answer there, with nothing left of it where typing went further or another way."""
        return self.at(prefix, suffix) or replace(self.answer, n_typed=len(self.answer.text))


class Cache:
    """The answers of all documents; one for each model and settings."""

    def __init__(self) -> None:
        self._entries: LRUCache[tuple[str, str, str], Entry] = LRUCache(MAX_ENTRIES)

    def put(self, uri: str, entry: Entry) -> None:
        """Keep an answer."""
        self._entries[uri, entry.prefix, entry.suffix] = entry

    def find(self, uri: str, prefix: str, suffix: str) -> tuple[Entry, Answer] | None:
        """Return the entry that serves this state with the most left to show, and what is typed of it.

        Shape: a rejected answer is found only at its own state, with an empty rest.
        """
        best: tuple[Entry, Answer] | None = None
        for key, entry in list(self._entries.items()):
            if key[0] != uri or not 0 <= len(prefix) - len(entry.prefix) <= MAX_TYPED_CHARS:
                continue
            answer = entry.at(prefix, suffix)
            if answer is None or not (answer.rest or (not answer.n_typed and entry.prefix == prefix)):
                continue
            if best is None or len(answer.rest) > len(best[1].rest):
                best = entry, answer
        if best is not None:
            _ = self._entries[uri, best[0].prefix, best[0].suffix]  # used, so it goes last
        return best
