"""Typing in N windows at once, which share one engine: processes, memory, overhead, and mixed-up texts.

Each window is a real server over stdio with a file whose names all carry a marker word of its own. The same
is done with one window first, for the ratios. Everything happens in folders of this run, so no engine of the
user's own is touched.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec
import psutil

from qwen_lsp.bench import editor
from qwen_lsp.bench.editor import Session
from qwen_lsp.bench.infill.score import percentile
from qwen_lsp.bench.replay.typist import KEY_MS
from qwen_lsp.bench.windows import beside
from qwen_lsp.bench.windows.beside import Beside
from qwen_lsp.config import Config
from qwen_lsp.errors import InputError, QwenLspError
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.model import runtime, shared, speed
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.shared import SharedEngine
from qwen_lsp.text import Edit, Span

MARKERS = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan", "yew")
ENGINE_PROCESS = "qwen_lsp.model.engine_host"
_LOOK_S = 1.0  # looking costs the typists time, and an engine takes longer than this to load
_READY_TIMES = 10
_LOAD_S = 600.0
_ONE_WINDOW_S = 120.0  # one window is there for the ratios; memory and processor time are steady by then
# What a request can end with that nobody should see.
_ERRORS = ("engine", "model", "timeout", "error")
_TIMES = ("own_ms", "answer_ms", "processor_ms")

_FILE = "".join(
    f"def {{m}}_{name}({{m}}_rows):\n    return [{{m}}_row.{name} for {{m}}_row in {{m}}_rows]\n\n\n"
    for name in ("price", "weight", "colour", "title", "owner", "place")
)
_TYPED = (
    "def {m}_total({m}_rows):\n"
    "    {m}_sum = 0\n"
    "    for {m}_row in {m}_rows:\n"
    "        {m}_sum += {m}_row.price * {m}_row.weight\n"
    "    return {m}_sum\n\n\n"
)


@dataclass
class Seen:
    """What happened with a number of windows. Units: milliseconds, bytes.

    `memory_bytes` is the most that servers, shared process and engine had together, memory that they share
    counted once; `most_engines` the most engine processes at one time. `own_ms` is how long a question takes
    that needs no model, `answer_ms` a key and its suggestion. `processor_ms` is the processor time that a
    window's server takes from one key to the next, and `shared_ms` that of the shared process for each key:
    what is ours, whoever else wants the processors. The engine is in neither.
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
        taken = [percentile(seen.processor_ms, 95) or 0.0 for seen in (self.one, self.many)]
        return {
            "one": self.one.to_json(),
            "many": self.many.to_json(),
            "memory_ratio": round(self.many.memory_bytes / max(self.one.memory_bytes, 1), 2),
            "own_p95_ratio": round(own[1] / own[0], 2) if own[0] else None,
            "processor_p95_ratio": round(taken[1] / taken[0], 2) if taken[0] else None,
            "review_beside": self.beside.to_json(),
            "load_s": round(self.load_s, 2),
            "another_window_ready_s": round(statistics.median(self.ready_s), 3),
            "failure": self.failure,
        }


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
    async with AsyncExitStack() as stack:
        sessions = [
            await stack.enter_async_context(editor.start(user=user, options=options)) for _ in range(n)
        ]
        meeting = runtime.read(runtime.folder())
        before_ms = _processor_ms(meeting.pid) if meeting is not None else 0.0
        async with _watched(seen, sessions), asyncio.TaskGroup() as group:
            for number, session in enumerate(sessions):
                group.create_task(_type(session, MARKERS[number], seconds, seen))
        if meeting is not None:
            seen.shared_ms = (_processor_ms(meeting.pid) - before_ms) / max(seen.keys, 1)
    return seen


def _processor_ms(pid: int) -> float:
    """Return the processor time that a process has taken; Linux counts nanoseconds, others hundredths."""
    threads = Path(f"/proc/{pid}/task")
    if threads.is_dir():
        total_ns = 0
        for thread in threads.iterdir():
            with suppress(OSError, ValueError):  # it has just ended
                total_ns += int((thread / "schedstat").read_text().split()[0])
        if total_ns:
            return total_ns / 1e6
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system) * 1000


