"""`qwen-lsp bench actions`: what code actions are worth, on the user's own data and model.

Repairing (QuixBugs), prose (functions of packages), and the time that each takes: one engine, one action
after another. Rows may be kept in a file, with what the model wrote; a run leaves out what is there, so a
long measurement can be made in pieces and its failures be read.
"""

from __future__ import annotations

import asyncio
import difflib
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from qwen_lsp.actions import extract, fix, repository, rewrite
from qwen_lsp.actions import run as runner
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.task import (
    Diagnostic,
    Explanation,
    Outcome,
    Proposal,
    Refused,
    RepositoryContext,
    Task,
    apply,
)
from qwen_lsp.bench.actions import fix as actions_fix
from qwen_lsp.bench.actions import long as actions_long
from qwen_lsp.bench.actions import prose as actions_prose
from qwen_lsp.bench.actions.fix import Program
from qwen_lsp.bench.actions.long import Misspelt
from qwen_lsp.bench.actions.prose import Function
from qwen_lsp.bench.infill.score import percentile, wilson_interval
from qwen_lsp.config import Config
from qwen_lsp.errors import InputError
from qwen_lsp.index.building import Builder
from qwen_lsp.index.reader import Index
from qwen_lsp.messages import Locale
from qwen_lsp.model.client import Client
from qwen_lsp.model.hosts import alone, open_host
from qwen_lsp.model.select import chosen_model
from qwen_lsp.syntax.languages import find
from qwen_lsp.syntax.pieces import Piece, Tied
from qwen_lsp.text import Document, Span

