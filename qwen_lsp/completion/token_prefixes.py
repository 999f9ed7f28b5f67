"""How likely the beginnings of a token are, from the tokens that could have stood in its place.

A tokenizer joins signs: after an argument a model hesitates between `)`, `):` and `)` with a line end, and
yet is certain of the parenthesis. So a token is split where likely others leave it, and each piece has its
own probability given what is before it; together they have the token's. The same holds for a token whose
beginning is typed already: only those that begin so compete. Pure; it knows tokens as text alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def pieces(
    text: str, logprob: float, others: Sequence[tuple[str, float]], n_forced: int = 0
) -> tuple[tuple[int, float], ...]:
    """Return for each piece of a token the characters up to its end and its log-probability.

    `others` are tokens that could have stood here, with their log-probabilities. The first `n_forced`
    characters were forced on the answer: what was not listed may begin so as well, and counts against it.
    """
    chosen = math.exp(logprob)
    rivals = [(other, math.exp(value)) for other, value in others if other != text]
    shared = {_common(text, other) for other, _ in rivals}
    ends = sorted({end for end in (*shared, n_forced) if 0 < end < len(text)} | {len(text)})
    found: list[tuple[int, float]] = []
    above = 1.0
    for end in ends:
        share = chosen + sum(value for other, value in rivals if _common(text, other) >= end)
        if end == n_forced:
            share += max(1.0 - chosen - sum(value for _, value in rivals), 0.0)
        share = min(share, above)
        found.append((end, math.log(share / above) if end < len(text) else logprob - math.log(above)))
        above = share
    return tuple(found)


def _common(left: str, right: str) -> int:
    """Return how many characters two texts begin with alike."""
    for at, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return at
    return min(len(left), len(right))
