"""One engine for all windows: found, started, shared and lost. Real processes, a scripted engine."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil
import pytest
import pytest_asyncio
from click.testing import CliRunner

from qwen_lsp.child import Child
from qwen_lsp.cli.main import main
from qwen_lsp.config import EngineConfig
from qwen_lsp.model import runtime, shared
from qwen_lsp.model.client import Client
from qwen_lsp.model.generation import Request
from qwen_lsp.model.runtime import Meeting
from qwen_lsp.model.shared import SharedEngine
from qwen_lsp.model.state import State
from tests.support.editor import within
from tests.support.places import REPOSITORY
from tests.support.stand_in import Program
from tests.support.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a `#!` line"),
]

VICTIMS = ("engine", "program", "process", "process", "engine", "window")
WINDOW = """
import asyncio, sys
from pathlib import Path
from qwen_lsp.config import EngineConfig
from qwen_lsp.model.shared import SharedEngine

async def main():
    program, model = sys.argv[1:]
    config = EngineConfig(program=program, linger_seconds=0.2)
    engine = SharedEngine(config, lambda: Path(model), lambda state: None)
    await engine.ready()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""

OLD_VERSION = "import qwen_lsp; qwen_lsp.__version__ = '0.0.1'\n"
OLD_PROCESS = f"{OLD_VERSION}import sys; sys.argv.pop(0); from qwen_lsp.model import broker; broker.main()"


@pytest_asyncio.fixture(loop_scope="module")
async def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Path]:
    """A runtime folder of the test's own; nothing is left in it."""
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    yield runtime.folder()
    await shared.stop()
    await until(lambda: not brokers(runtime.folder()), "nothing is left")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


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


@asynccontextmanager
async def window_process(program: Program, code: str = WINDOW) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(program.path), str(program.model)),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    try:
        assert process.stdout is not None
        assert await within(process.stdout.readline()) == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_eight_windows_that_open_at_once_have_one_engine(place: Path, program: Program) -> None:
    async with windows(program, 8) as opened:
        answers = await asyncio.gather(*(window.ask() for window in opened))
        assert answers == ["return 1"] * 8
        assert {window.engine.own for window in opened} == {None}
        (broker,), (engine,) = brokers(place), engines(place)
        status = await shared.status()
        assert status is not None
        assert status.pid == broker.pid
        (of_engine,) = status.engines
        assert (of_engine.pid, of_engine.phase) == (engine.pid, "ready")
        assert of_engine.windows == (os.getpid(),) * 8
        assert of_engine.memory_bytes > 1_000_000
        file = place / "engine.json"
        assert file.stat().st_mode & 0o077 == 0
        assert place.stat().st_mode & 0o077 == 0
    await until(lambda: not brokers(place), "it ends after the last window")
    assert not file.exists()


async def test_the_window_that_started_it_may_go(place: Path, program: Program) -> None:
    """Killed, with all that is below it: the process is none of them."""
    async with window_process(program) as starter, windows(program, 1) as (other,):
        assert await other.ask() == "return 1"
        assert psutil.Process(starter.pid).children(recursive=True) == []
        (engine,) = engines(place)
        starter.kill()
        await starter.wait()
        status = await shared.status()
        while status is not None and len(status.engines[0].windows) > 1:
            status = await shared.status()
        assert status is not None, "its lease has ended with it"
        assert status.engines[0].windows == (os.getpid(),)
        assert await other.ask() == "return 1"
        assert engines(place) == [engine]


async def test_nothing_is_left_of_windows_that_are_killed(place: Path, program: Program) -> None:
    async with window_process(program) as first, window_process(program) as second:
        assert len(engines(place)) == 1
        pid = program.pid
        for window in (first, second):
            window.kill()
    await until(lambda: not brokers(place), "it ends by itself")
    await until(lambda: not psutil.pid_exists(pid), "and so does the engine")


