"""The process of the shared engine: belongs to no window, and ends when no window has a lease.

`child.Child` starts it detached, with the runtime folder as its argument. It takes the lock of that folder,
listens, writes the state file, says so in one line on stdout, and then serves: leases (lease.py) on one port,
requests (relay.py) on another. Each engine is one of engine.py, as a window would have it by itself. Knows no
prompts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil

from qwen_lsp import __version__, logs
from qwen_lsp.child import wake_sooner
from qwen_lsp.config import EngineConfig
from qwen_lsp.errors import QwenLspError
from qwen_lsp.model import runtime
from qwen_lsp.model.engine import SLOTS, Engine
from qwen_lsp.model.lease import (
    HOST,
    Answer,
    Ask,
    Control,
    Ended,
    EngineStatus,
    Granted,
    News,
    Ready,
    Status,
    Want,
    receive_ask,
)
from qwen_lsp.model.relay import Relay
from qwen_lsp.model.runtime import Meeting
from qwen_lsp.model.slots import Slots
from qwen_lsp.model.state import State
from qwen_lsp.model.turns import Turns

log = logging.getLogger(__name__)

_ALONE_S = 60.0  # for the first window, which may have ended before it came
_LOCK_S = 5.0  # a process that is ending gives its lock back by then
_MAX_LINE_BYTES = 1 << 16
# No prompts but those in its slots. Where two requests run at once, what llama.cpp takes out of a memory for
# earlier ones can be somebody else's: of 199 answers to eight windows four were about another window's file,
# of 279 without that memory none. Source: docs/benchmarks.md, "Several windows"; llama.cpp's issue 27148.
_CACHE_MIB = 0


class Lease:
    """A window's share in an engine."""

    def __init__(self, control: Control, pid: int, served: Served) -> None:
        self.control = control
        self.pid = pid
        self.served = served
        self.token = secrets.token_urlsafe(24)


class Served:
    """One engine, and the windows that have a lease of it."""

    def __init__(self, want: Want) -> None:
        self.want = want
        self.leases: set[Lease] = set()
        self.turns = Turns(SLOTS)
        self.slots = Slots()
        self.since = time.time()
        self.linger: asyncio.TimerHandle | None = None
        self.engine = Engine(config_of(want), lambda: Path(want.model_path), self._changed, want.lora)

    def _changed(self, state: State) -> None:
        log.info("%s: %s %s", Path(self.want.model_path).name, state.phase, state.detail)
        self.since = time.time()
        for lease in self.leases:
            lease.control.send(self.news())

    def news(self) -> News:
        """Return where the engine stands."""
        state = self.engine.state
        return News(state.phase, state.detail, state.cause, self.engine.pid or 0)


def config_of(want: Want) -> EngineConfig:
    """Return the settings of the engine that is wanted."""
    return EngineConfig(
        program=want.program,
        threads=want.threads,
        batch_threads=want.batch_threads,
        context_tokens=want.context_tokens,
        cache_mib=_CACHE_MIB,
        gpu_layers=want.gpu_layers,
        start_timeout_ms=want.start_timeout_ms,
        sleep_after_minutes=want.sleep_after_minutes,
    )


def identity(want: Want) -> tuple[object, ...]:
    """Return what makes two windows want the same engine: settings, and the model's file as it is now."""
    try:
        status = os.stat(want.model_path)
        file: tuple[int, int] = (status.st_size, status.st_mtime_ns)
    except OSError:
        file = (0, 0)
    same = msgspec.structs.replace(
        want, cache_mib=0, start_timeout_ms=0, sleep_after_minutes=0, linger_seconds=0
    )
    return (*file, same)


