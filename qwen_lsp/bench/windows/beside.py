"""Keys in one window while another one reviews, and the same keys without: how much a review delays them.

Both windows are hosts of the same engine, as two servers have them. Whoever types stops to think, as people
do, for shorter and longer: a question of a review begins, and ends, only then, and the first key of a burst
comes in the midst of one. Sittings with a review beside alternate with sittings without, which have the same
pauses, so whatever else the machine does meets both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_lsp.bench.infill.score import percentile
from qwen_lsp.bench.replay.typist import KEY_MS
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import CHAT_SLOT, COMPLETION_SLOT
from qwen_lsp.model.generation import Request
from qwen_lsp.model.shared import SharedEngine

_SITTINGS = 3  # of each kind
# Before each burst. A review waits for two seconds without a key, so not every pause is one for it.
_PAUSES_S = (5.0, 1.0, 12.0, 8.0)
_TYPED = "    total = sum(row.price * row.weight for row in rows)\n"
_ABOVE = "".join(f"def price_{line}(row):\n    return row.price * {line}\n\n\n" for line in range(12))
_REVIEWED = "".join(f"value_{line} = compute(value_{line - 1}, {line})\n" for line in range(1, 40))


@dataclass
class Beside:
    """Times to the first text of a key, without and with a review. Units: milliseconds.

    `first_alone_ms` and `first_reviewed_ms` are those of the keys that come after a pause.
    """

    alone_ms: list[float] = field(default_factory=list)
    reviewed_ms: list[float] = field(default_factory=list)
    n_reviewed: int = 0
    first_alone_ms: list[float] = field(default_factory=list)
    first_reviewed_ms: list[float] = field(default_factory=list)

    @property
    def delay_p95_ms(self) -> float:
        """The 95th percentile with a review minus that without."""
        return (percentile(self.reviewed_ms, 95) or 0.0) - (percentile(self.alone_ms, 95) or 0.0)

    def to_json(self) -> dict[str, Any]:
        """Return the figures."""
        kinds = (
            ("without", self.alone_ms, self.first_alone_ms),
            ("with", self.reviewed_ms, self.first_reviewed_ms),
        )
        return {
            name: {
                "n": len(taken),
                "p50": percentile(taken, 50),
                "p95": percentile(taken, 95),
                "after_a_pause": {
                    "n": len(first),
                    "p50": percentile(first, 50),
                    "most": max(first, default=0.0),
                },
            }
            for name, taken, first in kinds
        } | {"delay_p95_ms": round(self.delay_p95_ms, 1), "questions": self.n_reviewed}

    def as_text(self) -> str:
        """Say it in a few lines."""
        values = self.to_json()
        lines = [
            f"first text of a key beside a review ({values['questions']} questions answered in its pauses):"
        ]
        for name in ("without", "with"):
            of = values[name]
            rare = of["after_a_pause"]
            lines.append(
                f"  {name}: {of['n']} keys, p50 {of['p50'] or 0.0:.0f} ms, p95 {of['p95'] or 0.0:.0f} ms; "
                f"the {rare['n']} after a pause p50 {rare['p50'] or 0.0:.0f} ms, most {rare['most']:.0f} ms"
            )
        return "\n".join([*lines, f"  p95 with a review: {values['delay_p95_ms']:+.0f} ms"])


async def measure(engine: Any, path: Callable[[], Path], lora: str) -> Beside:
    """Type in sittings, every other one while another window asks the questions of a review."""
    seen = Beside()
    hosts = [SharedEngine(engine, path, lambda state: None, lora) for _ in range(2)]
    try:
        typing, reviewing = [await host.ready() for host in hosts]
        await _first_text(typing, _ABOVE)  # the model's pages are in memory, the prompt is in the cache
        for number in range(2 * _SITTINGS):
            if number % 2:
                async with _reviewing(reviewing, seen, number):
                    await _sitting(typing, seen.reviewed_ms, seen.first_reviewed_ms)
            else:
                await _sitting(typing, seen.alone_ms, seen.first_alone_ms)
    finally:
        for host in hosts:
            await host.close()
    return seen


async def _sitting(client: Client, taken_ms: list[float], first_ms: list[float]) -> None:
    """Type a line in bursts with pauses before them."""
    burst = len(_TYPED) // len(_PAUSES_S)
    for number, pause_s in enumerate(_PAUSES_S):
        await asyncio.sleep(pause_s)
        for end in range(number * burst + 1, (number + 1) * burst + 1):
            started = time.perf_counter()
            await _first_text(client, _ABOVE + "def total(rows):\n" + _TYPED[:end])
            taken_s = time.perf_counter() - started
            taken_ms.append(taken_s * 1000)
            if end == number * burst + 1:
                first_ms.append(taken_s * 1000)
            await asyncio.sleep(max(KEY_MS / 1000 - taken_s, 0.0))


async def _first_text(client: Client, prompt: str) -> None:
    async with client.stream(Request(prompt, 16, (), COMPLETION_SLOT)) as chunks:
        async for chunk in chunks:
            if chunk.text:
                return


@asynccontextmanager
async def _reviewing(client: Client, seen: Beside, number: int) -> AsyncIterator[None]:
    async def ask() -> None:
        while True:
            prompt = f"# change {number}.{seen.n_reviewed}\n{_REVIEWED}# What is wrong with it?\n"
            async with client.stream(Request(prompt, 64, (), CHAT_SLOT, is_background=True)) as chunks:
                async for _ in chunks:
                    pass
            seen.n_reviewed += 1

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
