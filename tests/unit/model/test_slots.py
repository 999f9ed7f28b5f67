"""Which slot of an engine a window's next prompt is sent to, with an engine that says which are busy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from qwen_lsp.errors import EndpointUnavailable
from qwen_lsp.model.generation import Slot
from qwen_lsp.model.slots import AskSlots, Placed, Slots

PROMPT = "def total(prices):\n    return "


def busy(*numbers: int) -> AskSlots:
    async def ask() -> Sequence[Slot]:
        return [Slot(number, number in numbers) for number in range(2)]

    return ask


async def begun(slots: Slots, who: str, prompt: str, *numbers: int) -> Placed:
    """Send a prompt that the engine begins to read while these slots are busy."""
    placed = await slots.place(who, prompt)
    slots.has_begun(placed, busy(*numbers))
    await asyncio.wait({placed.slot})
    return placed


async def test_a_prompt_that_goes_on_is_sent_to_the_slot_of_the_last_one() -> None:
    slots = Slots()
    first = await begun(slots, "a", PROMPT, 1)
    slots.has_ended(first)
    assert (await slots.place("a", PROMPT + "su")).number == 1


async def test_the_engine_chooses_for_another_prompt_and_for_another_window() -> None:
    slots = Slots()
    slots.has_ended(await begun(slots, "a", PROMPT, 1))
    assert (await slots.place("b", PROMPT)).number is None
    assert (await slots.place("a", "import os\n")).number is None


async def test_a_slot_that_another_window_has_taken_is_not_named() -> None:
    slots = Slots()
    slots.has_ended(await begun(slots, "a", PROMPT, 1))
    slots.has_ended(await begun(slots, "b", "import os\n", 1))
    assert (await slots.place("a", PROMPT + "su")).number is None


async def test_what_others_run_and_what_was_just_given_up_is_not_taken_for_its_own() -> None:
    slots = Slots()
    await begun(slots, "a", PROMPT, 0)
    assert (await begun(slots, "b", "import os\n", 0, 1)).number == 1
    slots = Slots()
    slots.has_ended(await begun(slots, "a", PROMPT, 0))
    assert (await begun(slots, "a", "import os\n", 0, 1)).number == 1
    slots = Slots()
    slots.has_ended(await begun(slots, "a", PROMPT, 0))
    assert (await begun(slots, "a", "import os\n", 0)).number == 0, "it was free again"


async def test_where_it_cannot_be_known_the_engine_chooses() -> None:
    async def ask() -> Sequence[Slot]:
        raise EndpointUnavailable("gone")

    slots = Slots()
    placed = await slots.place("a", PROMPT)
    slots.has_begun(placed, ask)
    assert (await slots.place("a", PROMPT + "su")).number is None
    assert (await begun(slots, "b", "import os\n", 0, 1)).number is None


async def test_the_next_key_waits_until_it_is_known_where_the_last_one_is() -> None:
    """A request is given up before the engine, in the middle of a batch, has told its slots."""
    told = asyncio.Event()

    async def ask() -> Sequence[Slot]:
        await told.wait()
        return [Slot(0, False), Slot(1, True)]

    slots = Slots()
    first = await slots.place("a", PROMPT)
    slots.has_begun(first, ask)
    slots.has_ended(first)
    following = asyncio.create_task(slots.place("a", PROMPT + "su"))
    await asyncio.sleep(0)
    assert not following.done()
    told.set()
    assert (await following).number == 1


async def test_one_that_never_began_holds_nobody_up() -> None:
    slots = Slots()
    slots.has_ended(await slots.place("a", PROMPT))
    assert (await slots.place("a", PROMPT + "su")).number is None


@pytest.mark.parametrize("who", ["a completion", "a chat"])
async def test_a_window_that_is_gone_is_forgotten(who: str) -> None:
    slots = Slots()
    slots.has_ended(await begun(slots, who, PROMPT, 1))
    slots.forget("a")
    assert (await slots.place(who, PROMPT)).number is None