class Broker:
    """What the process has: engines by what was wanted, and leases by their token."""

    def __init__(self, meeting: Callable[[], Meeting]) -> None:
        self._meeting = meeting
        self._started = time.time()
        self._served: dict[tuple[object, ...], Served] = {}
        self._leases: dict[str, Lease] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.http_port = 0
        self.ended = asyncio.Event()

    def find(self, token: str) -> Served | None:
        """Return what a token gives access to."""
        lease = self._leases.get(token)
        return lease.served if lease is not None else None

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one that has connected until it goes."""
        control = Control(reader, writer)
        try:
            meeting = self._meeting()
            ask = await receive_ask(control, meeting.key, meeting.build)
            if ask is None or self.ended.is_set():
                return
            if ask.what == "lease" and ask.want is not None:
                await self._lease(control, ask, ask.want)
            elif ask.what == "status":
                control.send(self._status())
            elif ask.what in ("stop", "replace"):
                log.info("process %d asks to %s", ask.pid, ask.what)
                self.end("replaced" if ask.what == "replace" else "stopped")
        except Exception:
            log.exception("a window was not served")
        finally:
            control.close()

    def end(self, why: str) -> None:
        """End the process; windows hear why."""
        for lease in self._leases.values():
            lease.control.send(Ended("replaced" if why == "replaced" else "stopped"))
        self.ended.set()

    def end_if_unused(self) -> None:
        """End a process that nobody has come to."""
        if not self._served:
            self.ended.set()

    async def close(self) -> None:
        """End every engine and every lease."""
        for task in self._tasks:
            task.cancel()
        for served in self._served.values():
            await served.engine.close()
        for lease in list(self._leases.values()):
            lease.control.close()

    async def _lease(self, control: Control, ask: Ask, want: Want) -> None:
        key = identity(want)
        served = self._served.get(key)
        if served is None:
            served = self._served[key] = Served(want)
            if len(self._served) > 1:
                log.warning("%d engines with different settings or models", len(self._served))
        served.want = want
        if served.linger is not None:
            served.linger.cancel()
            served.linger = None
        lease = Lease(control, ask.pid, served)
        served.leases.add(lease)
        self._leases[lease.token] = lease
        log.info("window %d has a lease; %d in all", ask.pid, len(self._leases))
        control.send(Granted(self.http_port, lease.token, len(self._served)))
        control.send(served.news())
        try:
            while (message := await control.receive()) is not None:
                if isinstance(message, Ready):
                    control.send(served.news())  # at once: who asks learns that we are there
                    task = asyncio.create_task(self._make_ready(lease, message.number))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
        finally:
            served.leases.discard(lease)
            served.slots.forget(lease.token)
            self._leases.pop(lease.token, None)
            log.info("window %d has gone; %d are left", lease.pid, len(self._leases))
            if not served.leases:
                loop = asyncio.get_running_loop()
                served.linger = loop.call_later(served.want.linger_seconds, self._unwanted, key)

    async def _make_ready(self, lease: Lease, number: int) -> None:
        try:
            await lease.served.engine.ready()
            error = ""
        except QwenLspError as reason:
            error = str(reason)
        lease.control.send(Answer(number, error))

    def _unwanted(self, key: tuple[object, ...]) -> None:
        """End an engine that nobody has had a lease of for a while, and the process with the last."""
        if len(self._served) == 1:
            log.info("no window is left")
            self.ended.set()
            return
        task = asyncio.create_task(self._served.pop(key).engine.close())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _status(self) -> Status:
        meeting = self._meeting()
        return Status(
            os.getpid(),
            self._started,
            __version__,
            meeting.build,
            _memory(os.getpid()),
            tuple(_engine_status(served) for served in self._served.values()),
        )


def _engine_status(served: Served) -> EngineStatus:
    engine = served.engine
    return EngineStatus(
        served.want.model_path,
        engine.state.phase,
        served.since,
        engine.pid or 0,
        _memory(engine.pid) if engine.pid else 0,
        tuple(sorted(lease.pid for lease in served.leases)),
        engine.state.detail,
    )


def _memory(pid: int) -> int:
    """Return the memory of a process and what it has started, without us."""
    try:
        process = psutil.Process(pid)
        programs = process.children(recursive=True) if pid != os.getpid() else []
        return sum(int(one.memory_info().rss) for one in (process, *programs))
    except psutil.Error:
        return 0


async def _serve(place: Path) -> None:
    key, own_build, started = secrets.token_hex(32), runtime.build(), time.time()
    port = 0

    def meeting() -> Meeting:
        return Meeting(port, key, os.getpid(), started, __version__, own_build)

    broker = Broker(meeting)
    relay = Relay(broker.find)
    http = await asyncio.start_server(relay.serve, HOST, 0, limit=_MAX_LINE_BYTES)
    control = await asyncio.start_server(broker.meet, HOST, 0, limit=_MAX_LINE_BYTES)
    broker.http_port = http.sockets[0].getsockname()[1]
    port = control.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        with contextlib.suppress(NotImplementedError, AttributeError):  # Windows has no such call
            loop.add_signal_handler(getattr(signal, name), broker.end, "stopped")
    runtime.write(place, meeting())
    log.info("process %d serves %s (%s, %s)", os.getpid(), place, __version__, own_build)
    os.write(1, b"ready\n")
    os.dup2(2, 1)
    loop.call_later(_ALONE_S, broker.end_if_unused)
    await broker.ended.wait()
    # Whoever looks for an engine from now on starts another one, which waits for our lock.
    runtime.remove(place)
    control.close()
    http.close()
    await broker.close()


def main() -> None:
    """Serve until nobody has a lease; at once where another process serves this folder."""
    place = Path(sys.argv[1])
    wake_sooner()
    logs.start("info", logs.ENGINE)
    try:
        runtime.prepare(place)
        lock = runtime.claim(place, _LOCK_S)
        if lock is None:
            log.info("another process serves %s", place)
        else:
            asyncio.run(_serve(place))
    except OSError as error:
        log.error("the shared engine cannot be served from %s: %s", place, error)
        os.write(1, f"{error}\n".encode())
    os._exit(0)  # an engine that hangs must not keep us
