"""The engine: a llama.cpp server in a process of our own, as the host of a model.

It has `ready()` -> Client, `state` and `close()`, as an endpoint has (remote.py). It is started on first
need, watched, started again with back-off when it dies, and ended while nobody asks; state lives here only.
This module knows processes and deadlines; it knows no prompts and no LSP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import psutil

from qwen_lsp.child import Backoff, Child
from qwen_lsp.config import EngineConfig
from qwen_lsp.errors import ConfigError, EndpointTimeout, EndpointUnavailable, QwenLspError
from qwen_lsp.model import native
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.llama import LLAMA
from qwen_lsp.model.engine_host import Launch, Started
from qwen_lsp.model.state import CLOSED, Cause, Listener, State

log = logging.getLogger(__name__)

COMPLETION_SLOT = 0
CHAT_SLOT = 1
SLOTS = 2  # one for completion and one for chat, so that neither evicts the other's cache

_BACKOFF_S = (0.2, 1.0, 3.0, 10.0, 30.0)
_HEALTHY_S = 60.0  # an engine that lived this long has nothing to do with earlier deaths
_STDERR_LINES, _STDERR_CHARS = 40, 2000
_KILLED = (-9, 247, 137)  # SIGKILL to the process, to the program that it runs, and as a shell says it
_END_S = 2.0  # a host that has not ended its program by then is killed

# glibc: weights lie in huge pages, which are found faster. Source: docs/benchmarks.md, "The engine".
_HUGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
# GNU's OpenMP: a thread that waits for another sleeps almost at once. One that spins takes the core that the
# other needs as soon as a third program is busy. Source: as above; on two cores, where all threads write.
_SHORT_SPIN = {"GOMP_SPINCOUNT": "100"}


def thread_counts(config: EngineConfig) -> tuple[int, int]:
    """Return the threads that write tokens and the threads that read prompts.

    Of the physical cores one is left free for the editor and the compiler while tokens are written; prompts
    gain from all of them. Of two cores on Linux both write: one alone wrote two thirds as fast, and
    `library_variables` keep them from waiting for each other in vain. Source: as above.
    """
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    # Containers and `taskset` give fewer; macOS has no affinity call.
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    least = min(cores, 2) if sys.platform == "linux" else 1
    return config.threads or max(cores - 1, least), config.batch_threads or cores


def library_variables(config: EngineConfig) -> dict[str, str]:
    """Return the variables that the engine's libraries get where the user has set none."""
    threads, batch_threads = thread_counts(config)
    return _HUGE_PAGES | (_SHORT_SPIN if threads >= batch_threads > 1 else {})