async def test_an_engine_that_is_killed_costs_no_answer(place: Path, program: Program) -> None:
    async with windows(program, 2) as opened:
        for window in opened:
            await window.ask()
        (engine,) = engines(place)
        engine.kill()
        assert [await window.ask() for window in opened] == ["return 1"] * 2
        (after,) = engines(place)
        assert after.pid != engine.pid


async def test_a_process_that_is_killed_is_started_again(place: Path, program: Program) -> None:
    async with windows(program, 3) as opened:
        await asyncio.gather(*(window.ask() for window in opened))
        (broker,) = brokers(place)
        broker.kill()
        await until(lambda: broker not in brokers(place), "it is dead")
        await until(lambda: all(len(window.states) > 2 for window in opened), "the windows have noticed")
        assert await asyncio.gather(*(window.ask() for window in opened)) == ["return 1"] * 3
        assert len(brokers(place)) == 1
        assert len(engines(place)) == 1
        assert {window.engine.own for window in opened} == {None}
        assert "died" in {state.cause for state in opened[0].states}


@pytest.mark.parametrize("victim", ["engine", "process"])
async def test_one_that_hangs_is_replaced(
    place: Path, program: Program, victim: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "PATIENCE_S", 2.0)
    async with windows(program, 2) as opened:
        for window in opened:
            await window.ask()
        (broker,), (engine,) = brokers(place), engines(place)
        hung = broker if victim == "process" else psutil.Process(program.pid)
        hung.send_signal(signal.SIGSTOP)
        assert [await window.ask() for window in opened] == ["return 1"] * 2
        assert len(brokers(place)) == 1
        (after,) = engines(place)
        assert after.pid != engine.pid
        assert (brokers(place) == [broker]) == (victim == "engine")


async def test_what_a_state_file_names_is_gone(place: Path, program: Program) -> None:
    """A port that nobody listens on, and the id of a process that is another one now: it is left alone."""
    runtime.prepare(place)
    runtime.write(place, Meeting(1, "key", os.getpid(), 0.0, "0.1.0", ""))
    async with windows(program, 1) as (window,):
        assert await window.ask() == "return 1"
        assert window.engine.own is None
        assert len(engines(place)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"port": "x"}', b"[" * 5000])
async def test_a_state_file_that_is_damaged(place: Path, program: Program, content: bytes) -> None:
    runtime.prepare(place)
    (place / "engine.json").write_bytes(content)
    assert runtime.read(place) is None


async def test_whoever_has_taken_the_port_gets_neither_key_nor_code(place: Path, program: Program) -> None:
    got = bytearray()

    async def squat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.readline())
        challenge = {"type": "Challenge", "nonce": "0", "proof": "0" * 64, "version": "0.1.0", "build": ""}
        writer.write(msgspec.json.encode({**challenge, "protocol": 1}) + b"\n")
        got.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(squat, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    runtime.prepare(place)
    runtime.write(place, Meeting(port, "the key", os.getpid(), 0.0, "0.1.0", ""))
    async with server, windows(program, 1) as (window,):
        assert await window.ask() == "return 1"
        assert window.engine.own is None
    assert got.count(b"\n") >= 1
    assert {bytes(line)[:17] for line in got.splitlines()} == {b'{"type":"Hello","'}
    assert b"the key" not in got


async def test_without_a_folder_for_it_a_window_has_its_own(
    place: Path, program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    place.write_text("not a folder")
    async with windows(program, 1) as (window,):
        assert await window.ask() == "return 1"
        assert window.engine.own is not None
        assert window.engine.state.phase == "ready"
        assert "this window starts its own" in caplog.text
    assert brokers(place) == []
    place.unlink()


async def test_a_newer_version_takes_over(place: Path, program: Program) -> None:
    """The windows of the older one go on with it."""
    runtime.prepare(place)
    old = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OLD_PROCESS, runtime.PROCESS, str(place)), stdout=asyncio.subprocess.PIPE
    )
    assert old.stdout is not None
    assert await within(old.stdout.readline()) == b"ready\n"
    async with window_process(program, OLD_VERSION + WINDOW) as older, windows(program, 1) as (newer,):
        assert [broker.pid for broker in brokers(place)] == [old.pid]
        assert await newer.ask() == "return 1"
        await within(old.wait())
        pids: set[int] = set()
        while older.pid not in pids:  # it has noticed, and has a lease again
            status = await shared.status()
            pids = set(status.engines[0].windows) if status is not None and status.engines else set()
        assert len(brokers(place)) == 1
        assert len(engines(place)) == 1


