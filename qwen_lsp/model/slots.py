"""In which slot of a shared engine a window's text is, so that the window's next key goes on there.

llama.cpp chooses among the slots that are free the one that has most of a prompt. A request that was given
up has its slot for some moments more, so the choice would fall on another one, and all would be read again.
Where a prompt goes on from its window's last one, the slot of that one is named; else the engine chooses.
Which one it chose is seen by which are busy. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from qwen_lsp.errors import QwenLspError
from qwen_lsp.model.generation import Slot

# An engine tells its slots between two batches, and ends within a few what was given up.
_TOLD_S = 1.0

AskSlots = Callable[[], Awaitable[Sequence[Slot]]]


@dataclass(eq=False, slots=True)
class Placed:
    """A prompt in the engine. `slot` is done when it is known where, with None if that cannot be known.

    `ended_s` is when it was answered or given up, by the clock of the event loop.
    """

    who: str
    prompt: str
    slot: asyncio.Future[int | None]
    is_asked_for: bool = False
    ended_s: float | None = None

    @property
    def number(self) -> int | None:
        """The slot, if it is known."""
        return self.slot.result() if self.slot.done() else None


class Slots:
    """Where the last prompt of each window is. State: that, and the questions under way."""

    def __init__(self) -> None:
        self._last: dict[str, Placed] = {}
        self._in: dict[int, Placed] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def place(self, who: str, prompt: str) -> Placed:
        """Note what is about to be sent; its slot is known where it is to be named.

        `who` is a window and what it asks for: completions and chats have nothing in common.
        """
        last = self._last.get(who)
        placed = Placed(who, prompt, asyncio.get_running_loop().create_future())
        if last is not None and _goes_on(last.prompt, prompt):
            await asyncio.wait({last.slot}, timeout=_TOLD_S)
            number = last.number
            if number is not None and self._in.get(number) is last:
                self._put(placed, number)
        self._last[who] = placed
        return placed

    def has_begun(self, placed: Placed, ask: AskSlots) -> None:
        """Find out where a prompt is that the engine has begun to read."""
        if not placed.slot.done():
            placed.is_asked_for = True
            task = asyncio.create_task(self._find(placed, ask))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def has_ended(self, placed: Placed) -> None:
        """Note that a request was answered or given up."""
        placed.ended_s = asyncio.get_running_loop().time()
        if not placed.is_asked_for and not placed.slot.done():
            placed.slot.set_result(None)

    def forget(self, window: str) -> None:
        """Drop what is kept of a window that is gone."""
        for who in [who for who in self._last if who.startswith(window)]:
            del self._last[who]

    async def _find(self, placed: Placed, ask: AskSlots) -> None:
        number = None
        try:
            busy = {slot.id for slot in await ask() if slot.is_busy}
            others = {number: one.ended_s for number, one in self._in.items() if one is not placed}
            left = busy - {number for number, ended_s in others.items() if ended_s is None}
            if len(left) > 1:  # what was given up has its slot for some moments more
                since_s = asyncio.get_running_loop().time() - _TOLD_S
                left -= {number for number, ended_s in others.items() if ended_s and ended_s > since_s}
            number = left.pop() if len(left) == 1 else None
        except (QwenLspError, OSError, ValueError):
            pass  # the engine chooses, then
        finally:
            if not placed.slot.done():
                self._put(placed, number)

    def _put(self, placed: Placed, number: int | None) -> None:
        placed.slot.set_result(number)
        if number is not None:
            self._in[number] = placed


def _goes_on(before: str, now: str) -> bool:
    """Say whether most of a prompt is still there in the next one."""
    return now.startswith(before[: len(before) // 2 + 1])
