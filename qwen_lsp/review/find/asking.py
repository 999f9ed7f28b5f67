"""One pass of a model over a change: what it is asked, what is known from earlier, and where it stops.

A pass cuts units into the pieces that it asks about. What was asked before comes from the cache and costs
nothing. The rest is asked in the order of its risk, until the budget is used up: first with a glance at all
pieces of a unit together, where the pass has one, then piece by piece what surprised, the most surprising
first. Nothing is left out in silence: a PassRecord adds up to all pieces. It knows no prompts and no models.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from qwen_lsp.errors import EndpointError, EndpointUnavailable, ModelError
from qwen_lsp.review.cache import Cache
from qwen_lsp.review.change.units import Unit
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.report.report import PassRecord
from qwen_lsp.syntax import languages
from qwen_lsp.syntax.parsing import error_count
from qwen_lsp.text import Document

log = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

# Why a place was not asked about; `words.unasked.` has the words.
UNASKED = ("unpredictable", "limit", "time", "no_model", "unavailable")
# So many failures in a row are no accident, and each may have cost a deadline.
_MAX_FAILURES = 3


def _whole(unit: Unit) -> Sequence[Unit]:
    return (unit,)


def _no_risk(unit: Unit) -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of a model.

    `version` changes with everything that an answer depends on beside the piece: prompts, thresholds, model.
    `find` may raise EndpointError or ModelError; the piece then counts as failed, never as clean. `pieces`
    cuts a unit and leaves out the lines that cannot be asked about; the greatest `risk` is asked first.
    `glance` looks at pieces of one unit together and says how much each surprised: 0 needs no question.
    """

    name: str
    version: str
    find: Callable[[Unit], Awaitable[Sequence[Finding]]]
    pieces: Callable[[Unit], Sequence[Unit]] = _whole
    risk: Callable[[Unit], float] = _no_risk
    glance: Callable[[Sequence[Unit]], Awaitable[Sequence[float]]] | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """Where all passes of a review stop. What is known from earlier counts for neither."""

    max_units: int = 200
    max_seconds: float = math.inf

    def left(self, started: float) -> Budget:
        """Return what is left of it for the next pass; `started` is of the monotonic clock."""
        return replace(self, max_seconds=max(self.max_seconds - (time.monotonic() - started), 0.0))


# Hears which piece of how many is asked next, and what has been found so far.
Progress = Callable[[int, int, str], None]
OnFindings = Callable[[Sequence[Finding]], None]


async def run(
    one: Pass,
    units: Sequence[Unit],
    locale: str,
    cache: Cache,
    budget: Budget = Budget(),
    progress: Progress | None = None,
    on_findings: OnFindings | None = None,
) -> tuple[list[Finding], PassRecord]:
    """Return what a pass finds on the changed lines of units, and what it did."""
    started = time.monotonic()
    found: list[Finding] = []
    counts: Counter[str] = Counter()
    pieces: list[Unit] = []
    for unit in units:
        pieces += one.pieces(unit)
        await asyncio.sleep(0)  # a server has others to answer meanwhile
    asked_lines = sum(len(piece.changed) for piece in pieces)
    counts["unpredictable"] = sum(len(unit.changed) for unit in units) - asked_lines
    waiting = []
    for piece in pieces:
        key = _key(one, locale, piece)
        known = cache.get(key, piece.document, piece.start)
        if known is None:
            waiting.append((piece, key))
        else:
            counts["cached"] += 1
            found += known
    waiting.sort(key=lambda entry: -one.risk(entry[0]))
    counts["limit"] = max(len(waiting) - budget.max_units, 0)
    left = dict(enumerate(waiting[: budget.max_units]))  # what is not decided yet, by its place in the order
    n_waiting = len(left)
    asked = _Asked(one.name, budget, started)

    def next_is(piece: Unit) -> None:
        if progress is not None:
            progress(n_waiting - len(left), n_waiting, piece.path)

    def decided(number: int, fresh: Sequence[Finding]) -> None:
        piece, key = left.pop(number)
        kept = [entry for entry in fresh if is_on_changed_lines(entry, piece)]
        cache.put(key, kept, piece.start)
        found.extend(kept)

    order = list(left)
    if one.glance is not None:
        surprises = dict.fromkeys(left, 0.0)
        for numbers in _of_units(left):
            if asked.ended:
                break
            group = [left[number][0] for number in numbers]
            next_is(group[0])
            answers = await asked.ask(partial(one.glance, group), group[0])
            for number, surprise in zip(numbers, answers or (), strict=False):
                surprises[number] = surprise
                if surprise <= 0:
                    decided(number, ())
        order = sorted(left, key=lambda number: -surprises[number])
    for number in order:
        if asked.ended:
            break
        piece = left[number][0]
        next_is(piece)
        fresh = await asked.ask(partial(one.find, piece), piece)
        if fresh is not None:
            decided(number, [with_sound_fix(entry, piece.document) for entry in fresh])
            if fresh and on_findings is not None:
                on_findings(found)
        elif asked.has_failed:
            counts["failed"] += 1
            del left[number]
    counts[asked.ended] = len(left)
    unasked = {reason: counts[reason] for reason in UNASKED if counts[reason]}
    seconds = time.monotonic() - started
    return found, PassRecord(
        one.name, len(pieces), counts["cached"], counts["failed"], seconds, unasked, asked.problem
    )


