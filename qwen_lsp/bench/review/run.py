"""`bench review`: what the review finds of known bugs, and how often it speaks of changes without any.

A hit is a finding in the file that touches the bug's lines or their neighbours. Rules and model are measured
apart and together. With a model every suspicion is written to a file of rows, also those that are not
believed: a long run can be done in pieces, and thresholds can be chosen afterwards.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from qwen_lsp.bench.review.cases import Case
from qwen_lsp.config import Config
from qwen_lsp.errors import InputError
from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change
from qwen_lsp.review.find.infill import Limits, Model, suspicion
from qwen_lsp.review.find.passes import asked_model
from qwen_lsp.review.find.surroundings import hole, predictable
from qwen_lsp.review.find.unlikely import Bar, known_names
from qwen_lsp.review.reviewer import Options

# Everything that could pass any bar worth having; so more is asked than a review asks.
LOOSE = Limits(gap=1.0, sure=-1.6, ratio=0.5, other_ratio=-99.0)


@dataclass(frozen=True, slots=True)
class Suspected:
    """A suspicion as it is kept: its line, what the model would have, and the figures of `Suspicion`."""

    line: int
    candidate: str
    kind: str
    gap: float
    sure: float
    ratio: float
    other_ratio: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found in one case. Shape: `rules` has the first and last line of each finding, and its rule.

    `asked` are the lines that the model was asked about, None where it was not asked at all.
    """

    set: str
    id: str
    kind: str
    lines: tuple[int, ...]
    is_one_line: bool
    right: str
    rules: tuple[tuple[int, int, str], ...]
    seconds: float
    units: int
    asked: tuple[int, ...] | None = None
    suspected: tuple[Suspected, ...] = ()
    model_seconds: float = 0.0
    model: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What names the case."""
        return self.set, self.id


@dataclass
class Rows:
    """A file of outcomes that grows, one JSON object a line; without one they are only kept in mind."""

    file: Path | None
    known: dict[tuple[str, str], Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.file is not None and self.file.is_file():
            for line in self.file.read_text("utf-8").splitlines():
                try:
                    outcome = msgspec.json.decode(line, type=Outcome)
                except msgspec.DecodeError as error:
                    raise InputError(f"{self.file} is no file of rows: {error}") from error
                self.known[outcome.key] = outcome

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome."""
        self.known[outcome.key] = outcome
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(asdict(outcome)) + "\n")


def run(cases: Iterable[Case], config: Config, model: str, rows: Rows, minutes: float) -> list[Outcome]:
    """Review every case that has no row yet, until the time is over; return all that have one.

    `model` "" means rules only. Raises: ModelError, EndpointError when the model cannot be had.
    """

    async def work() -> None:
        end = time.monotonic() + 60 * minutes
        async with asked_model(_with_model(config, model), wanted=bool(model)) as asked:
            for case in wanted:
                if time.monotonic() > end:
                    return
                if case.key not in rows.known:
                    rows.add(await _measured(case, asked, model))

    wanted = [_Named(case) for case in cases]
    asyncio.run(work())
    return [rows.known[case.key] for case in wanted if case.key in rows.known]


@dataclass(frozen=True, slots=True)
class _Named:
    case: Case

    @property
    def key(self) -> tuple[str, str]:
        return self.case.set, self.case.id


def _with_model(config: Config, name: str) -> Config:
    return msgspec.structs.replace(config, model=msgspec.structs.replace(config.model, name=name or "auto"))


async def _measured(named: _Named, model: Model | None, name: str) -> Outcome:
    case = named.case
    started = time.perf_counter()
    change = Change(case.kind, (case.file,))
    report = await reviewer.review(change, Options())
    seconds = time.perf_counter() - started
    asked: tuple[int, ...] | None = None
    suspected: tuple[Suspected, ...] = ()
    started = time.perf_counter()
    if model is not None:
        asked, suspected = await _suspected(case, model)
    return Outcome(
        case.set,
        case.id,
        case.kind,
        case.lines,
        case.is_one_line,
        _right(case),
        tuple((found.start_line, found.end_line, found.rule) for found in report.findings),
        seconds,
        sum(len(planned.units) for planned in reviewer.plan(change, Options().selection)),
        asked,
        suspected,
        time.perf_counter() - started if model is not None else 0.0,
        name,
    )


def _right(case: Case) -> str:
    """Return the line that a one-line bug stands in place of."""
    if not case.is_one_line:
        return ""
    removed = [line.text for line in case.file.patch.removed if line.text.strip()]
    return removed[0].rstrip() if len(removed) == 1 else ""


async def _suspected(case: Case, model: Model) -> tuple[tuple[int, ...], tuple[Suspected, ...]]:
    asked: list[int] = []
    found: list[Suspected] = []
    for planned in reviewer.plan(Change(case.kind, (case.file,)), Options().selection):
        for unit in planned.units:
            for number in predictable(unit):
                asked.append(number)
                for one in await suspicion(
                    model, hole(unit, number), unit.language, known_names(unit), LOOSE
                ):
                    found.append(
                        Suspected(
                            number,
                            one.candidate,
                            one.difference.kind,
                            one.gap,
                            one.sure,
                            one.ratio,
                            one.other_ratio,
                        )
                    )
    return tuple(asked), tuple(found)


def believed(outcome: Outcome, bar: Bar | None) -> Iterator[Suspected]:
    """Yield the suspicions that become findings, at most one for a line."""
    seen: set[int] = set()
    for one in outcome.suspected:
        if bar is not None and one.line not in seen and bar.limits.hold(*_figures(one)):
            seen.add(one.line)
            yield one


def _figures(one: Suspected) -> tuple[float, float, float, float]:
    return one.gap, one.sure, one.ratio, one.other_ratio


def sets_of(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Sort outcomes by their set."""
    names = dict.fromkeys(outcome.set for outcome in outcomes)
    return {name: [outcome for outcome in outcomes if outcome.set == name] for name in names}
