"""Windows that share an engine, in the test's own process and in others, and the processes they share."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from qwen_lsp.config import EngineConfig
from qwen_lsp.model import runtime, shared
from qwen_lsp.model.client import Client
from qwen_lsp.model.generation import Request
from qwen_lsp.model.shared import SharedEngine
from qwen_lsp.model.state import State
from tests.support.editor import within
from tests.support.places import REPOSITORY
from tests.support.stand_in import Program
from tests.support.waiting import until

ANSWER = "return 1"
WINDOW = """
import asyncio, logging, sys
from pathlib import Path
from qwen_lsp.config import EngineConfig
from qwen_lsp.errors import QwenLspError
from qwen_lsp.model.generation import Request
from qwen_lsp.model.shared import SharedEngine

async def ask(engine):
    try:
        client = await engine.ready()
        async with client.stream(Request("x = ", 16)) as chunks:
            return "".join([chunk.text async for chunk in chunks])
    except QwenLspError as error:
        return f"error: {error}"

async def main():
    program, model = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING)
    config = EngineConfig(program=program, linger_seconds=0.2)
    engine = SharedEngine(config, lambda: Path(model), lambda state: None)
    await engine.ready()
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        text = (await ask(engine)).replace("\\n", " ")  # an answer a line
        print("own" if engine.own else "shared", text, flush=True)

asyncio.run(main())
"""
PROCESS = "import sys; sys.argv.pop(0); from qwen_lsp.model import broker; broker.main()"


@asynccontextmanager
async def runtime_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> AsyncIterator[Path]:
    """A runtime folder of the test's own; nothing is left in it."""
    (folder / "runtime").mkdir(exist_ok=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "runtime"))
    place = runtime.folder()
    yield place
    await shared.stop()
    await until(lambda: not brokers(place), "nothing is left")


def brokers(place: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if runtime.PROCESS in command and str(place) in command:
                found.append(process)
        except psutil.Error:
            continue
    return found


def engines(place: Path) -> list[psutil.Process]:
    """Return the engine processes of all that serve the folder; not the programs that they run."""
    found = []
    for broker in brokers(place):
        with suppress(psutil.NoSuchProcess):
            for child in broker.children():
                with suppress(psutil.NoSuchProcess):
                    if "qwen_lsp.model.engine_host" in child.cmdline():
                        found.append(child)
    return found


class Window:
    """A window in the test's own process."""

    def __init__(self, program: Program, **settings: Any) -> None:
        config = EngineConfig(program=str(program.path), **{"linger_seconds": 0.2, **settings})
        self.states: list[State] = []
        self.engine = SharedEngine(config, lambda: program.model, self.states.append)

    async def ask(self) -> str:
        client: Client = await within(self.engine.ready())
        async with client.stream(Request("x = ", 16)) as chunks:
            return "".join([chunk.text async for chunk in chunks])


@asynccontextmanager
async def windows(program: Program, n: int, **settings: Any) -> AsyncIterator[list[Window]]:
    opened = [Window(program, **settings) for _ in range(n)]
    try:
        yield opened
    finally:
        for window in opened:
            await window.engine.close()


class WindowProcess:
    """A window in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.is_shared = False

    async def ask(self) -> str:
        """Return the answer to a question; take note whether the shared engine gave it."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        kind, _, text = (await self.line()).partition(" ")
        self.is_shared = kind == "shared"
        return text

    async def line(self) -> str:
        assert self.process.stdout is not None
        line: bytes = await within(self.process.stdout.readline())
        return line.decode().rstrip("\n")

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def window_process(
    program: Program, prelude: str = "", log: Path | None = None
) -> AsyncIterator[WindowProcess]:
    """Run a window; `prelude` is Python that it runs first, and `log` gets its stderr."""
    with (log or Path(os.devnull)).open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", prelude + WINDOW, str(program.path), str(program.model)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr if log else None,
            cwd=REPOSITORY,
        )
    window = WindowProcess(process)
    try:
        assert await window.line() == "ready"
        yield window
    finally:
        await window.kill()


async def start_process(place: Path, prelude: str) -> asyncio.subprocess.Process:
    """Start the process of the shared engine, which runs the prelude first."""
    runtime.prepare(place)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", prelude + PROCESS, runtime.PROCESS, str(place)),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    assert await within(process.stdout.readline()) == b"ready\n"
    return process


def is_gone(processes: list[psutil.Process]) -> bool:
    """Say whether all have ended; one that nobody has waited for yet has."""
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                return False
    return True