class Engine:
    """A llama.cpp server in a child process of our own."""

    model = ""  # it reports no name: we have chosen the file
    url = ""
    is_endpoint = False

    def __init__(
        self,
        config: EngineConfig,
        model_path: Callable[[], Path],
        on_state: Listener,
        lora: str = "",
        native_program: Callable[[int], str] = native.program,
    ) -> None:
        self._config = config
        self._lora = lora
        self._native_program = native_program
        self._program = ""  # that runs in place of the wheel's engine
        self._model_path = model_path  # asked at each start: a pull may have brought the file meanwhile
        self.listeners = [on_state]
        self.state = State("off")
        self._client: Client | None = None
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._backoff = Backoff(_BACKOFF_S, _HEALTHY_S)
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._used_s = 0.0
        self._has_answered = False  # since it was started
        self._n_running = 0
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The process id of the running engine."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    @property
    def has_fallen_back(self) -> bool:
        """Whether what was compiled for this machine did not start, and the wheel's engine is used."""
        return self._native_program is _no_program

    async def ready(self) -> Client:
        """Return the client of a loaded engine, starting it on first need.

        Cost: seconds while the model loads; the caller brings the deadline.
        Raises: EndpointUnavailable when it cannot start; ModelError when there is no model.
        """
        self.used()
        if not self._is_closed and (self._keeper is None or self._keeper.done()):
            self._model_path()  # a missing model is the caller's to hear at once, not the back-off's
            cause: Cause = "asleep" if self.state.phase == "asleep" else ""
            self._set(State("starting", "loading the model", cause))
            self._keeper = asyncio.create_task(self._keep())
        while True:
            changed = self._changed
            if self._is_closed:  # a late request must not start what nobody would ever stop
                raise EndpointUnavailable(CLOSED)
            if self.state.phase == "ready" and self._client is not None and self._is_alive():
                return self._client
            if self.state.phase == "failed":
                raise EndpointUnavailable(self.state.detail)
            await changed.wait()

    def idle_client(self) -> Client | None:
        """Return the client if the engine is loaded already; starts nothing."""
        return self._client if self.state.phase == "ready" else None

    def used(self, *, has_answered: bool = False) -> None:
        """Take note that somebody uses it: it sleeps when nobody has for a while."""
        self._used_s = asyncio.get_running_loop().time()
        self._has_answered = self._has_answered or has_answered

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep it awake for as long as this lasts."""
        self._n_running += 1
        try:
            yield
        finally:
            self._n_running -= 1
            self.used()

    async def end_if_it_hangs(self) -> None:
        """End the process if it does not say that it is well; it is started again."""
        client, child = self._client, self._child
        if client is None or child is None or await client.health() or client is not self._client:
            return
        log.warning("the engine process %d does not answer: it is ended", child.pid)
        child.kill()

    def _is_alive(self) -> bool:
        """Ask the system: our own watch of the process notices its end a moment later than its clients."""
        try:
            return self.pid is not None and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    async def close(self) -> None:
        """Stop the engine and wait until it is gone. It is not started again."""
        self._is_closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        self._set(State("off"))

    def _set(self, state: State) -> None:
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self.listeners:
            listener(state)

    async def _keep(self) -> None:
        """Run the engine; run it again when it dies, later each time; give up after too many."""
        while True:
            started = time.monotonic()
            try:
                if await self._run_once() == "asleep":
                    await self._drop()
                    self._set(State("asleep"))
                    return
            except (QwenLspError, OSError) as error:
                self._set(State("failed", f"the engine cannot start: {error}", "start"))
                return
            except Exception as error:  # whoever waits must hear of it
                log.exception("the engine's supervision failed")
                self._set(State("failed", f"the engine cannot start: {error!r}", "start"))
                return
            finally:
                await self._drop()
            now = time.monotonic()
            # One that has answered was well: whatever ended it, it was not its start.
            lived_s = float("inf") if self._has_answered else now - started
            pause_s, reason = self._backoff.died(now, lived_s), self._reason()
            if pause_s is None:
                self._backoff.deaths = 0  # the next request tries again
                detail = f"the engine keeps crashing: {reason}. Run `qwen-lsp doctor` to find out why"
                self._set(State("failed", detail, "died"))
                return
            log.warning("the engine died (%s); starting again in %.1f s", reason, pause_s)
            self._set(State("starting", f"the engine died ({reason}); starting it again", "died"))
            await asyncio.sleep(pause_s)

    def _reason(self) -> str:
        code = self._child.returncode if self._child else None
        lines = [line for line in self._stderr if " E " in line or "error" in line.lower()]
        if lines:
            return lines[-1].strip()
        if code in _KILLED:
            return "it was killed, as the system does with programs when there is no memory left"
        return f"exit code {code}"

    async def _run_once(self) -> Literal["died", "asleep"]:
        """Start the engine, announce it when it is loaded, and return when it has died or nobody uses it."""
        self._stderr.clear()
        self._has_answered = False
        threads, batch_threads = thread_counts(self._config)
        own = _find_program(self._config.program)
        compiled = "" if own else self._native_program(self._config.gpu_layers)
        self._program = own or compiled
        launch = Launch(
            model_path=str(self._model_path().absolute()),
            api_key=secrets.token_urlsafe(24),
            threads=threads,
            batch_threads=batch_threads,
            slots=SLOTS,
            slot_context_tokens=self._config.context_tokens,
            cache_mib=self._config.cache_mib,
            gpu_layers=self._config.gpu_layers,
            program=self._program,
            is_native=bool(compiled),
            lora=_find_lora(self._lora),
        )
        self._child = child = await Child.start(
            "qwen_lsp.model.engine_host",
            str(os.getpid()),
            on_stderr=self._note,
            with_hardware=True,
            defaults=library_variables(self._config),
        )
        log.info("engine process %d: %s", child.pid, launch.model_path)
        try:
            timeout_s = self._config.start_timeout_ms / 1000
            self._client = await asyncio.wait_for(_load(child, launch), timeout_s)
        except TimeoutError:
            if compiled:
                self._native_program = _no_program
            raise EndpointTimeout("the model did not load in time; raise `engine.startTimeoutMs`") from None
        if self._client is not None:
            self.used()
            self._set(State("ready"))
        elif compiled:
            log.warning("%s does not start (%s): the wheel's engine is used", compiled, self._reason())
            self._native_program = _no_program
        ended = asyncio.ensure_future(child.wait())
        try:
            while not ended.done():
                left_s = self._awake_s()
                if left_s is not None and left_s <= 0:
                    log.info("nobody has used the engine for a while: its memory is given back")
                    return "asleep"
                await asyncio.wait({ended}, timeout=left_s)
        finally:
            ended.cancel()
        return "died"

    def _awake_s(self) -> float | None:
        """Return how long the engine is to stay if nobody asks meanwhile; None for good."""
        if not self._config.sleep_after_minutes:
            return None
        if self._n_running:
            return self._config.sleep_after_minutes * 60
        answered_s = self._client.answered_s if self._client is not None else 0.0
        quiet_s = asyncio.get_running_loop().time() - max(self._used_s, answered_s)
        return self._config.sleep_after_minutes * 60 - quiet_s

    def _note(self, line: str) -> None:
        self._stderr.append(line[:_STDERR_CHARS])
        log.debug("engine: %s", line)

    async def _drop(self) -> None:
        """End the process and its connections, whatever state they are in."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()
        if self._child is not None:
            # The host of a program sees the end of its stdin and ends the program, which a kill would leave.
            await self._child.close(_END_S if self._program else 0.0)


async def _load(child: Child, launch: Launch) -> Client | None:
    """Hand the launch values over and wait until the model answers; None when the process died."""
    child.send(msgspec.json.encode(launch))
    line = await child.first_line()
    if not line:
        return None
    try:
        started = msgspec.json.decode(line, type=Started)
    except msgspec.DecodeError:
        raise EndpointUnavailable(f"it did not say its port but {line[:80]!r}") from None
    client = Client(Endpoint(f"http://127.0.0.1:{started.port}", LLAMA, launch.api_key, is_ours=True))
    try:
        while not await client.health():
            if child.returncode is not None:
                break
            await asyncio.sleep(0.05)
        else:
            return client
    except BaseException:
        await client.close()
        raise
    await client.close()
    return None


def _find_lora(name: str) -> str:
    if not name:
        return ""
    path = Path(name).expanduser()
    if path.is_file():
        return str(path)
    raise ConfigError(f"`model.lora` names {path}, which is not a file")


def _no_program(_gpu_layers: int) -> str:
    return ""


def _find_program(name: str) -> str:
    if not name:
        return ""
    if found := shutil.which(name):
        return os.path.abspath(found)  # the engine process works in another folder
    raise ConfigError(f"`engine.program` {name!r} is neither a file that can be run nor on PATH")