_FIX = ("fix, bare", "fix, with the failing test")
_EXTRACT = "extract, any statements"
_LONG = ("fix of 40+ lines, all written", "fix of 40+ lines, the change")
_KNOWN = "types, with what the index knows"
_PROSE: tuple[tuple[str, str, Locale], ...] = (
    ("docstring, English", "docstring", "en"),
    ("docstring, Chinese", "docstring", "zh"),
    ("types", "types", "en"),
    ("translate into Chinese", "translate", "zh"),
    ("types, where their author wrote them", "annotated", "en"),
    (_KNOWN, "annotated", "en"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One action. Units: milliseconds. `is_good` is what the measure counts; `answers` are the model's.

    Of the annotations that were taken out of a function, `n_given` were given, `n_as_written` mean the same.
    """

    model: str
    measure: str
    name: str
    is_proposed: bool
    parses: bool
    is_good: bool
    reason: str
    first_text_ms: float | None
    total_ms: float
    n_tokens: int = 0
    generated_ms: float = 0.0
    answers: tuple[str, ...] = ()
    detail: str = ""
    proposed: str = ""
    n_annotations: int = 0
    n_given: int = 0
    n_as_written: int = 0


@dataclass(slots=True)
class Report:
    """All rows of a run, and the model that they are of."""

    model: str
    rows: list[Row] = field(default_factory=list)
    kept_in: Path | None = None
    only: str = ""

    def has(self, measure: str, name: str) -> bool:
        """Whether this was measured already, or is not to be."""
        return self.only not in measure or any(
            row.measure == measure and row.name == name for row in self.rows
        )

    def add(self, row: Row) -> None:
        """Take a row, and write it down where rows are kept."""
        self.rows.append(row)
        if self.kept_in is not None:
            with self.kept_in.open("ab") as file:
                file.write(msgspec.json.encode(row) + b"\n")

    def measures(self) -> list[dict[str, Any]]:
        """Return the figures of each measure."""
        found = []
        for measure in dict.fromkeys(row.measure for row in self.rows):
            rows = [row for row in self.rows if row.measure == measure]
            n_good = sum(row.is_good for row in rows)
            proposed = [row for row in rows if row.is_proposed]
            generated_s = sum(row.generated_ms for row in rows) / 1000
            firsts = [row.first_text_ms for row in rows if row.first_text_ms is not None]
            found.append(
                {
                    "measure": measure,
                    "n": len(rows),
                    "good": n_good,
                    "interval": wilson_interval(n_good, len(rows)),
                    "proposed": len(proposed),
                    "parses": sum(row.parses for row in proposed),
                    "first_text_p50_ms": percentile(firsts, 50),
                    "total_p50_ms": percentile([row.total_ms for row in rows], 50),
                    "tokens_per_s": sum(row.n_tokens for row in rows) / generated_s if generated_s else None,
                    "annotations": sum(row.n_annotations for row in rows),
                    "given": sum(row.n_given for row in rows),
                    "as_written": sum(row.n_as_written for row in rows),
                    "refused": _counts([row.reason for row in rows if row.reason]),
                }
            )
        return found

    def speedup(self) -> float | None:
        """Return how many times sooner a long function is repaired by writing the change alone: the median.

        Both ways make the same region, so this is also the ratio of its tokens per second.
        """
        whole, change = ({row.name: row for row in self.rows if row.measure == measure} for measure in _LONG)
        ratios = [whole[name].total_ms / change[name].total_ms for name in whole if name in change]
        return percentile(ratios, 50)


def _counts(reasons: Sequence[str]) -> dict[str, int]:
    return {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)}


def run(
    config: Config,
    *,
    quixbugs: Path | None,
    packages: Path | None,
    n: int,
    seed: int,
    minutes: float,
    only: str = "",
    kept_in: Path | None = None,
) -> Report:
    """Measure what holds `only` in its name; stops after the action during which the time is up.

    Rows of the same model that `kept_in` holds are not measured again.
    Raises: InputError for data that is none.
    """
    report = Report(chosen_model(config).profile.name, kept_in=kept_in, only=only)
    report.rows += [row for row in read(kept_in) if row.model == report.model] if kept_in else []
    asyncio.run(_run(report, config, quixbugs, packages, n, seed, time.monotonic() + 60 * minutes))
    return report


def read(path: Path) -> list[Row]:
    """Read the rows that earlier runs have kept; none where there is no file yet.

    Raises: InputError naming the file.
    """
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [msgspec.json.decode(line, type=Row) for line in lines]
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"{path} holds no rows of `bench actions`: {error}") from None


async def _run(
    report: Report,
    config: Config,
    quixbugs: Path | None,
    packages: Path | None,
    n: int,
    seed: int,
    end: float,
) -> None:
    # Everything that can be wrong with the data is found before the first minute is spent.
    programs = actions_fix.programs(quixbugs) if quixbugs is not None else []
    random.Random(seed).shuffle(programs)
    drawn = actions_prose.draw(packages, n, seed) if packages is not None else {}
    misspelt = actions_long.draw(packages, n, seed) if packages is not None else []
    host = open_host(alone(config), chosen_model(config).path, lambda state: None, "chat")
    try:
        client = await host.ready()
        await _repair(report, client, config, programs[:n], end)
        if quixbugs is not None:
            await _extract(report, programs[:n], quixbugs, end)
        await _mend(report, client, config, misspelt, end)
        if packages is not None:
            with _indexed(packages) as index:
                await _write(report, client, config, drawn, n, end, packages, index)
    finally:
        await host.close()


async def _repair(
    report: Report, client: Client, config: Config, programs: Sequence[Program], end: float
) -> None:
    for program in programs:
        if all(report.has(measure, program.name) for measure in _FIX):
            continue
        failing = await actions_fix.judged(program, program.source)
        for measure, message in zip(_FIX, ("", failing.reason), strict=True):
            if time.monotonic() > end:
                return
            if report.has(measure, program.name):
                continue
            document = Document(program.path.as_uri(), program.source, 0, "python", str(program.path))
            at = program.source.index(f"def {program.name}")
            span = Span(at, at)
            problem = (Diagnostic(span, message),) if message else ()
            task = Task("fix", document, span, program.path.name, diagnostics=problem)
            outcome, session = await _acted(task, client, config)
            is_good = False
            if isinstance(outcome, Proposal):
                is_good = (await actions_fix.judged(program, apply(program.source, outcome.edits))).passed
            _add(report, measure, program.name, task, outcome, session, is_good=is_good)


async def _extract(report: Report, programs: Sequence[Program], checkout: Path, end: float) -> None:
    """Extract every run of statements of the right programs: do their tests still pass? Asks no model."""
    for program in programs:
        source = actions_fix.right(program, checkout)
        if source is None or not (await actions_fix.judged(program, source)).passed:
            continue
        document = Document(program.path.as_uri(), source, 0, "python", str(program.path))
        language = find("python", None)
        assert language is not None
        for first, last in actions_fix.pieces(source):
            name = f"{program.name}:{first}-{last}"
            if report.has(_EXTRACT, name):
                continue
            if time.monotonic() > end:
                return
            started = time.perf_counter()
            found = extract.piece(document, language, first, last)
            outcome = (
                extract.moved(document, language, found, "extracted") if isinstance(found, Piece) else None
            )
            total_ms = (time.perf_counter() - started) * 1000
            if not isinstance(outcome, Proposal):
                reason = found.tie if isinstance(found, Tied) else "syntax"
                report.add(Row(report.model, _EXTRACT, name, False, True, False, reason, None, total_ms))
                continue
            is_good = (await actions_fix.judged(program, apply(source, outcome.edits))).passed
            report.add(Row(report.model, _EXTRACT, name, True, True, is_good, "", None, total_ms))


async def _mend(
    report: Report, client: Client, config: Config, drawn: Sequence[Misspelt], end: float
) -> None:
    """Repair long functions in both ways, one right after the other."""
    for one in drawn:
        for measure, way in zip(_LONG, (rewrite.run, fix.run), strict=True):
            if report.has(measure, one.name):
                continue
            if time.monotonic() > end:
                return
            session = ModelSession(client, config.engine.context_tokens, config.actions.timeout_ms)
            outcome = await way(one.task, session, RepositoryContext())
            text = one.task.document.text
            is_good = isinstance(outcome, Proposal) and apply(text, outcome.edits) == one.text
            _add(report, measure, one.name, one.task, outcome, session, is_good=is_good)


async def _write(
    report: Report,
    client: Client,
    config: Config,
    drawn: Mapping[str, Sequence[Function]],
    n: int,
    end: float,
    packages: Path,
    index: Index,
) -> None:
    for number in range(n):
        for measure, kind, locale in _PROSE:
            if number >= len(drawn.get(kind, ())) or time.monotonic() > end:
                continue
            function = drawn[kind][number]
            path = Path(function.document.path or "")
            name = f"{path.parent.name}/{path.name}: {function.name}"
            if report.has(measure, name):
                continue
            task = actions_prose.task("types" if kind == "annotated" else kind, function, locale)
            known = _knowledge(function, packages, index) if measure == _KNOWN else RepositoryContext()
            outcome, session = await _acted(task, client, config, known)
            is_good = False
            counts = (len(function.annotations), 0, 0)
            if isinstance(outcome, Proposal):
                verdict = actions_prose.verdict(task, outcome)
                is_good = verdict.parses and verdict.is_same_code and verdict.is_in_language
                if function.annotations and is_good:
                    counts = actions_prose.agreement(function, apply(task.document.text, outcome.edits))
            _add(report, measure, name, task, outcome, session, is_good=is_good, counts=counts)


@contextmanager
def _indexed(folder: Path) -> Iterator[Index]:
    """Have an index of the packages."""
    with closing(Builder(folder.resolve())) as builder:
        builder.update()
    index = Index(folder.resolve())
    try:
        yield index
    finally:
        index.close()


def _knowledge(function: Function, packages: Path, index: Index) -> RepositoryContext:
    """Return what an editor's index knows; of the function's own file it has the text as it is open."""
    place = Path(function.document.path or "").resolve().relative_to(packages.resolve()).as_posix()
    index.set_overlay(place, function.document.text, "python")
    return repository.enrich(RepositoryContext(), index, place)


async def _acted(
    task: Task, client: Client, config: Config, context: RepositoryContext | None = None
) -> tuple[Outcome, ModelSession]:
    session = ModelSession(client, config.engine.context_tokens, config.actions.timeout_ms)
    return await runner.run(task, session, context), session


def _add(
    report: Report,
    measure: str,
    name: str,
    task: Task,
    outcome: Outcome,
    session: ModelSession,
    *,
    is_good: bool,
    counts: tuple[int, int, int] = (0, 0, 0),
) -> None:
    parses = True
    if isinstance(outcome, Proposal):
        try:
            compile(apply(task.document.text, outcome.edits), "<text>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            parses = False
    exchanges = session.exchanges
    row = Row(
        report.model,
        measure,
        name,
        isinstance(outcome, Proposal),
        parses,
        is_good or isinstance(outcome, Explanation),
        outcome.reason if isinstance(outcome, Refused) else "",
        exchanges[0].first_text_ms if exchanges else None,
        sum(exchange.total_ms for exchange in exchanges),
        sum(exchange.reply.timings.generated_tokens for exchange in exchanges),
        sum(exchange.reply.timings.generated_ms for exchange in exchanges),
        tuple(exchange.reply.text for exchange in exchanges),
        outcome.detail if isinstance(outcome, Refused) else "",
        _diff(task, outcome),
        *counts,
    )
    report.add(row)
    mark = "ok" if row.is_good else row.reason or "wrong"
    sys.stderr.write(f"{measure}: {name}: {mark} ({row.total_ms / 1000:.1f} s)\n")


def _diff(task: Task, outcome: Outcome) -> str:
    if not isinstance(outcome, Proposal):
        return ""
    before, after = task.document.text, apply(task.document.text, outcome.edits)
    return "\n".join(difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=2))


def as_json(report: Report) -> str:
    """Return the figures, and every row, as one JSON object."""
    whole = {
        "model": report.model,
        "measures": report.measures(),
        "long_speedup": report.speedup(),
        "rows": report.rows,
    }
    return msgspec.json.encode(whole).decode()


def as_text(report: Report) -> str:
    """Return the figures as a table."""
    lines = [
        f"{report.model}",
        f"{'':28} {'n':>3} {'good':>5}  {'95 % interval':13} {'proposed':>8} {'parse':>5} "
        f"{'first text':>10} {'total p50':>9} {'tokens/s':>8}",
    ]
    for entry in report.measures():
        low, high = entry["interval"] or (0.0, 0.0)
        first = f"{entry['first_text_p50_ms']:.0f} ms" if entry["first_text_p50_ms"] is not None else "-"
        speed = f"{entry['tokens_per_s']:.1f}" if entry["tokens_per_s"] else "-"
        n, good = entry["n"], entry["good"] / entry["n"]
        counts = f"{entry['proposed']:>8} {entry['parses']:>5}"
        took = f"{first:>10} {entry['total_p50_ms'] / 1000:>7.1f} s {speed:>8}"
        interval = f"[{low:.2f}, {high:.2f}]"
        lines.append(f"{entry['measure']:28} {n:>3} {good:>5.2f}  {interval:13} {counts} {took}")
        if entry["annotations"]:
            low, high = wilson_interval(entry["as_written"], entry["annotations"]) or (0.0, 0.0)
            lines.append(
                f"{'':28} annotations as their author wrote them: {entry['as_written']} of "
                f"{entry['annotations']} [{low:.2f}, {high:.2f}], {entry['given']} given"
            )
        if entry["refused"]:
            refused = ", ".join(f"{reason} {count}" for reason, count in entry["refused"].items())
            lines.append(f"{'':28} refused: {refused}")
    if (speedup := report.speedup()) is not None:
        lines.append(f"a long function is repaired {speedup:.1f} times sooner by writing the change (median)")
    return "\n".join(lines)
