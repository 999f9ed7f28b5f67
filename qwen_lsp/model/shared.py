"""The engine that all windows of a user share, as the host of a model: found, or started where there is none.

It has what an engine of our own has: `ready()` -> Client, `state` and `close()`. Where the shared one cannot
be used, an engine of our own takes its place, with a line in the log. State: the lease of this window. Knows
no prompts and no LSP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from qwen_lsp import __version__
from qwen_lsp.child import Child
from qwen_lsp.config import EngineConfig
from qwen_lsp.errors import EndpointUnavailable, QwenLspError
from qwen_lsp.model import runtime
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.llama import LLAMA
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.lease import (
    HOST,
    PATIENCE_S,
    PROTOCOL,
    Answer,
    Ask,
    Challenge,
    Control,
    Ended,
    Granted,
    Greeted,
    News,
    Ready,
    Status,
    Want,
    greet,
)
from qwen_lsp.model.runtime import Meeting
from qwen_lsp.model.state import CLOSED, Listener, State

log = logging.getLogger(__name__)

_TRIES = 4
# Another window that is starting the process is waited for so long; its own patience is a little longer.
_START_S = 15.0
_ENDING_S = 5.0


class _Lost(Exception):
    """The process has ended, or hangs."""


@dataclass(eq=False)
class _Lease:
    """What this window has of the process."""

    control: Control
    client: Client
    meeting: Meeting
    n_asked: int = 0
    asked: dict[int, asyncio.Future[str]] = field(default_factory=dict)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    why: str = ""  # it has ended
    is_open: bool = True
    reading: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Have the model loaded. Raises: EndpointUnavailable when it cannot be; _Lost."""
        self.n_asked += 1
        number, answer = self.n_asked, asyncio.get_running_loop().create_future()
        self.asked[number] = answer
        try:
            self.heard.clear()
            self.control.send(Ready(number))
            try:
                await asyncio.wait_for(self.heard.wait(), PATIENCE_S)
            except TimeoutError:
                raise _Lost("it does not answer") from None
            if error := await answer:
                raise EndpointUnavailable(error)
        finally:
            self.asked.pop(number, None)
            if answer.done() and not answer.cancelled():
                answer.exception()

    def end(self) -> None:
        """Take note that the connection is no more."""
        self.is_open = False
        self.control.close()
        self.heard.set()
        for answer in self.asked.values():
            if not answer.done():
                answer.set_exception(_Lost("the process of the shared engine has ended"))


