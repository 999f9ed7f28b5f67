"""Whose turn it is: completions first, the rest in pauses, and making way before anything is written."""

from __future__ import annotations

import asyncio
import itertools

from qwen_lsp.model.turns import Turn, Turns, Urgency
from tests.support import virtual_time
from tests.support.waiting import until

PAUSE_S = 0.02


class Asking:
    """One request, from its wish to its end."""

    def __init__(self, turns: Turns, urgency: Urgency, window: str = "") -> None:
        self.turn: Turn | None = None
        self._end = asyncio.Event()
        self.task = asyncio.create_task(self._run(turns, urgency, window))

    async def _run(self, turns: Turns, urgency: Urgency, window: str) -> None:
        async with turns.turn(urgency, window) as self.turn:
            await self._end.wait()

    async def ends(self) -> None:
        self._end.set()
        await self.task


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_completion_goes_before_what_came_earlier() -> None:
    turns = Turns(1, PAUSE_S)
    first = Asking(turns, Urgency.COMPLETION)
    await settled()
    waiting = [Asking(turns, one) for one in (Urgency.CHAT, Urgency.PREFILL, Urgency.COMPLETION)]
    await settled()
    assert [one.turn for one in waiting] == [None, None, None]
    await first.ends()
    await settled()
    chat, prefill, completion = waiting
    assert completion.turn is not None
    assert (chat.turn, prefill.turn) == (None, None)
    await completion.ends()
    await until(lambda: prefill.turn, "the pause is over")
    assert chat.turn is None
    await prefill.ends()
    await until(lambda: chat.turn, "it is the last")
    await chat.ends()


async def test_a_prompt_that_is_being_read_makes_way() -> None:
    turns = Turns(2, PAUSE_S)
    chat = Asking(turns, Urgency.CHAT)
    await settled()
    assert chat.turn is not None
    completion = Asking(turns, Urgency.COMPLETION)
    await settled()
    assert completion.turn is not None, "there is a slot for it"
    assert chat.turn.must_wait.is_set()
    await completion.ends()
    await chat.ends()


async def test_an_answer_that_is_being_written_goes_on() -> None:
    turns = Turns(2, PAUSE_S)
    chat = Asking(turns, Urgency.CHAT)
    await settled()
    assert chat.turn is not None
    chat.turn.has_begun = True
    completion = Asking(turns, Urgency.COMPLETION)
    await settled()
    assert not chat.turn.must_wait.is_set()
    assert completion.turn is not None
    await completion.ends()
    await chat.ends()


async def test_a_review_waits_for_a_longer_pause_than_a_chat() -> None:
    turns = Turns(2, PAUSE_S)
    completion = Asking(turns, Urgency.COMPLETION)
    await settled()
    review, chat = Asking(turns, Urgency.REVIEW), Asking(turns, Urgency.CHAT)
    await completion.ends()
    await until(lambda: chat.turn, "the pause is over")
    assert review.turn is None
    await chat.ends()
    await until(lambda: review.turn, "nobody has typed for long")
    late = Asking(turns, Urgency.CHAT)
    await settled()
    assert late.turn is None, "one slot is left for whoever types"
    await review.ends()
    await until(lambda: late.turn, "the slot is free")
    await late.ends()


async def test_chats_leave_a_slot() -> None:
    turns = Turns(2, PAUSE_S)
    first, second = Asking(turns, Urgency.CHAT), Asking(turns, Urgency.CHAT)
    await settled()
    assert first.turn is not None
    assert second.turn is None
    await first.ends()
    await settled()
    assert second.turn is not None
    await second.ends()


async def test_one_that_is_given_up_while_it_waits_leaves_nothing() -> None:
    turns = Turns(1, PAUSE_S)
    first, second = Asking(turns, Urgency.COMPLETION), Asking(turns, Urgency.COMPLETION)
    await settled()
    second.task.cancel()
    await asyncio.gather(second.task, return_exceptions=True)
    third = Asking(turns, Urgency.COMPLETION)
    await first.ends()
    await settled()
    assert third.turn is not None
    await third.ends()


async def test_one_that_made_way_keeps_its_place() -> None:
    turns = Turns(1, 0)
    async with turns.turn(Urgency.CHAT) as turn:
        pass
    blocker = Asking(turns, Urgency.COMPLETION)
    await settled()
    later = Asking(turns, Urgency.CHAT)
    await settled()
    again = asyncio.create_task(_turn(turns, turn))
    await settled()
    await blocker.ends()
    await settled()
    assert again.done(), "it came before the other one"
    await until(lambda: later.turn, "then the other")
    await later.ends()


async def _turn(turns: Turns, earlier: Turn) -> None:
    async with turns.turn(Urgency.CHAT, earlier=earlier):
        pass


async def test_the_newest_key_goes_first() -> None:
    turns = Turns(1, PAUSE_S)
    first = Asking(turns, Urgency.COMPLETION)
    await settled()
    assert first.turn is not None
    first.turn.has_begun = True
    older, newer = Asking(turns, Urgency.COMPLETION), Asking(turns, Urgency.COMPLETION)
    await settled()
    await first.ends()
    await settled()
    assert newer.turn is not None
    assert older.turn is None
    await newer.ends()
    await older.ends()


