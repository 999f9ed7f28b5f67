"""How good an answer is, and how sure a figure is: pure functions over texts and numbers.

Owns the definitions behind every figure that the benchmarks print. Knows nothing of rows, models
or processes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MAX_COMPARED = 10_000
"""Texts are cut here, in code points, before they are compared: two of that length take 0.2 s."""

_Z95 = 1.959963984540054  # the normal distribution's 97.5 % point


def exact_match(answer: str, truth: str) -> bool:
    """Say whether the first lines agree, white space around them aside.

    Source: the SantaCoder set as Qwen scores it (hm_fim/humaneval_fim.py): line ends before the
        first line do not count, what follows the first line does not either.
    """
    return _first_line(answer) == _first_line(truth)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def exact_text(answer: str, truth: str) -> bool:
    """Say whether the whole texts agree, white space around them aside: for holes of several lines."""
    return answer.strip() == truth.strip()


def edit_similarity(answer: str, truth: str) -> float:
    """Return 1 - Levenshtein distance / length of the longer text, both stripped; 1 for two empty ones.

    Units: code points, at most MAX_COMPARED of each text.
    Source: RepoEval (arXiv 2303.12570). CrossCodeEval prints another figure under the same name, where
        a substitution counts as two edits and the sum of the lengths is the divisor.
    """
    answer, truth = answer.strip()[:MAX_COMPARED], truth.strip()[:MAX_COMPARED]
    longest = max(len(answer), len(truth))
    return 1 - levenshtein(answer, truth) / longest if longest else 1.0


def levenshtein(first: str, second: str) -> int:
    """Return the least number of insertions, deletions and substitutions between two texts.

    Cost: len(second) operations on integers of len(first) bits.
    Source: Hyyrö, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances", 2003.
    """
    if not first or not second:
        return len(first) or len(second)
    places: dict[str, int] = {}
    for index, char in enumerate(first):
        places[char] = places.get(char, 0) | 1 << index
    mask, last = (1 << len(first)) - 1, 1 << (len(first) - 1)
    # Bit i of `up` (`down`): the cell of row i + 1 is one more (one less) than the cell above it.
    up, down, distance = mask, 0, len(first)
    for char in second:
        equal = places.get(char, 0)
        diagonal = (((equal & up) + up) ^ up) | equal | down
        rise = down | (mask & ~(diagonal | up))
        fall = up & diagonal
        if rise & last:
            distance += 1
        elif fall & last:
            distance -= 1
        rise, fall = rise << 1 | 1, fall << 1
        up = mask & (fall | ~(diagonal | rise))
        down = mask & rise & diagonal
    return distance


def wilson_interval(n_successes: int, n: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a proportion, None without observations.

    Source: Wilson 1927; unlike the normal interval it holds for small n and near 0 and 1.
    """
    if n <= 0:
        return None
    rate, z2 = n_successes / n, _Z95**2
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # Rounding must not leave the observed rate outside.
    return min(rate, max(0.0, middle - half)), max(rate, min(1.0, middle + half))


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, None without values."""
    return math.fsum(values) / len(values) if values else None


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the normal 95 % interval of the mean of values between 0 and 1; None for fewer than two."""
    if len(values) < 2:
        return None
    centre = math.fsum(values) / len(values)
    variance = math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1)
    half = _Z95 * math.sqrt(variance / len(values))
    return min(centre, max(0.0, centre - half)), max(centre, min(1.0, centre + half))


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Return the value below which `percent` of the values lie, interpolated; None without values."""
    if not values:
        return None
    ordered = sorted(values)
    at = (len(ordered) - 1) * percent / 100
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two ways of answering the same rows: how often only one of them was right.

    `p_value` is the chance of a difference at least this lopsided were both ways equally good.
    """

    n: int
    wins: int
    losses: int
    p_value: float


def compare(first: Sequence[bool], second: Sequence[bool]) -> Comparison:
    """Compare two ways row by row; a win is a row that only `first` got right.

    Shape: both in the same order of rows; ValueError when their lengths differ.
    Source: exact McNemar test, two-sided.
    """
    pairs = list(zip(first, second, strict=True))
    wins = sum(mine and not theirs for mine, theirs in pairs)
    losses = sum(theirs and not mine for mine, theirs in pairs)
    n = wins + losses
    tail = sum(math.comb(n, k) for k in range(min(wins, losses) + 1))
    return Comparison(len(pairs), wins, losses, min(1.0, 2 * tail / 2**n))
