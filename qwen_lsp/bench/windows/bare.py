"""What this machine lets N windows have at best: loops that need a processor at each key, and nothing else.

Many windows are compared with one by the clock. Processes that wake at nearly the same moment wait for each
other, whatever is written in them; how long, loops say that take a fixed processor time a key. `main` reads a
JSON line of `Loop`, and answers one with the times.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from contextlib import AsyncExitStack

import msgspec

from qwen_lsp.bench.infill.score import percentile
from qwen_lsp.bench.replay.typist import KEY_MS
from qwen_lsp.child import Child, die_with_parent, wake_sooner

_SECONDS = 20.0


class Loop(msgspec.Struct, frozen=True):
    """The processor time of a key in milliseconds, for how long, and what draws the pauses between keys."""

    work_ms: float
    seconds: float
    seed: int


def main() -> None:
    """Take a processor at each key, and say how long that took by the clock."""
    die_with_parent(int(sys.argv[1]))
    wake_sooner()  # as a server does
    loop = msgspec.json.decode(sys.stdin.buffer.readline(), type=Loop)
    chance = random.Random(loop.seed)
    taken_ms: list[float] = []
    end_s = time.perf_counter() + loop.seconds
    while time.perf_counter() < end_s:
        due_s = time.perf_counter() + max(chance.gauss(KEY_MS, KEY_MS / 4), 0.0) / 1000
        time.sleep(max(due_s - time.perf_counter(), 0.0))
        began_s = time.thread_time()
        while (time.thread_time() - began_s) * 1000 < loop.work_ms:
            pass
        taken_ms.append((time.perf_counter() - due_s) * 1000)
    sys.stdout.buffer.write(msgspec.json.encode(taken_ms) + b"\n")


async def measure(work_ms: float, n: int, seconds: float = _SECONDS) -> float:
    """Return how long a key takes by the clock in one of `n` loops: the 95th percentile in milliseconds."""
    async with AsyncExitStack() as stack:
        loops = []
        for seed in range(n):
            child = await Child.start("qwen_lsp.bench.windows.bare", str(os.getpid()))
            stack.push_async_callback(child.close, 0.0)
            loops.append(child)
            child.send(msgspec.json.encode(Loop(work_ms, seconds, seed)))
        lines = await asyncio.gather(*(child.first_line() for child in loops))
    return percentile([ms for line in lines for ms in msgspec.json.decode(line, type=list[float])], 95) or 0.0
