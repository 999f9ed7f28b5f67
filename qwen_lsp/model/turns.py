"""Whose turn it is on an engine that several windows use: the newest key first, the rest while nobody types.

The engine works on a few requests at once, and each batch of a long prompt delays everybody's next token. So
what is less urgent starts only in a pause, and makes way until it begins to write, a review until it is done;
what it has read stays in the engine's cache. One person types in one window: the completion of an older key
makes way for that of a newer one, until it has waited for long. Who waits types on meanwhile: a turn can be
kept for what its window asks now. Knows no HTTP and no text.
"""

from __future__ import annotations

import asyncio
import enum
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

# A key comes every 0.2 s while somebody types; after half a second a longer batch disturbs nobody.
_PAUSE_S = 0.5
# A review, which nobody waits for, starts after a pause so many times as long: the key that ends it waits.
_REVIEW_PAUSES = 4
# Whoever has waited for so long has stopped typing and looks at the screen: first come, first served.
_PATIENCE_S = 3.0
# So long a turn is kept for the same window's newer text: the time of a key.
_KEPT_S = 0.2
# A window that gives up a request and asks for another text so soon has waited all the time.
_SAME_WAIT_S = 1.0


class Urgency(enum.IntEnum):
    """What goes first: a key that somebody waits for, the prompt of a place, a chat, a review's question."""

    COMPLETION = 0
    PREFILL = 1
    CHAT = 2
    REVIEW = 3


@dataclass(eq=False, slots=True)
class Turn:
    """One request's turn. `must_wait` is set when it is to make way; one that `has_begun` to write stays.

    `asked_s` is since when its window has waited, by the clock of the event loop.
    """

    urgency: Urgency
    window: str
    number: int
    asked_s: float
    granted: asyncio.Event = field(default_factory=asyncio.Event)
    must_wait: asyncio.Event = field(default_factory=asyncio.Event)
    has_begun: bool = False


class Turns:
    """The turns of one engine.

    State: who has one, who waits, which turns are kept for newer texts, how long windows have waited for what
    they gave up, and when the last completion ended.
    """

    def __init__(self, slots: int, pause_s: float = _PAUSE_S, patience_s: float = _PATIENCE_S) -> None:
        self._slots = slots
        self._pause_s = pause_s
        self._patience_s = patience_s
        self._numbers = itertools.count()
        self._running: set[Turn] = set()
        self._waiting: list[Turn] = []
        self._kept: dict[str, Turn] = {}
        self._given_up: dict[str, tuple[float, float]] = {}
        self._completed_s = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(
        self, urgency: Urgency, window: str = "", earlier: Turn | None = None
    ) -> AsyncIterator[Turn]:
        """Wait for a turn and have it. One that made way brings its `earlier` turn, and so its place."""
        kept = self._kept.pop(window, None) if urgency == Urgency.COMPLETION else None
        if kept is not None:
            turn = Turn(urgency, window, next(self._numbers), kept.asked_s)
            turn.granted.set()
            self._running.remove(kept)
            self._running.add(turn)
        else:
            turn = self._queued(urgency, window, earlier)
        try:
            await turn.granted.wait()
            yield turn
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)
                if urgency == Urgency.COMPLETION:
                    self._given_up[window] = turn.asked_s, asyncio.get_running_loop().time()
                self._admit()
            elif self._kept.get(window) is not turn:
                self._end(turn)

    @property
    def is_crowded(self) -> bool:
        """Whether completions wait for their turn."""
        return any(one.urgency == Urgency.COMPLETION for one in self._waiting)

    def keep(self, turn: Turn) -> None:
        """Keep a turn that one has for the next completion of its window, if it comes in a moment."""
        self._kept[turn.window] = turn
        asyncio.get_running_loop().call_later(_KEPT_S, self._unkept, turn)

    def _unkept(self, turn: Turn) -> None:
        if self._kept.get(turn.window) is turn:
            del self._kept[turn.window]
            self._end(turn)

    def _end(self, turn: Turn) -> None:
        self._running.remove(turn)
        if turn.urgency == Urgency.COMPLETION:
            self._completed_s = asyncio.get_running_loop().time()
        self._admit()

    def _queued(self, urgency: Urgency, window: str, earlier: Turn | None) -> Turn:
        if earlier is None:
            turn = Turn(urgency, window, next(self._numbers), self._waits_since(urgency, window))
        else:
            turn = Turn(urgency, window, earlier.number, earlier.asked_s)
        self._waiting.append(turn)
        if urgency == Urgency.COMPLETION and earlier is None:
            self._make_way()
        self._admit()
        return turn

    def _waits_since(self, urgency: Urgency, window: str) -> float:
        now_s = asyncio.get_running_loop().time()
        if urgency != Urgency.COMPLETION:
            return now_s
        since_s, until_s = self._given_up.pop(window, (now_s, now_s))
        return since_s if now_s - until_s < _SAME_WAIT_S else now_s

    def _make_way(self) -> None:
        """Let a new key in: what is less urgent and, where no slot is free, the oldest key of others wait."""
        others = [
            one
            for one in self._running
            if not one.has_begun and not one.must_wait.is_set() and self._kept.get(one.window) is not one
        ]
        for one in others:
            if one.urgency != Urgency.COMPLETION:
                one.must_wait.set()
        if len(self._running) < self._slots or any(one.must_wait.is_set() for one in self._running):
            return
        now_s = asyncio.get_running_loop().time()
        young = [one for one in others if now_s - one.asked_s < self._patience_s]
        if young:
            min(young, key=lambda one: one.number).must_wait.set()

    def _place(self, turn: Turn) -> tuple[int, bool, float]:
        """Return what the waiting are ordered by."""
        if turn.urgency != Urgency.COMPLETION:
            return turn.urgency, False, turn.number
        is_young = asyncio.get_running_loop().time() - turn.asked_s < self._patience_s
        return turn.urgency, is_young, -turn.number if is_young else turn.asked_s

    def _admit(self) -> None:
        for turn in sorted(self._waiting, key=self._place):
            if len(self._running) >= self._slots:
                return
            if turn.urgency != Urgency.COMPLETION and self._is_typing(turn.urgency):
                return
            if turn.urgency >= Urgency.CHAT and any(one.urgency >= Urgency.CHAT for one in self._running):
                return  # one slot is always left for whoever types
            self._waiting.remove(turn)
            self._running.add(turn)
            turn.granted.set()

    def _is_typing(self, urgency: Urgency) -> bool:
        """Say whether a completion runs or has just ended; look again when the pause for this is over."""
        if any(one.urgency == Urgency.COMPLETION for one in self._running):
            return True
        loop = asyncio.get_running_loop()
        pause_s = self._pause_s * (_REVIEW_PAUSES if urgency == Urgency.REVIEW else 1)
        left_s = self._completed_s + pause_s - loop.time()
        if left_s <= 0:
            return False
        if self._timer is None:
            self._timer = loop.call_later(left_s + 0.001, self._look_again)
        return True

    def _look_again(self) -> None:
        self._timer = None
        self._admit()
