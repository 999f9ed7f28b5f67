"""What goes wrong around the shared engine: kills at random, no memory, no space, clocks, sleep, other users.

Real processes of ours; the engine behind them is a stand-in that starts in milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from qwen_lsp.model import runtime, shared
from tests.support.editor import within
from tests.support.shared_engine import (
    ANSWER,
    brokers,
    engines,
    runtime_folder,
    start_process,
    window_process,
    windows,
)
from tests.support.shared_kills import killed, survives_kills
from tests.support.stand_in import FastProgram
from tests.support.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a `#!` line"),
]
is_root = pytest.mark.skipif(
    os.name != "nt" and os.geteuid() != 0, reason="only root can mount, and be somebody else"
)
NOBODY = 65534
# The wall clock of a process, set back by ten years half a second after its start.
CLOCK_SET_BACK = (
    "import time\n"
    "real, started = time.time, time.monotonic()\n"
    "time.time = lambda: real() - (3e8 if time.monotonic() - started > 0.5 else 0)\n"
)
# A file system without locks, as a share may be: its lock service is down (ENOLCK), or it has none (ENOSYS).
NO_LOCKS = "import fcntl\ndef flock(*_): raise OSError({number}, 'No locks available')\nfcntl.flock = flock\n"


@pytest_asyncio.fixture(loop_scope="module")
async def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Path]:
    async with runtime_folder(monkeypatch, tmp_path) as folder:
        yield folder


@pytest.fixture
def program(tmp_path: Path) -> FastProgram:
    return FastProgram(tmp_path)


@pytest.mark.parametrize("n", [10, pytest.param(200, marks=pytest.mark.slow)])
async def test_kills_at_random_moments(place: Path, program: FastProgram, n: int) -> None:
    """Every window that lives is answered at its next request, by one engine; in the end nothing is left."""
    await survives_kills(place, program, n, ("engine", "program", "process", "window", "starter"), ANSWER)


async def test_an_engine_for_which_there_is_no_memory_while_it_loads(
    place: Path, program: FastProgram
) -> None:
    """The window says what happens and is answered as soon as there is memory."""
    program.is_out_of_memory(2)
    async with windows(program, 1) as (window,):
        assert await window.ask() == ANSWER
        assert window.engine.own is None
        details = {state.detail for state in window.states if state.cause == "died"}
        assert [detail for detail in details if "no memory left" in detail]
        assert len(engines(place)) == 1


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 64 kB, full but for names."""
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte of the disk."""
    file = folder / "filling"
    with suppress(OSError), file.open("wb", buffering=0) as opened:
        while opened.write(b"0" * 1024):
            pass
    return file


@is_root
@pytest.mark.skipif(shutil.which("mount") is None, reason="mount is not on PATH")
async def test_a_full_disk(place: Path, program: FastProgram, caplog: pytest.LogCaptureFixture) -> None:
    """No state file can be written: an engine of one's own. One that fills up later changes nothing."""
    with small_disk(place):
        filling = fill(place)
        async with windows(program, 1) as (window,):
            assert await window.ask() == ANSWER
            assert window.engine.own is not None
            assert caplog.text.count("this window starts its own") == 1
            assert "No space left" in caplog.text
        assert brokers(place) == []
        filling.unlink()
        async with windows(program, 2) as (first, second):
            assert await first.ask() == ANSWER
            fill(place)
            await killed("engine", place, program)
            assert await first.ask() == await second.ask() == ANSWER
            assert len(engines(place)) == 1
        await until(lambda: not brokers(place), "it ends as ever")


async def test_a_clock_that_is_set_back(place: Path, program: FastProgram) -> None:
    """By ten years, in the window and in the process: leases, deadlines and the end after the last lease."""
    process = await start_process(place, CLOCK_SET_BACK)
    async with window_process(program, CLOCK_SET_BACK) as window:
        await asyncio.sleep(0.6)
        async with windows(program, 1) as (other,):
            assert await window.ask() == await other.ask() == ANSWER
            assert other.engine.own is None
            assert window.is_shared
            (engine,) = engines(place)
            engine.kill()
            assert await window.ask() == await other.ask() == ANSWER
            assert [one.pid for one in brokers(place)] == [process.pid]
    await within(process.wait())