class SharedEngine:
    """The engine that this window shares with others of the same user."""

    model = ""
    url = ""
    is_endpoint = False

    def __init__(
        self, config: EngineConfig, model_path: Callable[[], Path], on_state: Listener, lora: str = ""
    ) -> None:
        self._config = config
        self._model_path = model_path
        self._lora = lora
        self.listeners = [on_state]
        self.state = State("off")
        self.pid: int | None = None
        self.own: Engine | None = None  # where there can be no shared one
        self._lease: _Lease | None = None
        self._older: list[Client] = []  # requests of them may still be ending
        self._joining: asyncio.Task[None] | None = None
        self._again: asyncio.Task[None] | None = None
        self._is_closed = False

    async def ready(self) -> Client:
        """Return the client of a loaded engine, starting it on first need.

        Raises: EndpointUnavailable when it cannot start; ModelError when there is no model.
        """
        if self._is_closed:
            raise EndpointUnavailable(CLOSED)
        path = self._model_path().absolute()
        for _ in range(_TRIES):
            lease = await self._joined(path)
            if lease is None:
                break
            try:
                await lease.ready()
            except _Lost as reason:
                if self._is_closed:
                    raise EndpointUnavailable(CLOSED) from None
                log.warning("the shared engine is lost: %s", reason)
                if lease.is_open:
                    await asyncio.to_thread(_end_process, lease.meeting)
                    lease.end()
                continue
            return lease.client
        else:
            self._fall_back("it was lost again and again")
        if self.own is None:
            raise EndpointUnavailable(CLOSED)
        return await self.own.ready()

    def idle_client(self) -> Client | None:
        """Return the client if the engine is loaded already; starts nothing."""
        if self.own is not None:
            return self.own.idle_client()
        lease = self._lease
        return lease.client if lease is not None and lease.is_open and self.state.phase == "ready" else None

    async def close(self) -> None:
        """Give the lease back, for good; the engine stays for the other windows, and a while for the next."""
        self._is_closed = True
        for task in (self._again, self._joining):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, QwenLspError):
                    await task
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.end()
            if lease.reading is not None:
                lease.reading.cancel()
            await lease.client.close()
        for client in self._older:
            await client.close()
        if self.own is not None:
            await self.own.close()
        self._set(State("off"))

    def _set(self, state: State) -> None:
        if state != self.state:
            self.state = state
            for listener in self.listeners:
                listener(state)

    async def _joined(self, path: Path) -> _Lease | None:
        """Return this window's lease, getting one on first need; None where an own engine is to be used."""
        while self.own is None and (self._lease is None or not self._lease.is_open):
            if self._is_closed:
                raise EndpointUnavailable(CLOSED)
            if self._joining is None or self._joining.done():
                self._joining = asyncio.create_task(self._join(path))
            # A request that is given up, as each key does, ends no start that others wait for.
            await asyncio.shield(self._joining)
        return None if self.own is not None else self._lease

    async def _join(self, path: Path) -> None:
        if self.state.phase != "starting":
            self._set(State("starting", "loading the model"))
        try:
            self._take(*await _lease(_wanted(self._config, path, self._lora)))
        except (OSError, EndpointUnavailable) as error:
            self._fall_back(str(error))

    def _take(self, greeted: Greeted, granted: Granted, meeting: Meeting) -> None:
        if granted.n_engines > 1:
            log.warning(
                "another window has an engine with other settings or another model: %d run", granted.n_engines
            )
        if self._lease is not None:
            self._older.append(self._lease.client)
        client = Client(Endpoint(f"http://{HOST}:{granted.port}", LLAMA, granted.token, is_ours=True))
        self._lease = lease = _Lease(greeted.control, client, meeting)
        lease.reading = asyncio.create_task(self._read(lease))
        log.info("a lease of the shared engine, process %d", meeting.pid)

    async def _read(self, lease: _Lease) -> None:
        """Follow what the process says, until its end."""
        while (message := await lease.control.receive()) is not None:
            lease.heard.set()
            if isinstance(message, News):
                self.pid = message.pid or None
                if message.phase != "off" and lease is self._lease:
                    self._set(State(message.phase, message.detail, message.cause))
            elif isinstance(message, Answer):
                answer = lease.asked.get(message.number)
                if answer is not None and not answer.done():
                    answer.set_result(message.error)
            elif isinstance(message, Ended):
                lease.why = message.why
        lease.end()
        if self._is_closed or lease is not self._lease:
            return
        self.pid = None
        if lease.why == "stopped":
            self._set(State("asleep"))
            return
        if not lease.why:
            log.warning("the process of the shared engine has ended")
        self._set(State("starting", "the shared engine has ended; starting it again", "died"))
        self._again = asyncio.create_task(self._start_again())

    async def _start_again(self) -> None:
        with contextlib.suppress(QwenLspError):
            await self.ready()

    def _fall_back(self, reason: str) -> None:
        log.warning("the shared engine cannot be used: %s; this window starts its own", reason)
        self.own = Engine(self._config, self._model_path, self._set, self._lora)


def _wanted(config: EngineConfig, path: Path, lora: str) -> Want:
    return Want(
        str(path),
        str(Path(lora).expanduser().absolute()) if lora else "",
        config.threads,
        config.batch_threads,
        config.context_tokens,
        config.cache_mib,
        config.gpu_layers,
        config.program,
        config.start_timeout_ms,
        config.sleep_after_minutes,
        config.linger_seconds,
    )


async def _lease(want: Want) -> tuple[Greeted, Granted, Meeting]:
    """Return a lease of the process that runs, or of one that is started.

    Raises: OSError or EndpointUnavailable when there can be none.
    """
    place = runtime.folder()
    reason = "it could not be started"
    for _ in range(_TRIES):
        found = await _join(place, want)
        if found is not None:
            return found
        await asyncio.to_thread(runtime.prepare, place)
        async with runtime.starting(place, _START_S):
            found = await _join(place, want, may_replace=True)
            if found is not None:
                return found
            reason = await _start(place) or reason
    raise EndpointUnavailable(reason)


