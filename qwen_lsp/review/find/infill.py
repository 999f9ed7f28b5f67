"""What a code model thinks of a changed line: how likely it was, and what it would rather have written.

`glance` reads changed lines that stand together in one go and says which of them surprised. `suspicion`
looks at one line, and asks as little as it can: an unsurprising one costs one request. At the tokens where
the model was sure of another one it goes on from that one, and the line that comes of it is kept if it could
be meant: it parses, means something else, is near, and invents no name. Then both lines are weighed twice:
with the surroundings in the model's two orders. Numbers only; what they are worth is decided by `unlikely`.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from qwen_lsp.model.likelihood import Passage, Token
from qwen_lsp.review.find.difference import Difference, difference, names
from qwen_lsp.review.find.surroundings import Hole, Run
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.meaning import same_meaning
from qwen_lsp.syntax.parsing import error_count

# Names that need no introduction where a line of that language uses them.
_COMMON = frozenset(
    """
    len range min max sum any all abs set list dict tuple sorted reversed enumerate zip int str float bool
    isinstance getattr hasattr self cls this super append add get length size
    """.split()  # noqa: SIM905 - a list of words reads better as words
)


class Model(Protocol):
    """What is asked. Shape: `layout` is `spm` or `psm`; errors are those of model/client."""

    async def read(self, layout: str, before: str, after: str, text: str) -> Passage:
        """Return how likely a text is between two others."""
        ...

    async def line(self, layout: str, before: str, after: str, begins: str) -> Passage:
        """Return the line that the model writes there, beginning with a text."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How sure a model must be. Units: natural logarithms.

    `gap`: how much likelier another token was; `sure`: how likely that one must be by itself; `most` places
    of a line are followed. `ratio` and `other_ratio`: how much likelier the other line must be than the
    written one, with the surroundings in the first and in the second order.
    """

    gap: float = 3.0
    sure: float = math.log(0.3)
    ratio: float = 4.0
    other_ratio: float = 2.0
    most: int = 2

    def hold(self, gap: float, sure: float, ratio: float, other_ratio: float) -> bool:
        """Whether these figures are sure enough."""
        is_sure = gap >= self.gap and sure >= self.sure
        return is_sure and ratio >= self.ratio and other_ratio >= self.other_ratio


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Another line that the model would rather have there.

    Units: natural logarithms. `gap` and `sure` at the token where they part, as in Limits; `ratio` of the
    probabilities of the two lines, `other_ratio` the same with the surroundings in the other order.
    """

    hole: Hole
    candidate: str
    difference: Difference
    gap: float
    sure: float
    ratio: float
    other_ratio: float


async def glance(
    model: Model,
    run: Run,
    language: Language | None,
    is_known: Callable[[str], bool],
    limits: Limits = Limits(),
) -> dict[int, float]:
    """Return for each line of a run, by its number, how much it surprised; 0 where no other line is likelier.

    A line of a run sees less of what is below it than `suspicion` shows, so this decides what to ask, and no
    more. Raises: what `model` raises.
    """
    found: dict[int, float] = {}
    before = run.before
    for numbers, above, text in _blocks(run):
        before += above
        read = await model.read("spm", before, run.after, text)
        at = 0
        for number, line in zip(numbers, text.splitlines(keepends=True), strict=True):
            hole = Hole(number, before, run.after, line.removesuffix("\n"))
            written = _part(read, at, at + len(line))
            others = _other_lines(model, hole, written, language, is_known, limits)
            found[number] = max([1 + one.ratio - limits.ratio async for one in others], default=0.0)
            at += len(line)
            before += line
    return found


def _part(passage: Passage, start: int, end: int) -> Passage:
    """Return the tokens that begin between two places."""
    kept, at = [], 0
    for token in passage.tokens:
        if start <= at < end:
            kept.append(token)
        at += len(token.text)
    return Passage(tuple(kept))


def _blocks(run: Run) -> Iterator[tuple[list[int], str, str]]:
    """Yield lines that follow one another: their numbers, what stands above them, and their text."""
    numbers: list[int] = []
    above = text = ""
    for number, between, line in run.lines:
        if between and numbers:
            yield numbers, above, text
            numbers, text = [], ""
        if not numbers:
            above = between
        numbers.append(number)
        text += f"{line}\n"
    if numbers:
        yield numbers, above, text