async def test_suspend_and_resume(place: Path, program: FastProgram) -> None:
    """Everything stands still and goes on: the same process and engine answer."""
    async with window_process(program) as first, window_process(program) as second:
        assert await first.ask() == await second.ask() == ANSWER
        (broker,), (engine,) = brokers(place), engines(place)
        everything = [broker, engine, psutil.Process(program.pid)]
        everything += [psutil.Process(one.process.pid) for one in (first, second)]
        for one in everything:
            one.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.5)
        for one in reversed(everything):
            one.send_signal(signal.SIGCONT)
        assert await first.ask() == await second.ask() == ANSWER
        assert brokers(place) == [broker]
        assert engines(place) == [engine]
        assert first.is_shared
        assert second.is_shared


@pytest.mark.parametrize("number", ["37", "38"], ids=["ENOLCK", "ENOSYS"])
@pytest.mark.skipif(os.uname().sysname != "Linux", reason="the numbers are Linux's")
async def test_a_home_on_a_share_without_locks(
    place: Path, program: FastProgram, tmp_path: Path, number: str
) -> None:
    """Nothing could make one engine the only one: each window has its own, with one line in its log."""
    log = tmp_path / "stderr"
    async with window_process(program, NO_LOCKS.format(number=number), log) as window:
        assert await window.ask() == ANSWER
        assert not window.is_shared
    assert log.read_text().count("this window starts its own") == 1
    assert brokers(place) == []


@is_root
async def test_the_runtime_folder_of_another_user_is_not_used(
    place: Path, program: FastProgram, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`sudo -E` and `su` leave its name in the environment."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    os.chown(place.parent, NOBODY, NOBODY)
    own = runtime.folder()
    assert own.is_relative_to(tmp_path / "cache")
    async with windows(program, 1) as (window,):
        assert await window.ask() == ANSWER
        assert window.engine.own is None
        assert len(brokers(own)) == 1
        assert list(place.parent.iterdir()) == []
    await until(lambda: not brokers(own), "nothing is left")


@is_root
async def test_another_user_gets_nothing_of_an_engine(place: Path, program: FastProgram) -> None:
    """Neither its state file, nor a lease, nor an answer: whoever may connect proves nothing by that."""
    async with windows(program, 1) as (window,):
        assert await window.ask() == ANSWER
        meeting = runtime.read(place)
        client = window.engine.idle_client()
        assert meeting is not None
        assert client is not None
        relay = int(client.endpoint.url.rpartition(":")[2])
        got = await asyncio.to_thread(as_nobody, place, meeting.port, relay)
        assert got == b"PermissionError 401 "
        status = await shared.status()
        assert status is not None
        assert status.engines[0].windows == (os.getpid(),)


def as_nobody(place: Path, control: int, relay: int) -> bytes:
    """Try each way as another user, in a process of its own; return how each ended."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            try:
                (place / "engine.json").read_bytes()
            except OSError as error:
                os.write(sender, type(error).__name__.encode() + b" ")
            request = b"POST /completion HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}"
            os.write(sender, exchanged(relay, request)[9:12] + b" ")
            hello = b'{"type":"Hello","nonce":"0"}\n'
            ask = b'{"type":"Ask","proof":"0","pid":1,"what":"status","want":null}\n'
            _, _, after = exchanged(control, hello + ask).partition(b"\n")
            os.write(sender, after)
        finally:
            os._exit(0)
    os.close(sender)
    with open(receiver, "rb") as pipe:
        got = pipe.read()
    os.waitpid(child, 0)
    return got


def exchanged(port: int, data: bytes) -> bytes:
    with socket.socket() as connection:
        connection.settimeout(10)
        connection.connect(("127.0.0.1", port))
        connection.sendall(data)
        got = b""
        with suppress(OSError):
            while part := connection.recv(65536):
                got += part
        return got
