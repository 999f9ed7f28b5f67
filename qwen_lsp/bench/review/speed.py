"""`bench review --speed`: how long the rules take on a large change, linters included.

The change is made of the Python files of packages: each was half as long before. Wall time is what a person
waits; processor time, that of the linters included, says the same on a busy machine.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from qwen_lsp.bench.review.seeds import sources
from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.reviewer import Options


def large_change(packages: Sequence[Path], n_lines: int) -> Change:
    """Make a change that adds at least so many lines, or as many as the packages have."""
    files: list[ChangedFile] = []
    n_added = 0
    for path, text in sources(packages):
        if n_added >= n_lines:
            break
        lines = text.splitlines(keepends=True)
        before = "".join(lines[: len(lines) // 2])
        file = ChangedFile(compare(path, before, text), before, text)
        files.append(file)
        n_added += len(file.patch.added)
    return Change(f"{n_added} lines", tuple(files))


def run(packages: Sequence[Path], n_lines: int) -> str:
    """Review such a change once; return a line with its size, wall seconds and processor seconds."""
    change = large_change(packages, n_lines)
    started, before = time.perf_counter(), _processor_s()
    report = asyncio.run(reviewer.review(change, Options(linters="configured")))
    wall_s, processor_s = time.perf_counter() - started, _processor_s() - before
    return (
        f"{report.coverage.lines} lines in {report.coverage.files} files: "
        f"{wall_s:.1f} s, {processor_s:.1f} s of processor time, {len(report.findings)} findings\n"
    )


def _processor_s() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
