"""`bench review --pass-time`: how long review by completion takes on a real change.

The change is the newest commit of a clone that adds about so many lines to a few source files. Every line is
asked about, however long it takes; the engine is started for it, as on the command line.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from qwen_lsp import git
from qwen_lsp.bench.review.fixes import is_source
from qwen_lsp.config import Config
from qwen_lsp.errors import InputError
from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, from_git
from qwen_lsp.review.find import passes
from qwen_lsp.review.find.asking import Budget
from qwen_lsp.review.report.report import Report
from qwen_lsp.review.reviewer import Options

_MAX_FILES = 4
_TOLERANCE, _MIN_OF_SOURCES = 0.1, 0.8
_MAX_COMMITS = 400


def change_of(root: Path, n_lines: int) -> Change:
    """Return the newest change without merges that adds about `n_lines`, nearly all to sources.

    Raises: InputError when there is none.
    """
    root = root.resolve()
    arguments = ("log", "--no-merges", f"-n{_MAX_COMMITS}", "--format=%x1e%H %P", "--numstat", "HEAD")
    listed = git.output(root, *arguments).decode("utf-8", "replace")
    for entry in listed.split("\x1e")[1:]:
        head, *rows = entry.strip().split("\n")
        commit, *parents = head.split()
        counts = [row.split("\t") for row in rows if row]
        added = [(int(count), is_source(path)) for count, _, path in counts if count.isdigit()]
        total, of_sources = sum(n for n, _ in added), sum(n for n, is_code in added if is_code)
        is_near = abs(total - n_lines) <= n_lines * _TOLERANCE and of_sources >= total * _MIN_OF_SOURCES
        if parents and is_near and len(counts) <= _MAX_FILES:
            return from_git(root, "range", f"{parents[0]}..{commit}")
    raise InputError(f"{root} has no recent commit that adds about {n_lines} lines to sources")


def run(root: Path, n_lines: int, config: Config, model: str) -> str:
    """Review such a change once with a model; return a line with what was asked, and how long it took.

    Raises: InputError, ModelError, EndpointError.
    """
    change = change_of(root, n_lines)
    named = msgspec.structs.replace(config, model=msgspec.structs.replace(config.model, name=model))

    async def review() -> Report:
        async with passes.opened(named, None) as wanted:
            return await reviewer.review(change, Options(budget=Budget(max_units=10 * n_lines)), wanted)

    started = time.perf_counter()
    report = asyncio.run(review())
    seconds = time.perf_counter() - started
    found = sum(one.source == "completion" for one in report.findings)
    parts = [f"{(change.head or '')[:12]}: {report.coverage.lines} lines in {report.coverage.files} files"]
    for record in report.coverage.passes:
        why = ", ".join(f"{n} {reason}" for reason, n in record.unasked.items())
        parts.append(f"{record.units - record.failed} asked about, not asked about: {why or 'none'}")
        parts.append(f"{record.failed} failed; {record.seconds:.1f} s of the model, {seconds:.1f} s in all")
    return "; ".join([*parts, f"{found} findings of the model"]) + "\n"
