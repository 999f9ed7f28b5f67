"""How the cost of a piece of work grows with its input, on a machine that has other things to do."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Twice the input may take twice the time and a little more: caches of the processor run out.
MAX_GROWTH = 2.3
# What takes less is compared as if it took this long.
_MIN_S = 0.0002
# A first look, then longer ones: only work that seems to grow too fast, or a busy machine, gets there.
_ROUNDS = (3, 7, 25)


def growth(make: Callable[[int], T], work: Callable[[T], object], n: int) -> float:
    """Return by how much more processor time `work` takes for an input of 2n than for one of n.

    Where that seems too much, the growth from n/2 to 2n is looked at, too, and its root counts: a step where
    a cache runs out is not in both doublings, while the square of the input is.
    """
    small, large = make(n), make(2 * n)
    found = ratio(work, small, large)
    if found > MAX_GROWTH and n > 1:
        found = min(found, math.sqrt(ratio(work, make(n // 2), large, MAX_GROWTH**2)))
    return found


def ratio(work: Callable[[T], object], small: T, large: T, enough: float = MAX_GROWTH) -> float:
    """Return how many times the processor time of `small` the work on `large` takes; stop at `enough`.

    The two take turns. Another process on the same core makes processor time longer, so the shortest times
    count, or the usual ratio of two neighbours, which the same disturbance has met.
    """
    pairs: list[tuple[float, float]] = []
    found = math.inf
    for rounds in _ROUNDS:
        pairs += [(_seconds(work, small), _seconds(work, large)) for _ in range(rounds)]
        shortest = min(long for _, long in pairs) / min(short for short, _ in pairs)
        usual = statistics.median(long / short for short, long in pairs)
        found = min(shortest, usual)
        if found <= enough:
            break
    return found


def _seconds(work: Callable[[T], object], value: T) -> float:
    gc.disable()
    try:
        started = time.thread_time()
        work(value)
        return max(time.thread_time() - started, _MIN_S)
    finally:
        gc.enable()
