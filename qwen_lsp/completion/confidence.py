"""How much of an answer is sure enough to be shown unasked. Pure; it knows probabilities, no settings.

The product of the probabilities of its tokens is about the chance that a text is what the user types
next. So an automatic suggestion is shown up to the last whole word before that product falls below
the least probability of the settings. What is typed already is certain: only the tokens after it count,
so the rest of an answer may become sure while the user types through its doubtful part.
Source: docs/benchmarks.md, "How sure is sure enough".
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

Marks = Sequence[tuple[int, float]]
"""For each token the length of the text after it, and its natural log-probability."""

# Taking over a shorter piece by a key of its own saves nothing, and looking at it costs.
_LEAST_PART_CHARS = 3
# Beyond this nothing would be sure enough.
_MOST_HALVINGS = 8
# Han and kana have no spaces between words: each is one.
_LETTER = re.compile(r"[^\W\u3040-\u30ff\u3400-\u9fff]")


def log_probability(marks: Marks, start: int, end: int) -> float:
    """Return the log-probability of the text between two lengths, given all before it.

    A token that reaches over an edge counts whole: its choice was real.
    """
    return sum(value for value, _, _ in _between(marks, start, end))


def probability(marks: Marks, start: int, end: int) -> float | None:
    """Return the same as a probability; None where none is known."""
    return math.exp(log_probability(marks, start, end)) if marks else None


def tokens(text: str, marks: Marks) -> list[tuple[str, float]]:
    """Return the pieces of a text, each with its probability."""
    return [(text[start:end], math.exp(value)) for value, start, end in _between(marks, 0, len(text))]


def sure_part(text: str, marks: Marks, typed: int, least: float, *, is_whole: bool = True) -> str:
    """Return what of text[typed:] is at least so probable: all of it, or its first whole words, or "".

    `is_whole` tells that nothing more will be written. Without any probability (an endpoint that tells
    none) everything is sure.
    """
    end = _sure_end(text, marks, typed, least)
    if end == len(text) and is_whole:
        return text[typed:]
    part = text[typed:end].rstrip()
    return part if len(part.strip()) >= _LEAST_PART_CHARS else ""


def first_word(text: str, marks: Marks, typed: int) -> float:
    """Return the probability of the first word of text[typed:]."""
    word = re.match(r"\s*(?:\w+|\S)?", text[typed:])
    return math.exp(log_probability(marks, typed, typed + (word.end() if word else 0)))


@dataclass(frozen=True, slots=True)
class Shown:
    """What was last on offer in a document: where, all of it, the part shown, how often passed over."""

    offset: int
    text: str
    part: str
    passed_over: int = 0

    def passed_over_at(self, document_text: str, offset: int, rest: str) -> int:
        """Count the keys with which the user has typed into what is shown, up to `rest` at `offset`."""
        typed = document_text[self.offset : offset]
        left = self.text[len(typed) :]
        is_same = self.text.startswith(typed) and (left.startswith(rest) or rest.startswith(left))
        if offset < self.offset or not is_same or len(typed.strip()) > 1:
            return 0  # something else, or an accepted piece of it
        return self.passed_over + bool(typed and self.part.startswith(typed))


def least_for(least: float, passed_over: int) -> float:
    """Return how likely a suggestion must be that the user has typed into instead of accepting it.

    Who types on through a suggestion tells that something in it is wrong; the doubt allowed is halved
    with each key, so what stays is its surest part.
    """
    return 1 - (1 - least) * 0.5 ** min(passed_over, _MOST_HALVINGS) if least > 0 else least


def is_settled(marks: Marks, typed: int, least: float) -> bool:
    """Whether nothing written from now on can be sure any more, because too much before it is not."""
    return bool(marks) and log_probability(marks, typed, marks[-1][0]) < _floor(least)


def _sure_end(text: str, marks: Marks, typed: int, least: float) -> int:
    if not marks:
        return len(text)
    total, end = 0.0, typed
    for value, _, token_end in _between(marks, typed, len(text)):
        total += value
        if total < _floor(least):
            return end
        if token_end >= len(text):
            return len(text)
        if not _splits_word(text, token_end):
            end = token_end
    return end


def _between(marks: Marks, start: int, end: int) -> list[tuple[float, int, int]]:
    """The tokens that touch text[start:end]: log-probability, and where each begins and ends."""
    touched: list[tuple[float, int, int]] = []
    before = 0
    for token_end, value in marks:
        if token_end > start and before < end:
            touched.append((value, before, token_end))
        before = token_end
    return touched


def _splits_word(text: str, at: int) -> bool:
    return all(_LETTER.match(text[place]) for place in (at - 1, at))


def _floor(least: float) -> float:
    return math.log(least) if least > 0 else -math.inf
