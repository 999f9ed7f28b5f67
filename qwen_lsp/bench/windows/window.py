"""One window of `bench windows`: an editor without a screen, in a process of its own, as editors have it.

Windows that are driven by one process wait for each other: what a person in one of them sees would be told
with the work of the others in it. `main` reads one JSON line of `Told`, starts a server, answers one line of
`Opened`, types when the next line comes, and answers one line of `Typed`.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil

from qwen_lsp.bench import editor
from qwen_lsp.bench.editor import Session
from qwen_lsp.bench.replay.typist import KEY_MS
from qwen_lsp.child import die_with_parent
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.text import Edit, Span

MARKERS = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan", "yew")

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


class Told(msgspec.Struct, frozen=True):
    """What to type, for how long, and the settings: the user's own, and what the client says."""

    marker: str
    seconds: float
    user: dict[str, Any]
    options: dict[str, Any]


class Opened(msgspec.Struct, frozen=True):
    """The server is there."""

    server: int


class Typed(msgspec.Struct):
    """What happened in the window; as in `run.Seen`."""

    keys: int = 0
    suggestions: int = 0
    reasons: dict[str, int] = {}
    mixed: list[str] = []
    own_ms: list[float] = []
    answer_ms: list[float] = []
    processor_ms: list[float] = []


def main() -> None:
    """Type in one window, and end."""
    die_with_parent(int(sys.argv[1]))
    told = msgspec.json.decode(sys.stdin.buffer.readline(), type=Told)
    asyncio.run(_run(told))


async def _run(told: Told) -> None:
    async with editor.start(user=told.user, options=told.options) as session:
        _answer(Opened(session.server_process.pid))
        if not await asyncio.to_thread(sys.stdin.buffer.readline):
            return
        _answer(await _type(session, told.marker, told.seconds))


def _answer(value: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def processor_ms(pid: int) -> float:
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


def words(text: str) -> set[str]:
    """Return the words that the names of a text are made of: `first_ash` has no `fir` in it."""
    return set(re.findall("[a-z]+", text.lower()))


def _since_ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


async def _type(session: Session, marker: str, seconds: float) -> Typed:
    """Type at a person's speed and ask after each key, as an editor does."""
    seen = Typed()
    reasons = Counter[str]()
    chance = random.Random(marker)
    uri = f"untitled:{marker}.py"
    text = _FILE.format(m=marker)
    await session.open(uri, "python", text)
    others = {other for other in MARKERS if other != marker}
    typed, at = _TYPED.format(m=marker), len(text)
    end_s = time.monotonic() + seconds
    asked: set[asyncio.Task[None]] = set()

    async def ask(offset: int) -> None:
        started = time.perf_counter()
        items = await session.complete(uri, offset, invoked=False)
        seen.answer_ms.append(_since_ms(started))
        seen.suggestions += bool(items)
        for item in items:
            text = str(item.insert_text)
            seen.mixed += [text] if others & words(text) else []
        if not items:
            trace = await session.request(EXPLAIN, {"textDocument": {"uri": uri}})
            reasons[trace.reason or "none"] += 1

    server = session.server_process.pid
    taken_ms = processor_ms(server)
    while time.monotonic() < end_s:
        key = typed[seen.keys % len(typed)]
        await session.edit(uri, Edit(Span(at, at), key))
        at += 1
        seen.keys += 1
        task = asyncio.create_task(ask(at))
        asked.add(task)
        task.add_done_callback(asked.discard)
        started = time.perf_counter()
        await session.request(EXPLAIN, {"textDocument": {"uri": uri}})
        seen.own_ms.append(_since_ms(started))
        await asyncio.sleep(chance.gauss(KEY_MS, KEY_MS / 4) / 1000)
        before_ms, taken_ms = taken_ms, processor_ms(server)
        seen.processor_ms.append(round(taken_ms - before_ms, 3))
    if asked:
        await asyncio.wait(asked)
    seen.reasons = dict(reasons)
    return seen