@dataclass(frozen=True, slots=True)
class _Other:
    """Another line that could be meant, with the surroundings in the first order. Units: see Suspicion."""

    candidate: str
    difference: Difference
    gap: float
    sure: float
    ratio: float


async def _other_lines(
    model: Model,
    hole: Hole,
    written: Passage,
    language: Language | None,
    is_known: Callable[[str], bool],
    limits: Limits,
) -> AsyncIterator[_Other]:
    """Yield the lines that are likelier than what is written and could be meant."""
    seen: set[str] = set()
    for gap, sure, at, token in _surprises(written, limits):
        candidate = await _continued(model, hole, at, token)
        described = difference(hole.written, candidate)
        if described is None or candidate in seen or not _could_be_meant(hole, candidate, language, is_known):
            continue
        seen.add(candidate)
        other = await model.read("spm", hole.before, hole.after, candidate + "\n")
        ratio = _weight(other) - _weight(written)
        if ratio >= limits.ratio:
            yield _Other(candidate, described, gap, sure, ratio)


async def suspicion(
    model: Model,
    hole: Hole,
    language: Language | None,
    is_known: Callable[[str], bool],
    limits: Limits = Limits(),
) -> list[Suspicion]:
    """Return the lines that the model would rather have in a hole, the surest first; mostly none.

    `is_known` tells which names may be used. Raises: what `model` raises.
    """
    written = await model.read("spm", hole.before, hole.after, hole.written + "\n")
    found: list[Suspicion] = []
    async for one in _other_lines(model, hole, written, language, is_known, limits):
        again = [
            _weight(await model.read("psm", hole.before, hole.after, line + "\n"))
            for line in (one.candidate, hole.written)
        ]
        other_ratio = again[0] - again[1]
        if limits.hold(one.gap, one.sure, one.ratio, other_ratio):
            found.append(
                Suspicion(hole, one.candidate, one.difference, one.gap, one.sure, one.ratio, other_ratio)
            )
    return sorted(found, key=lambda one: -one.ratio)


def _surprises(written: Passage, limits: Limits) -> list[tuple[float, float, int, str]]:
    """Return where the model was sure of another token.

    Shape: by how much, how sure, after how many characters, which one.
    """
    found = []
    at = 0
    for token in written.tokens:
        others = [one for one in token.others if not _is_same(one[0], token.text)]
        best, logprob = max(others, key=lambda one: one[1], default=("", -math.inf))
        if logprob - token.logprob >= limits.gap and logprob >= limits.sure and "\ufffd" not in best:
            found.append((logprob - token.logprob, logprob, at, best))
        at += len(token.text)
    return sorted(found, reverse=True)[: limits.most]


def _is_same(one: str, other: str) -> bool:
    """Whether two tokens differ in nothing but the line ends behind them."""
    return one.split("\n", 1)[0] == other.split("\n", 1)[0]


def _weight(passage: Passage) -> float:
    """Return the log-probability of a line, however many line ends the model would have put behind it."""
    *_, last = passage.tokens or (Token("", 0.0),)
    same = [logprob for text, logprob in last.others if _is_same(text, last.text)]
    return passage.total - last.logprob + math.log(sum(map(math.exp, (last.logprob, *same))))


async def _continued(model: Model, hole: Hole, at: int, token: str) -> str:
    """Return the line that begins as it is written, takes another token at a place, and goes on from it."""
    kept = hole.written[:at]
    if "\n" in token:
        return (kept + token.split("\n", 1)[0]).rstrip()
    if not kept.strip():  # inside the indentation the tokens of a text differ from those of its pieces
        line = await model.line("spm", hole.before, hole.after, kept + token)
        return line.text.split("\n", 1)[0].rstrip()
    line = await model.line("spm", hole.before + kept, hole.after, token)
    return (kept + line.text.split("\n", 1)[0]).rstrip()


def _could_be_meant(
    hole: Hole, candidate: str, language: Language | None, is_known: Callable[[str], bool]
) -> bool:
    new = names(candidate) - names(hole.written) - _COMMON
    if not all(map(is_known, new)) or _indentation(candidate) != _indentation(hole.written):
        return False
    before, after = hole.filled(hole.written), hole.filled(candidate)
    errors, new_errors = error_count(before, language), error_count(after, language)
    if errors is not None and new_errors is not None and new_errors > errors:
        return False
    return not same_meaning(before, after, language)


def _indentation(line: str) -> str:
    match = re.match(r"\s*", line)
    return match.group() if match else ""
