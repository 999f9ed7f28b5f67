"""One engine for all windows: found, started, shared and lost. Real processes, a scripted engine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest
import pytest_asyncio
from click.testing import CliRunner

from qwen_lsp.child import Child
from qwen_lsp.cli.main import main
from qwen_lsp.model import runtime, shared
from qwen_lsp.model.runtime import Meeting
from tests.support.editor import within
from tests.support.shared_engine import (
    brokers,
    engines,
    runtime_folder,
    start_process,
    window_process,
    windows,
)
from tests.support.stand_in import Program
from tests.support.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a `#!` line"),
]

OLD_VERSION = "import qwen_lsp; qwen_lsp.__version__ = '0.0.1'\n"


@pytest_asyncio.fixture(loop_scope="module")
async def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Path]:
    async with runtime_folder(monkeypatch, tmp_path) as folder:
        yield folder


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


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


@pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="this system does not share processors out by session"
)
async def test_the_engine_makes_way_while_two_windows_are_typed_in(place: Path, program: Program) -> None:
    def nice() -> list[str]:
        return [Path(f"/proc/{one.pid}/autogroup").read_text().split()[-1] for one in engines(place)]

    async with windows(program, 2) as (one, other):
        await one.ask()
        await one.ask()
        assert nice() == ["0"]
        await other.ask()
        await until(lambda: nice() == ["15"], "it makes way")
        await until(lambda: nice() == ["0"], "nobody types any more")


async def test_the_window_that_started_it_may_go(place: Path, program: Program) -> None:
    """Killed, with all that is below it: the process is none of them."""
    async with window_process(program) as starter, windows(program, 1) as (other,):
        assert await other.ask() == "return 1"
        assert psutil.Process(starter.process.pid).children(recursive=True) == []
        (engine,) = engines(place)
        await starter.kill()
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
            window.process.kill()
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
    old = await start_process(place, OLD_VERSION)
    async with window_process(program, OLD_VERSION) as older, windows(program, 1) as (newer,):
        assert [broker.pid for broker in brokers(place)] == [old.pid]
        assert await newer.ask() == "return 1"
        await within(old.wait())
        pids: set[int] = set()
        while older.process.pid not in pids:  # it has noticed, and has a lease again
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
