"""A loop beside the windows that needs a processor at each key, and nothing else: what a wait is not ours.

Processes that wake at nearly the same moment wait for each other and for the engine, whatever is written in
them; how long, a loop says that takes a fixed processor time a key. `main` reads a JSON line of `Loop`, and
answers one with the times.
"""

from __future__ import annotations

import random
import sys
import time

import msgspec

from qwen_lsp.bench.replay.typist import KEY_MS
from qwen_lsp.child import die_with_parent, wake_sooner


class Loop(msgspec.Struct, frozen=True):
    """The processor time of a key in milliseconds, and for how long there are keys."""

    work_ms: float
    seconds: float


def main() -> None:
    """Take a processor at each key, and say how long that took by the clock, in milliseconds."""
    die_with_parent(int(sys.argv[1]))
    wake_sooner()  # as a server does
    loop = msgspec.json.decode(sys.stdin.buffer.readline(), type=Loop)
    chance = random.Random(0)
    taken_ms: list[float] = []
    end_s = time.perf_counter() + loop.seconds
    while time.perf_counter() < end_s:
        due_s = time.perf_counter() + max(chance.gauss(KEY_MS, KEY_MS / 4), 0.0) / 1000
        time.sleep(max(due_s - time.perf_counter(), 0.0))
        began_s = time.thread_time()
        while (time.thread_time() - began_s) * 1000 < loop.work_ms:
            pass
        taken_ms.append(round((time.perf_counter() - due_s) * 1000, 3))
    sys.stdout.buffer.write(msgspec.json.encode(taken_ms) + b"\n")
