"""How the cost of a piece of work grows with its input, on a machine that has other things to do."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_ROUNDS, _ATTEMPTS = 3, 4
# Twice the input may take twice the time and a little more: caches of the processor run out.
MAX_GROWTH = 2.3
_MIN_S = 0.0002


def growth(make: Callable[[int], T], work: Callable[[T], object], n: int) -> float:
    """Return by how much more processor time `work` takes for an input of 2n than for one of n.

    The two take turns, medians are compared, and the best of a few attempts counts: noise only adds.
    """
    small, large = make(n), make(2 * n)
    best = float("inf")
    for _ in range(_ATTEMPTS):
        pairs = [(_seconds(work, small), _seconds(work, large)) for _ in range(_ROUNDS)]
        short, long = (statistics.median(column) for column in zip(*pairs, strict=True))
        best = min(best, long / max(short, _MIN_S))
        if best <= MAX_GROWTH:
            break
    return best


def _seconds(work: Callable[[T], object], value: T) -> float:
    gc.disable()
    try:
        started = time.thread_time()
        work(value)
        return time.thread_time() - started
    finally:
        gc.enable()