def _of_units(pieces: Mapping[int, tuple[Unit, str]]) -> list[list[int]]:
    """Number the pieces of each unit, in the order of the first of each."""
    groups: dict[tuple[str, int, int], list[int]] = {}
    for number, (piece, _) in pieces.items():
        groups.setdefault((piece.path, piece.first_line, piece.last_line), []).append(number)
    return list(groups.values())


@dataclass
class _Asked:
    """Asks one thing after another. State: `ended` is why it stopped, `problem` what went wrong."""

    name: str
    budget: Budget
    started: float
    ended: str = ""
    problem: str = ""
    has_failed: bool = False
    n_in_a_row: int = 0

    async def ask(self, question: Callable[[], Awaitable[_Answer]], piece: Unit) -> _Answer | None:
        """Return the answer. None: there is none, which `has_failed` says, or nothing more is asked."""
        self.has_failed = False
        if time.monotonic() - self.started > self.budget.max_seconds:
            self.ended = "time"
            return None
        try:
            async with asyncio.timeout(_seconds_left(self.started, self.budget)):
                answer = await question()
        except TimeoutError:  # the time is over in the middle of a piece
            self.ended = "time"
        except ModelError as error:  # none is installed: that is no failure
            log.info("%s was not asked: %s", self.name, error)
            self.ended = "no_model"
        except EndpointError as error:
            self.problem = str(error)
            log.warning("%s failed on %s:%d: %s", self.name, piece.path, piece.first_line, error)
            if isinstance(error, EndpointUnavailable):
                self.ended = "unavailable"
                return None
            self.has_failed = True
            self.n_in_a_row += 1
            if self.n_in_a_row == _MAX_FAILURES:
                self.ended = "unavailable"
        else:
            self.n_in_a_row = 0
            return answer
        return None


def _seconds_left(started: float, budget: Budget) -> float | None:
    left = budget.max_seconds - (time.monotonic() - started)
    return None if math.isinf(left) else max(left, 0.0)


def is_on_changed_lines(entry: Finding, unit: Unit) -> bool:
    """Whether a finding is about nothing but changed lines of a unit."""
    lines = range(entry.start_line, entry.end_line + 1)
    return entry.path == unit.path and bool(lines) and all(number in unit.changed for number in lines)


def with_sound_fix(entry: Finding, document: Document) -> Finding:
    """Drop a fix that changes nothing or adds syntax errors."""
    if entry.fix is None:
        return entry
    fixed = document.with_edit(entry.fix, 0).text
    language = languages.find("", document.path)
    before, after = error_count(document.text, language), error_count(fixed, language)
    is_sound = fixed != document.text and (before is None or after is None or after <= before)
    return entry if is_sound else replace(entry, fix=None)


def _key(one: Pass, locale: str, piece: Unit) -> str:
    parts = repr((one.name, one.version, locale, piece.key))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()