async def test_one_that_speaks_another_protocol_is_left_alone(
    place: Path, program: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with windows(program, 2) as (first, second):
        await first.ask()
        monkeypatch.setattr(shared, "PROTOCOL", 0)
        assert await second.ask() == "return 1"
        assert second.engine.own is not None
        assert "does not understand" in caplog.text
        assert await first.ask() == "return 1"
        assert len(brokers(place)) == 1


async def test_other_settings_are_another_engine_of_the_same_process(
    place: Path, program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    async with windows(program, 1) as (first,), windows(program, 1, context_tokens=2048) as (second,):
        assert await first.ask() == await second.ask() == "return 1"
        assert len(brokers(place)) == 1
        assert len(engines(place)) == 2
        assert "another window has an engine with other settings" in caplog.text
        await second.engine.close()
        await until(lambda: len(engines(place)) == 1, "nobody wants the second any more")
        assert await first.ask() == "return 1"


async def test_a_window_reaches_only_what_is_its_own(place: Path, program: Program) -> None:
    async with windows(program, 2) as (first, second):
        client = await within(first.engine.ready())
        other = await within(second.engine.ready())
        assert client.endpoint.api_key != other.endpoint.api_key
        meeting = runtime.read(place)
        assert meeting is not None
        key = client.endpoint.api_key
        async with httpx.AsyncClient(base_url=client.endpoint.url, trust_env=False) as stranger:
            for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {meeting.key}"}):
                for path in ("/completion", "/tokenize", "/slots", "/health"):
                    answer = await stranger.post(path, json={"prompt": "x"}, headers=headers)
                    assert answer.status_code == 401, path
            own = {"Authorization": f"Bearer {key}"}
            page = {**own, "Origin": "http://127.0.0.1"}
            assert (await stranger.post("/tokenize", json={"content": "x"}, headers=page)).status_code == 401
            for path in (
                "/slots",
                "/props",
                "/metrics",
                "/slots/0?action=save",
                "/v1/models",
                "/lora-adapters",
            ):
                assert (await stranger.get(path, headers=own)).status_code == 404, path
                assert (await stranger.post(path, json={}, headers=own)).status_code == 404, path
            assert (await stranger.get("/health", headers=own)).status_code == 200
            await first.engine.close()
            status = 0
            while status != 401:
                status = (await stranger.get("/health", headers=own)).status_code
        assert await second.ask() == "return 1"


async def test_it_sleeps_and_wakes(place: Path, program: Program) -> None:
    async with windows(program, 1, sleep_after_minutes=0.005) as (window,):
        assert await window.ask() == "return 1"
        pid = program.pid
        await until(lambda: window.engine.state.phase == "asleep", "it sleeps")
        assert engines(place) == []
        await until(lambda: not psutil.pid_exists(pid), "its memory is free")
        assert window.engine.idle_client() is None
        assert await window.ask() == "return 1"
        assert [(state.phase, state.cause) for state in window.states][-2:] == [
            ("starting", "asleep"),
            ("ready", ""),
        ]


async def test_it_is_stopped_and_starts_at_the_next_key(place: Path, program: Program) -> None:
    async with windows(program, 2) as (first, second):
        await first.ask()
        await second.ask()
        assert await shared.stop()
        await until(lambda: not brokers(place), "it has ended")
        await until(lambda: first.engine.state.phase == "asleep", "the window knows")
        assert await shared.status() is None
        assert not await shared.stop()
        assert await first.ask() == await second.ask() == "return 1"
        assert len(engines(place)) == 1


async def test_the_command_line_says_what_it_does(place: Path, program: Program) -> None:
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["engine", *arguments])
        assert result.exit_code == 0, result.output
        return result.output

    assert json.loads(await asyncio.to_thread(run, "status", "--json")) == {"running": False, "engines": []}
    async with windows(program, 2) as (first, second):
        await first.ask()
        await second.ask()
        found = json.loads(await asyncio.to_thread(run, "status", "--json"))
        (engine,) = found["engines"]
        assert (found["running"], engine["state"], len(engine["windows"])) == (True, "running", 2)
        assert engine["memoryBytes"] > 1_000_000
        assert "model.gguf: running since" in await asyncio.to_thread(run, "status")
        assert "has a lease" in await asyncio.to_thread(run, "logs")
        assert await asyncio.to_thread(run, "stop") == "stopped\n"
        assert "no shared engine" in await asyncio.to_thread(run, "stop")
        await until(lambda: not brokers(place), "it has ended")


@pytest.mark.parametrize("n", [20, pytest.param(200, marks=pytest.mark.slow)])
async def test_kills_at_random_moments(place: Path, program: Program, n: int) -> None:
    """Every window that lives is answered at its next request, by one engine; in the end nothing is left."""
    chance = random.Random(n)
    async with AsyncExitStack() as stack:
        living: list[Window] = await stack.enter_async_context(windows(program, 3))
        victim = await stack.enter_async_context(window_process(program))
        assert await asyncio.gather(*(window.ask() for window in living)) == ["return 1"] * 3
        for _ in range(n):
            kind = chance.choice(VICTIMS)
            asked = [asyncio.create_task(window.ask()) for window in living] if chance.random() < 0.5 else []
            await asyncio.sleep(chance.random() * 0.05)
            if kind == "window":
                victim.kill()
                await victim.wait()
                victim = await stack.enter_async_context(window_process(program))
            else:
                await killed(kind, place, program)
            await asyncio.gather(*asked, return_exceptions=True)  # what was under way may be lost
            assert await asyncio.gather(*(window.ask() for window in living)) == ["return 1"] * 3, kind
            assert {window.engine.own for window in living} == {None}, kind
            assert len(brokers(place)) == 1, kind
            assert len(engines(place)) == 1, kind
    await until(lambda: not brokers(place), "nothing is left when the windows are gone")
    assert not (place / "engine.json").exists()


async def killed(kind: str, place: Path, program: Program) -> None:
    """Kill one, if chance has not found it dead already, and wait until the system has taken note."""
    found: list[psutil.Process] = []
    if kind != "program":
        found = (brokers if kind == "process" else engines)(place)
    with suppress(psutil.NoSuchProcess):
        found = found or [psutil.Process(program.pid)]
        for one in found:
            one.kill()
    await until(lambda: is_gone(found), "it is dead")


def is_gone(processes: list[psutil.Process]) -> bool:
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                return False
    return True


async def test_it_does_not_sleep_while_it_is_asked(place: Path, program: Program) -> None:
    """However long the answer takes to begin."""
    program.answers_after(3.0)
    async with windows(program, 1, sleep_after_minutes=0.01) as (window,):
        assert await window.ask() == "return 1"
        await until(lambda: window.engine.state.phase == "asleep", "now it does")


async def test_a_second_process_for_the_same_folder_ends_at_once(place: Path, program: Program) -> None:
    """It does not keep its starter waiting, as one does that changes its settings while it starts."""
    async with windows(program, 2, linger_seconds=30) as (first, second):
        starting = asyncio.create_task(first.engine.ready())
        await until(lambda: runtime.read(place), "it serves")
        await first.engine.close()
        starting.cancel()
        child = await Child.start(runtime.PROCESS, str(place), is_detached=True)
        assert await child.first_line() == b"", "another process serves"
        await child.close(1.0)
        assert await second.ask() == "return 1"
        assert len(brokers(place)) == 1
