"""An answer of the model as one value: its text, how likely each token was, how much of it is typed.

Pure; it knows probabilities and words, no settings and no filters. The product of the probabilities of its
tokens is about the chance that a text is what the user types next. What is typed is certain: only the tokens
after it count, so the rest of an answer may become sure while the user types through its doubtful part.
Source: docs/benchmarks.md, "How sure is sure enough".
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

TokenLogprobs = tuple[tuple[int, float], ...]
"""For each token the length of the text after it, and its natural log-probability."""

MIN_PART_CHARS = 3
"""Taking over a shorter piece by a key of its own saves nothing, and looking at it costs."""
# Han and kana have no spaces between words: each is one.
_LETTER = re.compile(r"[^\W\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """A text that begins at one place; `n_typed` of its characters stand there already.

    Shape: `logprobs` is empty where an endpoint gives none.
    """

    text: str
    logprobs: TokenLogprobs = ()
    n_typed: int = 0

    @property
    def typed(self) -> str:
        """What stands there already."""
        return self.text[: self.n_typed]

    @property
    def rest(self) -> str:
        """What is left to type."""
        return self.text[self.n_typed :]

    def after(self, typed: str) -> Answer | None:
        """Return the answer with so much of it typed; None when it does not begin so."""
        return replace(self, n_typed=len(typed)) if self.text.startswith(typed) else None

    def log_probability(self, start: int, end: int) -> float:
        """Return the log-probability of the text between two lengths, given all before it.

        A token that reaches over an edge counts whole: its choice was real.
        """
        return sum(value for value, _, _ in self._tokens(start, end))

    @property
    def probability(self) -> float | None:
        """The probability of the rest; None where none is known."""
        return math.exp(self.log_probability(self.n_typed, len(self.text))) if self.logprobs else None

    @property
    def tokens(self) -> list[tuple[str, float]]:
        """The pieces of the text, each with its probability."""
        pieces = self._tokens(0, len(self.text))
        return [(self.text[start:end], math.exp(value)) for value, start, end in pieces]

    def confident_prefix(self, min_probability: float, *, is_whole: bool = True) -> str:
        """Return what of the rest is at least so probable: all of it, or its first whole words, or "".

        `is_whole` says that nothing more will be written. Without probabilities everything is confident.
        """
        end = self._confident_end(min_probability)
        if end == len(self.text) and is_whole:
            return self.rest
        part = self.text[self.n_typed : end].rstrip()
        return part if len(part.strip()) >= MIN_PART_CHARS else ""

    @property
    def first_part_probability(self) -> float:
        """The probability of the shortest part of the rest that could be shown.

        Less than any threshold for which `confident_prefix` is empty.
        """
        total = 0.0
        for value, _, end in self._tokens(self.n_typed, len(self.text)):
            total += value
            is_part = len(self.text[self.n_typed : end].strip()) >= MIN_PART_CHARS
            if is_part and not self._splits_word(end):
                break
        return math.exp(total)

    def is_settled(self, min_probability: float) -> bool:
        """Whether nothing written from now on can be confident, because too much before it is not."""
        if not self.logprobs:
            return False
        return self.log_probability(self.n_typed, self.logprobs[-1][0]) < _floor(min_probability)

    def _confident_end(self, min_probability: float) -> int:
        if not self.logprobs:
            return len(self.text)
        total, end = 0.0, self.n_typed
        for value, _, token_end in self._tokens(self.n_typed, len(self.text)):
            total += value
            if total < _floor(min_probability):
                return end
            if token_end >= len(self.text):
                return len(self.text)
            if not self._splits_word(token_end):
                end = token_end
        return end

    def _tokens(self, start: int, end: int) -> list[tuple[float, int, int]]:
        """The tokens that touch text[start:end]: log-probability, and where each begins and ends."""
        touched: list[tuple[float, int, int]] = []
        before = 0
        for token_end, value in self.logprobs:
            if token_end > start and before < end:
                touched.append((value, before, token_end))
            before = token_end
        return touched

    def _splits_word(self, at: int) -> bool:
        return 0 < at < len(self.text) and all(_LETTER.match(self.text[place]) for place in (at - 1, at))


def _floor(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf
