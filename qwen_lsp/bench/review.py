"""`bench review`: what the review finds of known bugs, and how often it speaks of changes without any.

Sets: seeded bugs in real packages and their clean twins; QuixBugs (a correct program made buggy, and back);
BugsInPy (a fix reversed, and forward). A hit is a finding in the file that touches the bug's lines or their
neighbours. The data sets are folders that the user fetched; nothing of them is kept.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qwen_lsp.bench.review_seeds import Seed, clean, seeded, sources
from qwen_lsp.config import Config
from qwen_lsp.errors import InputError
from qwen_lsp.review import reviewer
from qwen_lsp.review.asking import Pass
from qwen_lsp.review.change import Change, ChangedFile, compare
from qwen_lsp.review.passes import opened
from qwen_lsp.review.patch import parse
from qwen_lsp.review.report import Report
from qwen_lsp.review.reviewer import Options


@dataclass(frozen=True, slots=True)
class Case:
    """One change and the lines of its bug, none for a clean one."""

    set: str
    kind: str
    file: ChangedFile
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a review said of one case. `hits` are findings at the bug, `others` all else."""

    case: Case
    hits: tuple[str, ...]
    others: tuple[str, ...]
    failed_units: int
    units: int
    seconds: float


def cases_of_packages(packages: Sequence[Path], n: int, seed: int) -> Iterator[Case]:
    """Seed bugs into packages, and as many clean changes."""
    files = sources(packages)
    for made in (*seeded(files, n, seed), *clean(files, n, seed)):
        yield _seed_case(made)


def _seed_case(seed: Seed) -> Case:
    return Case("seeded", seed.kind, seed.file, seed.lines)


def cases_of_quixbugs(folder: Path) -> Iterator[Case]:
    """Make each program buggy (a bug to find), and mend it (a clean change)."""
    good_folder, bad_folder = folder / "correct_python_programs", folder / "python_programs"
    if not good_folder.is_dir() or not bad_folder.is_dir():
        raise InputError(f"{folder} is not a copy of QuixBugs: it has no correct_python_programs")
    for bad in sorted(bad_folder.glob("*.py")):
        good = good_folder / bad.name
        if not good.is_file() or bad.stem.endswith("_test"):
            continue
        before, after = (_without_docs(file.read_text("utf-8")) for file in (good, bad))
        path = f"programs/{bad.name}"
        lines = tuple(sorted(_changed(before, after)))
        if not lines:
            continue
        yield Case("quixbugs", "bug", _file(path, before, after), lines)
        yield Case("quixbugs", "clean", _file(path, after, before), ())


def _without_docs(text: str) -> str:
    """Cut the explanation below a program of QuixBugs, which would give the bug away."""
    return text.split('\n"""', 1)[0].rstrip() + "\n"


def _file(path: str, before: str, after: str) -> ChangedFile:
    return ChangedFile(compare(path, before, after), before, after)


def _changed(before: str, after: str) -> set[int]:
    """Return the lines of the new text that differ, or are next to what is missing."""
    matcher = difflib.SequenceMatcher(a=before.splitlines(), b=after.splitlines(), autojunk=False)
    lines: set[int] = set()
    for tag, _, _, start, end in matcher.get_opcodes():
        if tag != "equal":
            lines |= set(range(start + 1, max(end, start + 1) + 1))
    return lines


def cases_of_bugsinpy(folder: Path) -> Iterator[Case]:
    """Reverse each one-hunk fix of one file (a bug to find), and apply it (a clean change)."""
    patches = sorted(folder.glob("projects/*/bugs/*/bug_patch.txt"))
    if not patches:
        raise InputError(f"{folder} is not a copy of BugsInPy: it has no projects/*/bugs/*/bug_patch.txt")
    for file in patches:
        found = parse(file.read_bytes()).files
        if len(found) != 1 or len(found[0].hunks) != 1 or not found[0].path.endswith(".py"):
            continue
        hunk = found[0].hunks[0]
        before = "".join(f"{line.text}\n" for line in hunk.lines if line.old is not None)
        after = "".join(f"{line.text}\n" for line in hunk.lines if line.new is not None)
        if not hunk.added or len(hunk.added) > 10:
            continue
        bug = tuple(sorted(_changed(after, before)))
        yield Case("bugsinpy", "bug", _file(found[0].path, after, before), bug)
        yield Case("bugsinpy", "clean", _file(found[0].path, before, after), ())


async def _measure(cases: Iterable[Case], passes: Sequence[Pass]) -> list[Outcome]:
    outcomes = []
    for case in cases:
        started = time.perf_counter()
        report = await reviewer.review(Change(case.kind, (case.file,)), Options(), passes)
        outcomes.append(_outcome(case, report, time.perf_counter() - started))
    return outcomes


def _outcome(case: Case, report: Report, seconds: float) -> Outcome:
    near = {line + step for line in case.lines for step in (-1, 0, 1)}
    hits: list[str] = []
    others: list[str] = []
    for finding in report.findings:
        touches = near & set(range(finding.start_line, finding.end_line + 1))
        (hits if touches else others).append(finding.rule)
    passes = report.coverage.passes
    return Outcome(
        case,
        tuple(hits),
        tuple(others),
        sum(record.failed for record in passes),
        report.coverage.units,
        seconds,
    )


def run(cases: Iterable[Case], config: Config, *, with_model: bool) -> list[Outcome]:
    """Review every case, without a memory."""

    async def work() -> list[Outcome]:
        async with opened(config, with_model) as passes:
            return await _measure(cases, passes)

    return asyncio.run(work())


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """Return the figures of each set: recall, precision, findings on clean changes, time."""
    figures: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(outcome.case.set for outcome in outcomes):
        ours = [outcome for outcome in outcomes if outcome.case.set == name]
        bugs = [outcome for outcome in ours if outcome.case.lines]
        clean_ones = [outcome for outcome in ours if not outcome.case.lines]
        found = sum(bool(outcome.hits) for outcome in bugs)
        false = sum(len(outcome.others) for outcome in ours)
        on_clean = sum(len(outcome.others) for outcome in clean_ones)
        missed = Counter(outcome.case.kind for outcome in bugs if not outcome.hits)
        figures[name] = {
            "bugs": len(bugs),
            "clean": len(clean_ones),
            "found": found,
            "recall": round(found / len(bugs), 3) if bugs else None,
            "false": false,
            "precision": round(found / (found + false), 3) if found + false else None,
            "findingsPerCleanChange": round(on_clean / len(clean_ones), 3) if clean_ones else None,
            "failedUnits": sum(outcome.failed_units for outcome in ours),
            "secondsPerUnit": round(
                sum(outcome.seconds for outcome in ours) / max(sum(outcome.units for outcome in ours), 1), 3
            ),
            "missed": dict(missed.most_common()),
            "falseBy": dict(Counter(rule for outcome in ours for rule in outcome.others).most_common()),
        }
    return figures


def as_text(figures: dict[str, dict[str, Any]]) -> str:
    """Write the figures as lines."""
    lines = []
    for name, one in figures.items():
        lines.append(
            f"{name}: {one['found']} of {one['bugs']} bugs found (recall {one['recall']}), "
            f"{one['false']} false findings (precision {one['precision']}), "
            f"{one['findingsPerCleanChange']} findings per clean change of {one['clean']}, "
            f"{one['secondsPerUnit']} s per unit"
        )
        for title, key in (("missed", "missed"), ("false by", "falseBy")):
            if one[key]:
                listed = ", ".join(f"{kind} {n}" for kind, n in one[key].items())
                lines.append(f"  {title}: {listed}")
    return "\n".join(lines)


def as_json(figures: dict[str, dict[str, Any]]) -> str:
    """Write the figures as one JSON object."""
    return json.dumps(figures, indent=2)
