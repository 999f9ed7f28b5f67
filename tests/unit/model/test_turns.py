"""Whose turn it is: completions first, the rest in pauses, and making way before anything is written."""

from __future__ import annotations

import asyncio

from qwen_lsp.model.turns import Turn, Turns, Urgency
from tests.support.waiting import until

PAUSE_S = 0.02


class Asking:
    """One request, from its wish to its end."""

    def __init__(self, turns: Turns, urgency: Urgency) -> None:
        self.turn: Turn | None = None
        self._end = asyncio.Event()
        self.task = asyncio.create_task(self._run(turns, urgency))

    async def _run(self, turns: Turns, urgency: Urgency) -> None:
        async with turns.turn(urgency) as self.turn:
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
    async with turns.turn(Urgency.CHAT, earlier):
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
