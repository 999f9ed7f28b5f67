"""Thousands of random operations of a wild editor: nothing breaks or leaks, and both agree on the text."""

from __future__ import annotations

import random

import pytest

from tests.support import engine_server
from tests.support.editor import editing
from tests.support.engine_server import Answer, EngineServer, Generation, endless, garbage, refuses, says
from tests.support.storm import WINDOWS, Storm
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 2**20
TEXTS = (
    "return total\n\n\ndef more():\n    pass\n",
    "价格 * 数量  # 计算总价\n",
    "x)\n",
    "```python\nx = 1\n```",
    "Sure, here is the code:\nx = 1\n",
    "if x:\n  return '😀'\n  return None\n",
    "items, key=len)",
    "",
    "   \n",
)


def weather(seed: int) -> engine_server.EngineServer:
    """Return an engine that answers each generation by chance: well, slowly, badly, or never."""
    chance = random.Random(seed)

    def script(generation: Generation) -> Answer:
        bad = (
            endless(between_s=0.005),
            says("never", first_s=60),
            says("return x", end="drop"),
            refuses(500),
            refuses(503, "loading"),
            garbage("data: {", "data: []"),
        )
        if chance.random() < 0.1:
            return chance.choice(bad)
        return says(
            chance.choice(TEXTS), first_s=chance.choice((0, 0, 0.02)), between_s=chance.choice((0, 0, 0.005))
        )

    return EngineServer(script=script)


@pytest.mark.parametrize(("n", "seed"), [(2000, 7), pytest.param(10_000, 11, marks=pytest.mark.slow)])
async def test_a_storm(n: int, seed: int) -> None:
    async with engine_server.running(weather(seed)) as engine:
        options = {
            "completion": WINDOWS,
            "client": {"streamCompletion": True, "status": True, "explain": True},
        }
        async with editing(engine, options=options) as editor:
            storm = Storm(editor.session, seed, lambda chance: _wreck(engine, chance))
            memory = await storm.run(n)
            print(f"seed {seed}: {n} operations, {storm.n_asked} asked, {len(engine.generations)} generated")
            print("MiB after each tenth:", *(f"{size / MIB:.1f}" for size in memory))
            engine.script, engine.answer, engine.is_loading = None, says("pass"), False
            await until(lambda: not engine.running, "every slot is free")
            await storm.check_texts({"completion": {"prefetch": False}})
            await until(lambda: not engine.running, "every slot is free again")
            assert storm.errors() == []
            # Caches fill up in the beginning, in a short storm until its end; a leak would go on as it began.
            most = 0.1 if n >= 10_000 else 0.25
            assert memory[-1] - memory[4] < most * memory[4], "memory grows"
            editor.take_messages()  # of wrong settings


def _wreck(engine: EngineServer, chance: random.Random) -> None:
    """Cut every connection, as an engine does that dies; or be loading for a while."""
    if chance.random() < 0.5:
        for task in list(engine._connections):
            task.cancel()
    else:
        engine.is_loading = not engine.is_loading