async def _type(session: Session, marker: str, seconds: float, seen: Seen) -> None:
    """Type at a person's speed and ask after each key, as an editor does."""
    chance = random.Random(marker)
    uri = f"untitled:{marker}.py"
    text = _FILE.format(m=marker)
    await session.open(uri, "python", text)
    others = [other for other in MARKERS if other != marker]
    typed, at = _TYPED.format(m=marker), len(text)
    end_s = time.monotonic() + seconds
    asked: set[asyncio.Task[None]] = set()

    async def ask(offset: int) -> None:
        started = time.perf_counter()
        items = await session.complete(uri, offset, invoked=False)
        seen.answer_ms.append((time.perf_counter() - started) * 1000)
        seen.suggestions += bool(items)
        for item in items:
            seen.mixed += [other for other in others if other in str(item.insert_text)]
        if not items:
            trace = await session.request(EXPLAIN, {"textDocument": {"uri": uri}})
            seen.reasons[trace.reason or "none"] += 1

    number, server = 0, session.server_process.pid
    taken_ms = _processor_ms(server)
    while time.monotonic() < end_s:
        key = typed[number % len(typed)]
        await session.edit(uri, Edit(Span(at, at), key))
        at, number = at + 1, number + 1
        seen.keys += 1
        task = asyncio.create_task(ask(at))
        asked.add(task)
        task.add_done_callback(asked.discard)
        started = time.perf_counter()
        await session.request(EXPLAIN, {"textDocument": {"uri": uri}})
        seen.own_ms.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(chance.gauss(KEY_MS, KEY_MS / 4) / 1000)
        before_ms, taken_ms = taken_ms, _processor_ms(server)
        seen.processor_ms.append(taken_ms - before_ms)
    if asked:
        await asyncio.wait(asked)


@asynccontextmanager
async def _watched(seen: Seen, sessions: list[Session]) -> AsyncIterator[None]:
    """Look at the processes all the time."""
    servers = [session.server_process.pid for session in sessions]

    async def look() -> None:
        while True:
            await asyncio.to_thread(_look, seen, servers)
            await asyncio.sleep(_LOOK_S)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


def _look(seen: Seen, servers: list[int]) -> None:
    meeting = runtime.read(runtime.folder())
    processes: list[psutil.Process] = []
    for pid in (*servers, *([meeting.pid] if meeting is not None else [])):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            processes += [process, *process.children(recursive=True)]
    engines, memory = 0, 0
    for process in processes:
        with suppress(psutil.Error):
            engines += ENGINE_PROCESS in process.cmdline()
            info = process.memory_full_info()
            memory += int(getattr(info, "pss", info.rss))
    seen.most_engines = max(seen.most_engines, engines)
    seen.memory_bytes = max(seen.memory_bytes, memory)


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
        for name, what in (
            ("processor_ms", "processor time of a server for a key"),
            ("own_ms", "a question without the model"),
            ("answer_ms", "a key's answer"),
        ):
            p50, p95 = (part[name][key] or 0.0 for key in ("p50", "p95"))
            lines.append(f"  {what}: p50 {p50:.1f} ms, p95 {p95:.1f} ms")
        lines.append(f"  processor time of the shared process for a key: {seen.shared_ms:.1f} ms")
        lines.append(f"  without a suggestion: {dict(seen.reasons.most_common())}")
    lines.append(
        f"memory {values['memory_ratio']} times, processor time p95 {values['processor_p95_ratio']} times, "
        f"own p95 {values['own_p95_ratio']} times one window's"
    )
    lines.append(report.beside.as_text())
    lines.append(
        f"the engine is ready for the first window after {values['load_s']} s, for another one after "
        f"{values['another_window_ready_s']} s (median of {_READY_TIMES})"
    )
    return "\n".join(lines)