async def test_who_has_waited_for_long_goes_before_newer_keys() -> None:
    """Somebody who has stopped typing waits for the answer, while others go on."""
    turns = Turns(1, PAUSE_S, patience_s=0.0)
    first = Asking(turns, Urgency.COMPLETION)
    await settled()
    older, newer = Asking(turns, Urgency.COMPLETION), Asking(turns, Urgency.COMPLETION)
    await settled()
    assert first.turn is not None
    assert not first.turn.must_wait.is_set(), "it has waited long enough to stay"
    await first.ends()
    await settled()
    assert older.turn is not None
    assert newer.turn is None
    await older.ends()
    await newer.ends()


async def test_an_older_key_that_has_no_answer_yet_makes_way_where_no_slot_is_free() -> None:
    turns = Turns(2, PAUSE_S)
    oldest, older = Asking(turns, Urgency.COMPLETION), Asking(turns, Urgency.COMPLETION)
    await settled()
    newest = Asking(turns, Urgency.COMPLETION)
    await settled()
    assert oldest.turn is not None
    assert older.turn is not None
    assert oldest.turn.must_wait.is_set()
    assert not older.turn.must_wait.is_set()
    await oldest.ends()
    await settled()
    assert newest.turn is not None
    await older.ends()
    await newest.ends()


def test_a_turn_is_kept_for_what_its_window_asks_now() -> None:
    """Others wait meanwhile, even who has waited for longer and who asks later."""

    async def work() -> None:
        turns = Turns(1)
        others = Asking(turns, Urgency.COMPLETION, "oak")
        await asyncio.sleep(5)
        old = Asking(turns, Urgency.COMPLETION, "ash")
        await asyncio.sleep(1)
        await others.ends()
        await settled()
        assert old.turn is not None
        turns.keep(old.turn)
        newer = Asking(turns, Urgency.COMPLETION, "oak")
        await old.ends()
        await asyncio.sleep(0.1)
        assert newer.turn is None
        now = Asking(turns, Urgency.COMPLETION, "ash")
        await settled()
        assert now.turn is not None
        assert now.turn.asked_s == old.turn.asked_s, "the window has waited since then"
        assert newer.turn is None
        await now.ends()
        await settled()
        assert newer.turn is not None
        await newer.ends()

    virtual_time.run(work())


def test_a_window_that_asks_for_another_text_has_waited_all_the_time() -> None:
    async def work() -> None:
        turns = Turns(1)
        first = Asking(turns, Urgency.COMPLETION, "oak")
        await settled()
        assert first.turn is not None
        first.turn.has_begun = True
        given_up = Asking(turns, Urgency.COMPLETION, "ash")
        await asyncio.sleep(2)
        other = Asking(turns, Urgency.COMPLETION, "elm")
        given_up.task.cancel()
        await asyncio.sleep(0.5)
        again = Asking(turns, Urgency.COMPLETION, "ash")
        await asyncio.sleep(3)
        await first.ends()
        await settled()
        assert again.turn is not None
        assert other.turn is None
        await again.ends()
        await asyncio.sleep(5)
        later = Asking(turns, Urgency.COMPLETION, "ash")
        await settled()
        assert other.turn is not None
        assert later.turn is None
        await other.ends()
        await later.ends()

    virtual_time.run(work())


def test_a_turn_that_nobody_comes_for_is_the_next_ones() -> None:
    async def work() -> None:
        turns = Turns(1)
        old = Asking(turns, Urgency.COMPLETION, "ash")
        await settled()
        assert old.turn is not None
        turns.keep(old.turn)
        await old.ends()
        waiting = Asking(turns, Urgency.COMPLETION, "oak")
        await asyncio.sleep(1)
        assert waiting.turn is not None
        late = Asking(turns, Urgency.COMPLETION, "ash")
        await settled()
        assert late.turn is None, "it comes in its turn"
        await waiting.ends()
        await settled()
        assert late.turn is not None
        await late.ends()

    virtual_time.run(work())


def test_windows_that_type_all_the_time_are_served_by_turns() -> None:
    """Eight windows, each of which asks anew for its newest text whenever its turn comes late."""
    served: dict[str, list[float]] = {}

    async def type_in(turns: Turns, window: str, begins_s: float) -> None:
        await asyncio.sleep(begins_s)
        loop = asyncio.get_running_loop()
        while True:
            asked_s = loop.time()
            async with turns.turn(Urgency.COMPLETION, window) as turn:
                if loop.time() - asked_s > 0.3:
                    turns.keep(turn)
                    continue
                served.setdefault(window, []).append(loop.time())
                turn.has_begun = True
                await asyncio.sleep(1)

    async def work() -> None:
        turns = Turns(2)
        typing = [asyncio.create_task(type_in(turns, str(number), number / 40)) for number in range(8)]
        await asyncio.sleep(60)
        for task in typing:
            task.cancel()

    virtual_time.run(work())
    assert len(served) == 8
    assert sum(len(times) for times in served.values()) > 110, "the engine was never idle"
    gaps = [after - before for times in served.values() for before, after in itertools.pairwise(times)]
    assert max(gaps) < 8, "each had it again and again"
