"""What becomes of each suggestion after it was offered: accepted, in part, dismissed, typed through, kept.

State: the offers of this session. A suggestion that the user types into stays one offer, however often
the client asks again. It knows no LSP; counting goes to a Recorder, and no text leaves this module.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

from qwen_lsp.completion.stats.recorder import Recorder
from qwen_lsp.text import Document, Edit

_MAX_OFFERS = 256
# A client tells of an acceptance after it has changed the text, and a little after asking again.
_SETTLE_S = 2.0
_KEPT_AFTER_S = 30.0


@dataclass(slots=True)
class Offer:
    """One suggestion. `text` is all of it, from `start` on; the last `n_left` characters are to come."""

    uri: str
    language: str
    start: int
    text: str
    line_prefix: str
    n_left: int
    is_accepted: bool = False
    is_partly_accepted: bool = False
    is_dismissed: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the user has shown no will about it yet."""
        return not (self.is_accepted or self.is_partly_accepted or self.is_dismissed)


class Offers:
    """The offers of one session, by their ids; `current` returns an open document as it is now."""

    def __init__(
        self,
        current: Callable[[str], Document | None],
        recorder: Recorder,
        kept_after_s: float = _KEPT_AFTER_S,
        settle_s: float = _SETTLE_S,
    ) -> None:
        self._current = current
        self._recorder = recorder
        self._kept_after_s = kept_after_s
        self._settle_s = settle_s
        self._ids = itertools.count(1)
        self._offers: LRUCache[str, Offer] = LRUCache(_MAX_OFFERS)
        self._last: dict[str, str] = {}  # the id of each document's latest offer
        self._timers: set[asyncio.TimerHandle] = set()

    def offered(self, document: Document, edit: Edit) -> str:
        """Note a suggestion for this text; return its id."""
        last_id = self._last.get(document.uri, "")
        last = self._offers.get(last_id)
        if last is not None:
            if _goes_on(last, document, edit):
                last.text = document.text[last.start : edit.span.start] + edit.new_text
                last.n_left = len(edit.new_text)
                return last_id
            self._later(self._settle_s, last, self._settle)
        self._recorder.count(document.language, "shown")
        new_id = self.alternative(document, edit)
        self._last[document.uri] = new_id
        return new_id

    def alternative(self, document: Document, edit: Edit) -> str:
        """Note one more candidate beside the first; return its id. It is not counted as shown again."""
        new_id = str(next(self._ids))
        start, line = edit.span.start, document.starts[document.line_of(edit.span.start)]
        line_prefix = document.text[line:start]
        self._offers[new_id] = Offer(
            document.uri, document.language, start, edit.new_text, line_prefix, len(edit.new_text)
        )
        return new_id

    def accepted(self, id_: str, characters: int | None = None) -> None:
        """Count an acceptance, once; `characters` is how many came into the text, by default all left."""
        offer = self._offers.get(id_)
        if offer is None or offer.is_accepted:
            return
        offer.is_accepted = True
        n = offer.n_left if characters is None else _clamped(characters, offer)
        self._recorder.count(offer.language, "accepted")
        self._recorder.count(offer.language, "characters", n)
        self._later(self._kept_after_s, offer, self._check_kept)

    def partly_accepted(self, id_: str, characters: int) -> None:
        """Count the acceptance of the next `characters` characters; the suggestion counts once."""
        offer = self._offers.get(id_)
        if offer is None or offer.is_accepted:
            return
        if not offer.is_partly_accepted:
            offer.is_partly_accepted = True
            self._recorder.count(offer.language, "partly")
        n = _clamped(characters, offer)
        offer.n_left -= n
        self._recorder.count(offer.language, "characters", n)

    def dismissed(self, id_: str) -> None:
        """Count a suggestion that the user has put away."""
        offer = self._offers.get(id_)
        if offer is not None and offer.is_open:
            offer.is_dismissed = True
            self._recorder.count(offer.language, "dismissed")

    def forget(self, uri: str) -> None:
        """Drop the latest offer of a closed document."""
        self._last.pop(uri, None)

    def close(self) -> None:
        """End every wait; what was to be looked at later is not counted."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _later(self, after_s: float, offer: Offer, look: Callable[[Offer], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            look(offer)

        timer = asyncio.get_running_loop().call_later(after_s, run)
        self._timers.add(timer)

    def _settle(self, offer: Offer) -> None:
        """Count a suggestion that another one followed: was it typed through, letter by letter?"""
        document = self._current(offer.uri)
        if offer.is_open and document is not None and document.text.startswith(offer.text, offer.start):
            self._recorder.count(offer.language, "typed_through")

    def _check_kept(self, offer: Offer) -> None:
        """Count an accepted suggestion that still stands, wherever it has moved to."""
        document = self._current(offer.uri)
        if document is None:
            return
        accepted = offer.line_prefix + offer.text
        is_kept = accepted in document.text or _squeezed(accepted) in _squeezed(document.text)
        self._recorder.count(offer.language, "kept_of")
        self._recorder.count(offer.language, "kept", int(is_kept))


def _goes_on(last: Offer, document: Document, edit: Edit) -> bool:
    """Tell whether a suggestion is what is left of the last one, or more of it."""
    at, text = edit.span.start, document.text
    if last.is_accepted or last.is_dismissed or at < last.start or at - last.start >= len(last.text):
        return False
    typed = text[last.start : at]
    rest = last.text[len(typed) :]
    return last.text.startswith(typed) and (edit.new_text.startswith(rest) or rest.startswith(edit.new_text))


def _clamped(characters: int, offer: Offer) -> int:
    return min(max(characters, 0), offer.n_left)


def _squeezed(text: str) -> str:
    """Take the white space out: a formatter that ran on save has not thrown the suggestion away."""
    return "".join(text.split())
