"""The end of `make demo`: the review of a small change with two bugs that everybody has written once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.text import Text

from qwen_lsp.cli.console import Console
from qwen_lsp.cli.terminal_review import show
from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import Change, ChangedFile, compare


def perform(folder: Path, console: Console) -> int:
    """Show the review of fixtures/review/demo; return the number of findings."""
    before, after = ((folder / f"{name}.py").read_text("utf-8") for name in ("before", "after"))
    change = ChangedFile(compare("shop/orders.py", before, after), before, after)
    console.rule(Text("qwen-lsp review"), align="left")
    started = time.perf_counter()
    report = asyncio.run(reviewer.review(Change("a small change", (change,))))
    milliseconds = (time.perf_counter() - started) * 1000
    show(report, console)
    note = f"by rules alone, in {milliseconds:.0f} ms; docs/review.md has recipes for CI\n"
    console.print(Text(f"      {note}", style="dim"), soft_wrap=True)
    return len(report.findings)
