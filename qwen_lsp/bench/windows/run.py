"""Typing in N windows at once, which share one engine: processes, memory, overhead, and mixed-up texts.

Each window is a process (window.py) with a real server over stdio and a file whose names all carry a marker
word of its own. The same is done with one window first, for the ratios. Everything happens in folders of
this run, so no engine of the user's own is touched.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import msgspec
import psutil

from qwen_lsp.bench.infill.score import percentile
from qwen_lsp.bench.windows import beside
from qwen_lsp.bench.windows.bare import Loop
from qwen_lsp.bench.windows.beside import Beside
from qwen_lsp.bench.windows.window import MARKERS, Opened, Told, Typed, processor_ms
from qwen_lsp.child import Child
from qwen_lsp.config import Config
from qwen_lsp.errors import InputError, QwenLspError
from qwen_lsp.model import runtime, shared, speed
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.shared import SharedEngine

ENGINE_PROCESS = "qwen_lsp.model.engine_host"
# Looking takes a processor from the typists, at the memory most of all. An engine takes longer to load.
_LOOK_S, _MEMORY_LOOKS = 1.0, 10
_READY_TIMES = 10
_LOAD_S = 600.0
_CLOSE_S = 30.0  # a window first has its server end in order
_ONE_WINDOW_S = 120.0  # one window is there for the ratios; memory and processor time are steady by then
# What a request can end with that nobody should see.
_ERRORS = ("engine", "model", "timeout", "error")
_TIMES = ("own_ms", "answer_ms", "processor_ms", "bare_ms")
_BARE_WORK_MS = 2.0  # about what a question without the model takes of a processor
_Line = TypeVar("_Line", Opened, Typed)


@dataclass
class Seen:
    """What happened with a number of windows. Units: milliseconds, bytes.

    `mixed` are suggestions with another window's word. `memory_bytes` is the most that servers, shared
    process and engine had together, memory that they share counted once; `most_engines` the most engine
    processes at one time. `own_ms` is how long a question takes that needs no model, `answer_ms` a key and
    its suggestion. `processor_ms` is the processor time that a window's server takes from one key to the
    next, and `shared_ms` that of the shared process for each key: what is ours, whoever else wants the
    processors. The engine is in neither. `bare_ms` is how long a loop takes that needs as much of a processor
    as a question, and is nothing of ours (bare.py).
    """

    windows: int
    keys: int = 0
    suggestions: int = 0
    most_engines: int = 0
    memory_bytes: int = 0
    shared_ms: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    mixed: list[str] = field(default_factory=list)
    own_ms: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)
    bare_ms: list[float] = field(default_factory=list)

    def add(self, typed: Typed) -> None:
        """Count what happened in one window."""
        self.keys += typed.keys
        self.suggestions += typed.suggestions
        self.reasons.update(typed.reasons)
        self.mixed += typed.mixed
        self.own_ms += typed.own_ms
        self.answer_ms += typed.answer_ms
        self.processor_ms += typed.processor_ms

    @property
    def errors(self) -> int:
        """How many requests ended with what nobody should see."""
        return sum(count for reason, count in self.reasons.items() if reason in _ERRORS)

    def to_json(self) -> dict[str, Any]:
        """Return the figures, times as their median and 95th percentile."""
        left_out = (*_TIMES, "reasons")  # `asdict` makes pairs of the keys of a Counter
        values = {
            name: getattr(self, name) for name in (one.name for one in fields(self)) if name not in left_out
        }
        for name in _TIMES:
            taken = getattr(self, name)
            values[name] = {"p50": percentile(taken, 50), "p95": percentile(taken, 95)}
        return {**values, "reasons": dict(self.reasons), "errors": self.errors}


@dataclass(frozen=True)
class Report:
    """One window, N windows, and what another window waits until the engine is ready for it, in seconds.

    `beside` are keys with and without a review in another window.
    """

    one: Seen
    many: Seen
    load_s: float
    ready_s: list[float]
    beside: Beside

    @property
    def failure(self) -> str:
        """Why the figures do not say what they are for; "" when they do."""
        if not self.beside.n_reviewed:
            return "the review answered no question, so what it delays was not measured"
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return the figures and the ratios."""
        own = [percentile(seen.own_ms, 95) or 0.0 for seen in (self.one, self.many)]
        bare = [percentile(seen.bare_ms, 95) or 0.0 for seen in (self.one, self.many)]
        taken = [percentile(seen.processor_ms, 95) or 0.0 for seen in (self.one, self.many)]
        return {
            "one": self.one.to_json(),
            "many": self.many.to_json(),
            "memory_ratio": round(self.many.memory_bytes / max(self.one.memory_bytes, 1), 2),
            "own_p95_ratio": _ratio(*own),
            "bare_p95_ratio": _ratio(*bare),
            "processor_p95_ratio": _ratio(*taken),
            "review_beside": self.beside.to_json(),
            "load_s": round(self.load_s, 2),
            "another_window_ready_s": round(statistics.median(self.ready_s), 3),
            "failure": self.failure,
        }