async def _join(
    place: Path, want: Want, *, may_replace: bool = False
) -> tuple[Greeted, Granted, Meeting] | None:
    """Return a lease of the process that runs; None where none does, or a new one has to take its place."""
    # In a thread: a home may be a share that takes its time, and keys must not wait for it.
    meeting = await asyncio.to_thread(runtime.read, place)
    if meeting is None:
        return None
    try:
        greeted = await greet(meeting)
    except (OSError, TimeoutError):
        return None
    except EndpointUnavailable as error:
        if may_replace:
            log.warning("process %d: %s", meeting.pid, error)
            await asyncio.to_thread(_end_process, meeting)
        return None
    control = greeted.control
    try:
        if _is_older(greeted.challenge):
            if may_replace:
                log.info("version %s runs; this one takes its place", greeted.challenge.version)
                control.send(Ask(greeted.proof, os.getpid(), "replace"))
                await _gone(control)
            control.close()
            return None
        if greeted.challenge.protocol != PROTOCOL:
            raise EndpointUnavailable(
                f"version {greeted.challenge.version} of qwen-lsp runs it, which this one does not understand"
            )
        control.send(Ask(greeted.proof, os.getpid(), "lease", want))
        return greeted, await control.expect(Granted), meeting
    except EndpointUnavailable:
        control.close()
        if greeted.challenge.protocol != PROTOCOL:
            raise
        return None  # it was just ending
    except BaseException:
        control.close()
        raise


async def _gone(control: Control) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ENDING_S):
            while await control.receive() is not None:
                pass


def _is_older(challenge: Challenge) -> bool:
    """Say whether the process is of an older version than ours, or has an older library of the engine."""
    theirs, ours = (challenge.version, challenge.build), (__version__, runtime.build())
    return _numbers(theirs) < _numbers(ours)


def _numbers(version: tuple[str, str]) -> list[list[int]]:
    return [[int(part) for part in re.findall(r"\d+", one)] for one in version]


async def _start(place: Path) -> str:
    """Start the process; return "" when it or another one serves, else what is wrong.

    Raises: EndpointUnavailable with what it says when it cannot serve, now or at the next try.
    """
    child = await Child.start(runtime.PROCESS, str(place), with_hardware=True, is_detached=True)
    try:
        line = await asyncio.wait_for(child.first_line(), _START_S)
    except TimeoutError:
        return "it did not start in time"
    finally:
        await child.close(_ENDING_S)
    reason = line.decode("utf-8", "replace").strip()
    if reason not in ("", "ready"):
        raise EndpointUnavailable(reason)
    return ""


def _end_process(meeting: Meeting) -> bool:
    """End a process that hangs, if it is still the one that the state file means; say whether it is."""
    process = runtime.process_of(meeting, runtime.folder())
    if process is None:
        return False
    log.warning("process %d of the shared engine does not answer: it is ended", meeting.pid)
    with contextlib.suppress(psutil.Error):
        process.kill()
        process.wait(_ENDING_S)
    return True


async def status() -> Status | None:
    """Return what the process does; None where none runs."""
    greeted = await _greeted()
    if greeted is None:
        return None
    try:
        greeted.control.send(Ask(greeted.proof, os.getpid(), "status"))
        return await greeted.control.expect(Status)
    except EndpointUnavailable:
        return None
    finally:
        greeted.control.close()


async def stop() -> bool:
    """End the process and its engines; say whether one ran. Windows start it again at their next key."""
    greeted = await _greeted()
    if greeted is None:
        meeting = runtime.read(runtime.folder())
        return meeting is not None and await asyncio.to_thread(_end_process, meeting)
    try:
        greeted.control.send(Ask(greeted.proof, os.getpid(), "stop"))
        await _gone(greeted.control)
    finally:
        greeted.control.close()
    return True


async def _greeted() -> Greeted | None:
    meeting = runtime.read(runtime.folder())
    if meeting is None:
        return None
    try:
        return await greet(meeting)
    except (OSError, TimeoutError, EndpointUnavailable):
        return None
