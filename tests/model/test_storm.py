"""Random operations on the real engine, which is killed now and then: all is answered, and it rests after."""

from __future__ import annotations

import asyncio
import random

import psutil
import pytest

from qwen_lsp.bench import editor as lsp_session
from tests.model.conftest import READY_S
from tests.support.storm import SETTINGS, WINDOWS, Storm
from tests.support.waiting import until

pytestmark = [pytest.mark.model, pytest.mark.slow]

OPERATIONS, KILLS = 500, 2
# Another endpoint would end the engine each time, which the kills do already.
MILD = [settings for settings in SETTINGS if "endpoint" not in settings]


def engines(server_pid: int) -> list[psutil.Process]:
    """Return the engine processes of a server."""
    children = psutil.Process(server_pid).children(recursive=True)
    return [child for child in children if "qwen_lsp.model.engine_host" in " ".join(child.cmdline())]


async def test_a_storm() -> None:
    killed: list[int] = []
    options = {"completion": WINDOWS, "client": {"streamCompletion": True, "explain": True}}
    async with lsp_session.start(options=options) as session:
        pid = session.server_process.pid

        def kill(chance: random.Random) -> None:
            for engine in engines(pid):
                if len(killed) < KILLS:
                    killed.append(engine.pid)
                    engine.kill()

        storm = Storm(session, 3, kill, settings=MILD, max_chars=200, deadline_s=READY_S)
        await storm.run(OPERATIONS)
        if not killed:  # chance found no engine at its moments
            await until(lambda: bool(engines(pid)), "an engine runs")
            kill(random.Random(3))
            await storm.run(OPERATIONS // 10)
        await storm.check_texts({"completion": {"prefetch": False}})
        print(f"{storm.n_asked} asked, engines killed: {killed}")
        assert killed
        assert storm.errors() == []
        (engine,) = engines(pid)
        assert engine.pid not in killed
        await _rests(engine)
    await until(lambda: not psutil.pid_exists(engine.pid), "the engine is gone with its server")


async def _rests(engine: psutil.Process) -> None:
    """A slot that is still busy would write tokens for as long as nobody reads them."""
    for _ in range(20):
        before = sum(engine.cpu_times()[:2])
        await asyncio.sleep(0.5)
        if sum(engine.cpu_times()[:2]) - before < 0.05:
            return
    raise AssertionError("the engine is still at work")