def _ratio(one: float, many: float) -> float | None:
    return round(many / one, 2) if one else None


def run(config: Config, n: int, seconds: float) -> Report:
    """Type for so long in one window, then in `n`.

    Raises: QwenLspError when there is no model or no engine.
    """
    if not 2 <= n <= len(MARKERS):
        raise InputError(f"between 2 and {len(MARKERS)} windows, not {n}")
    with _own_folders():
        return asyncio.run(_run(config, n, seconds))


@contextmanager
def _own_folders() -> Iterator[None]:
    """Meet in a folder of this run, and remember there how fast the engine was: crowded, it is slow."""
    known = speed.remembered()
    names = ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME")
    before = {name: os.environ.get(name) for name in names}
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-bench-", ignore_cleanup_errors=True) as folder:
        os.environ |= dict.fromkeys(names, folder)
        try:
            for model, measured in known.items():
                speed.save(model, measured)
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


async def _run(config: Config, n: int, seconds: float) -> Report:
    own = msgspec.structs.replace(config.engine, shared=True, program="")
    try:
        load_s, ready_s = await _ready_times(config, own)
        keys = await beside.measure(own, chosen_model(config).path, config.model.lora)
        one = await _typed(config, 1, min(seconds, _ONE_WINDOW_S))
        many = await _typed(config, n, seconds)
    finally:
        await shared.stop()
    return Report(one, many, load_s, ready_s, keys)


async def _ready_times(config: Config, own: Any) -> tuple[float, list[float]]:
    """Return how long the first window waits for the engine, and each of ten others."""
    path = chosen_model(config).path
    hosts: list[SharedEngine] = []
    taken: list[float] = []
    try:
        for _ in range(_READY_TIMES + 1):
            host = SharedEngine(own, path, lambda state: None, config.model.lora)
            hosts.append(host)
            started = time.perf_counter()
            await asyncio.wait_for(host.ready(), _LOAD_S)
            taken.append(time.perf_counter() - started)
            if isinstance(host.own, Engine):
                raise QwenLspError("there can be no shared engine here; `qwen-lsp engine logs` says why")
    finally:
        for host in hosts:
            await host.close()
    return taken[0], taken[1:]


async def _typed(config: Config, n: int, seconds: float) -> Seen:
    seen = Seen(n)
    options = {"engine": {"contextTokens": config.engine.context_tokens}}
    user = {
        "engine.shared": True,
        "engine.cacheMib": config.engine.cache_mib,
        "model.name": config.model.name,
        "model.path": config.model.path,
        "context.index": False,
    }
    await play(seen, [Told(marker, seconds, user, options) for marker in MARKERS[:n]])
    return seen


async def play(seen: Seen, told: Sequence[Told]) -> None:
    """Open the windows, and type in all of them at once.

    Raises: QwenLspError when one of them ends before its time.
    """
    async with AsyncExitStack() as stack:
        windows = [await stack.enter_async_context(_window(one)) for one in told]
        loop = await Child.start("qwen_lsp.bench.windows.bare", str(os.getpid()))
        stack.push_async_callback(loop.close, 0.0)
        meeting = runtime.read(runtime.folder())
        before_ms = processor_ms(meeting.pid) if meeting is not None else 0.0
        async with _watched(seen, [server for _, server in windows]):
            for child, _ in windows:
                child.send(b"type")
            loop.send(msgspec.json.encode(Loop(_BARE_WORK_MS, told[0].seconds)))
            for typed in await asyncio.gather(*(_answer(child, Typed) for child, _ in windows)):
                seen.add(typed)
            seen.bare_ms = msgspec.json.decode(await loop.first_line(), type=list[float])
        if meeting is not None:
            seen.shared_ms = (processor_ms(meeting.pid) - before_ms) / max(seen.keys, 1)


