"""Windows of one engine whose processes are killed at random moments, and what must hold after each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.support.shared_engine import brokers, engines, is_gone, window_process, windows
from tests.support.waiting import until


async def survives_kills(
    place: Path, program: Any, n: int, victims: Sequence[str], answer: str | None, seed: int | None = None
) -> None:
    """Kill `n` times: each next request is answered, by one engine, and in the end nothing is left.

    `answer` is what a request is answered with, None for any text: a real model's words depend on what else
    is in a batch. The same `seed`, by default `n`, kills the same at the same moments.

    `program` has the paths of a stand-in for llama-server ("" for none) and of a model, and a `pid` where
    "program" is among the victims.
    """
    chance = random.Random(n if seed is None else seed)
    async with AsyncExitStack() as stack:
        inside = await stack.enter_async_context(windows(program, 2))
        outside = await stack.enter_async_context(window_process(program))
        for number in range(n):
            kind = chance.choice(victims)
            asked = [asyncio.create_task(one.ask()) for one in inside] if chance.random() < 0.5 else []
            await asyncio.sleep(chance.random() * 0.05)
            if kind in ("engine", "program", "process"):
                await killed(kind, place, program)
            else:
                if kind == "starter":  # it may be the one that is just starting the process again
                    await killed("process", place, program)
                    await asyncio.sleep(chance.random() * 0.3)
                await outside.kill()
                outside = await stack.enter_async_context(window_process(program))
            await asyncio.gather(*asked, return_exceptions=True)  # what was under way may be lost
            what = f"{kind}, number {number}"
            answers = await asyncio.gather(*(one.ask() for one in inside), outside.ask())
            assert all(text and not text.startswith("error: ") for text in answers), (what, answers)
            assert answer is None or answers == [answer] * 3, (what, answers)
            assert {one.engine.own for one in inside} == {None}, what
            assert outside.is_shared, what
            assert len(brokers(place)) == 1, what
            assert len(engines(place)) == 1, what
    await until(lambda: not brokers(place), "nothing is left when the windows are gone")
    assert not (place / "engine.json").exists()


async def killed(kind: str, place: Path, program: Any) -> None:
    """Kill one, if chance has not found it dead already, and wait until the system has taken note."""
    found: list[psutil.Process] = []
    if kind != "program":
        found = (brokers if kind == "process" else engines)(place)
    with suppress(psutil.NoSuchProcess):
        found = found or [psutil.Process(program.pid)]
        for one in found:
            one.kill()
    await until(lambda: is_gone(found), "it is dead")