@asynccontextmanager
async def _window(told: Told) -> AsyncIterator[tuple[Child, int]]:
    """Open a window; yield its process and the id of its server."""
    child = await Child.start("qwen_lsp.bench.windows.window", str(os.getpid()), with_hardware=True)
    try:
        child.send(msgspec.json.encode(told))
        opened = await _answer(child, Opened)
        yield child, opened.server
    finally:
        await child.close(_CLOSE_S)


async def _answer(child: Child, kind: type[_Line]) -> _Line:
    """Return the next line of a window. Raises: QwenLspError when it has ended."""
    line = await child.first_line()
    if not line:
        raise QwenLspError("a window has ended; what it said of that is above")
    return msgspec.json.decode(line, type=kind)


@asynccontextmanager
async def _watched(seen: Seen, servers: list[int]) -> AsyncIterator[None]:
    """Look at the processes all the time."""

    async def look() -> None:
        for number in itertools.count():
            await asyncio.to_thread(_look, seen, servers, number % _MEMORY_LOOKS == 0)
            await asyncio.sleep(_LOOK_S)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


def _look(seen: Seen, servers: Sequence[int], with_memory: bool) -> None:
    meeting = runtime.read(runtime.folder())
    processes = _with_children([*servers, *([meeting.pid] if meeting is not None else [])])
    parents: dict[int, int] = {}  # of what looks like an engine
    memory = 0
    for process in processes:
        with suppress(psutil.Error):
            if ENGINE_PROCESS in process.cmdline():
                parents[process.pid] = process.ppid()
            if with_memory:
                info = process.memory_full_info()
                memory += int(getattr(info, "pss", info.rss))
    # What an engine starts looks like it until it has become another program.
    engines = sum(parent not in parents for parent in parents.values())
    seen.most_engines = max(seen.most_engines, engines)
    seen.memory_bytes = max(seen.memory_bytes, memory)


def _with_children(pids: Sequence[int]) -> list[psutil.Process]:
    """Return processes and all that they have started, by one pass over the system's."""
    parents: dict[int, int] = {}
    known: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            known[process.pid], parents[process.pid] = process, process.ppid()
    found = {pid for pid in pids if pid in known}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return [known[pid] for pid in found]


def as_text(report: Report) -> str:
    """Say it in a few lines."""
    values = report.to_json()
    lines = []
    for seen in (report.one, report.many):
        part = seen.to_json()
        lines.append(
            f"{seen.windows} window{'s' if seen.windows > 1 else ''}: {seen.keys} keys, {seen.suggestions} "
            f"suggestions, engine processes {seen.most_engines}, {seen.memory_bytes / 1e6:.0f} MB, "
            f"errors {seen.errors}, other windows' words {len(seen.mixed)}"
        )
        lines += [f"  with another window's word: {text!r}" for text in sorted(set(seen.mixed))]
        for name, what in (
            ("processor_ms", "processor time of a server for a key"),
            ("own_ms", "a question without the model"),
            ("bare_ms", f"a loop beside the windows that needs {_BARE_WORK_MS:.0f} ms of a processor"),
            ("answer_ms", "a key's answer"),
        ):
            p50, p95 = (part[name][key] or 0.0 for key in ("p50", "p95"))
            lines.append(f"  {what}: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
        lines.append(f"  processor time of the shared process for a key: {seen.shared_ms:.1f} ms")
        lines.append(f"  without a suggestion: {dict(seen.reasons.most_common())}")
    lines.append(
        f"memory {values['memory_ratio']} times, processor time p95 {values['processor_p95_ratio']} times, "
        f"own p95 {values['own_p95_ratio']} times one window's, the loop's {values['bare_p95_ratio']} times"
    )
    lines.append(report.beside.as_text())
    lines.append(
        f"the engine is ready for the first window after {values['load_s']} s, for another one after "
        f"{values['another_window_ready_s']} s (median of {_READY_TIMES})"
    )
    return "\n".join(lines)
