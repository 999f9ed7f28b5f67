"""How results look on a terminal and in plain logs: ghost text, traces, the doctor's list.

Colour only where the output is a terminal and NO_COLOR is unset (rich sees to both); every meaning is
carried by a character too.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from rich.markdown import Markdown
from rich.table import Table
from rich.text import Text

from qwen_lsp.cli.console import Console
from qwen_lsp.completion.once import Shown
from qwen_lsp.completion.outcome import Completion
from qwen_lsp.completion.stats.report import Report
from qwen_lsp.context.snippets import Gathered, Snippet
from qwen_lsp.index.orders import Report as IndexReport
from qwen_lsp.text import normalize_line_ends
from qwen_lsp.trace import Trace

_LINES_AROUND = 4
_GHOST = "bold green"
_OPEN, _CLOSE = "⟦", "⟧"


def ghost(before: str, insert: str, after: str, first_line: int) -> list[Text]:
    """Return some numbered lines around a suggestion, the suggestion marked by brackets and colour."""
    shown = Text()
    shown.append(before)
    shown.append(f"{_OPEN}{insert}{_CLOSE}", style=_GHOST)
    shown.append(after)
    return [
        Text(f"{first_line + number:5} │ ", style="dim") + line
        for number, line in enumerate(shown.split("\n", allow_blank=True))
    ]


def show_completion(shown: Shown) -> None:
    """Print a completion in place, with what it cost; or why there is none."""
    console = Console()
    cursor, outcome = shown.cursor, shown.outcome
    document = cursor.document
    line = document.line_of(cursor.offset)
    first, last = max(line - _LINES_AROUND, 0), min(line + _LINES_AROUND, document.line_count - 1)
    insert = outcome.edit.new_text if isinstance(outcome, Completion) else ""
    console.print(Text(f"{shown.path}:{line + 1}", style="bold"))
    for numbered in ghost(
        normalize_line_ends(document.text[document.starts[first] : cursor.offset]),
        normalize_line_ends(insert),
        normalize_line_ends(document.text[cursor.offset : document.line_end(last)]),
        first + 1,
    ):
        console.print(numbered, soft_wrap=True)
    if not isinstance(outcome, Completion):
        console.print(
            Text(f"no suggestion ({outcome.reason}): {outcome.detail}", style="yellow"), soft_wrap=True
        )
    console.print(Text(summary(outcome.trace, shown.model), style="dim"), soft_wrap=True)


def summary(trace: Trace, model: str) -> str:
    """Write one line of figures."""
    first = f"{trace.first_text_ms:.0f}" if trace.first_text_ms is not None else "-"
    return (
        f"{model} · ready {trace.wait_ms:.0f} ms · first text {first} ms · total {trace.total_ms:.0f} ms · "
        f"{trace.prompt_tokens} prompt tokens, {trace.cached_tokens} of them from cache · "
        f"{trace.generated_tokens} written"
    )


def show_trace(trace: Trace, *, to_stderr: bool = False) -> None:
    """Print the whole record of a request: prompt, raw answer, filters, figures."""
    console = Console(stderr=to_stderr)
    for title, body in (("prompt", trace.prompt), ("raw answer", trace.raw), ("kept", trace.answer)):
        console.rule(title, align="left")
        console.print(Text(body), soft_wrap=True)
    table = Table("filter", "effect", title="filters", title_justify="left")
    before = trace.answer
    for step in trace.filters:
        effect = f"rejected: {step.reason}" if step.text is None else _effect(before, step.text)
        table.add_row(step.name, Text(effect))
        before = step.text or ""
    console.print(table)
    probability = "-" if trace.probability is None else f"{trace.probability:.0%}"
    console.print(
        Text(f"mode {trace.mode} · stopped by {trace.stop_reason or '-'} · probability {probability}")
    )
    if trace.reason:
        console.print(Text(f"no suggestion ({trace.reason}): {trace.detail}", style="yellow"))


def _effect(before: str, after: str) -> str:
    if before == after:
        return "-"
    removed = before[len(after) :] if before.startswith(after) else None
    return f"removed {removed!r}" if removed is not None else f"now {after!r}"


def show_markdown(text: str) -> None:
    """Print Markdown: laid out on a terminal, as it is in a pipe."""
    console = Console()
    console.print(Markdown(text) if console.is_terminal else Text(text), soft_wrap=True)


def show_patch(patch: str) -> None:
    """Print a patch in colour."""
    console = Console()
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in patch.split("\n")[:-1]:
        is_head = line.startswith(("+++", "---", "diff "))
        console.print(Text(line, style="bold" if is_head else styles.get(line[:1], "")), soft_wrap=True)


def show_stats(report: Report, file: Path) -> None:
    """Print what became of suggestions, by language, and what was held back."""
    # A pipe has no width; a narrow guess would cut names in the middle.
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(Text(f"{report.first_day} to {report.last_day}, from {file}", style="dim"), soft_wrap=True)
    if not report.total and not report.held_back:
        console.print("nothing was counted yet")
        return
    table = Table("Language", box=None, header_style="bold", pad_edge=False)
    for title in (
        "Shown",
        "Accepted",
        "In part",
        "Dismissed",
        "Typed out",
        "Kept 30 s",
        "Characters",
    ):
        table.add_column(title, justify="right")
    for language, counts in report.languages.items():
        table.add_row(language or "-", *_stats_row(counts))
    if len(report.languages) > 1:
        table.add_row("all", *_stats_row(report.total), style="bold")
    console.print(table)
    if report.latency_p50_ms is not None:
        median, p95 = report.latency_p50_ms, report.latency_p95_ms
        console.print(f"\ntime to a suggestion: median {median:.0f} ms, p95 {p95:.0f} ms")
    if report.held_back:
        held = Table("Held back by", box=None, header_style="bold", pad_edge=False)
        held.add_column("Times", justify="right")
        for rule, n in report.held_back.items():
            held.add_row(rule, str(n))
        console.print()
        console.print(held)


def _stats_row(counts: Mapping[str, int]) -> list[str]:
    def share(part: str, whole: str) -> str:
        n = counts.get(whole, 0)
        return f"{counts.get(part, 0)} ({100 * counts.get(part, 0) / n:.0f} %)" if n else "-"

    return [
        str(counts.get("shown", 0)),
        share("accepted", "shown"),
        str(counts.get("partly", 0)),
        str(counts.get("dismissed", 0)),
        str(counts.get("typed_through", 0)),
        share("kept", "kept_of"),
        str(counts.get("characters", 0)),
    ]


def show_index(root: Path, file: Path, report: IndexReport) -> None:
    """Print what an index holds, what was left out and why, and what it cost."""
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(Text(str(root), style="bold"), soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_row(f"{report.files:,}", "files indexed")
    table.add_row(f"{report.definitions:,}", "definitions in them")
    for reason, count in report.skipped.items():
        table.add_row(Text(f"{count:,}", style="dim"), Text(f"left out: {_LEFT_OUT[reason]}", style="dim"))
    console.print(table)
    console.print(
        f"\n{report.changed:,} files read again, {report.removed:,} gone, in {report.seconds:.2f} s; "
        f"the index has {report.index_bytes / 1e6:.1f} MB"
    )
    if report.rebuilt:
        console.print(Text(f"rebuilt: {report.rebuilt}", style="yellow"), soft_wrap=True)
    for problem in report.problems:
        console.print(Text(f"! {problem}", style="yellow"), soft_wrap=True)
    console.print(Text(str(file), style="dim"), soft_wrap=True)


_LEFT_OUT: dict[str, str] = {
    "language": "no language we know",
    "large": "larger than 1 MB",
    "binary": "not text",
    "generated": "written by a program",
    "minified": "minified",
    "link": "a symbolic link",
    "special": "not a file (a pipe, a device, a folder)",
    "unreadable": "cannot be read",
    "crash": "made the parser crash",
}


_DROPPED_SHOWN = 20


def show_context(gathered: Gathered) -> None:
    """Print what goes into a prompt, then each snippet with its score and what became of it."""
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    for path, body in gathered.files:
        console.print(Text(path, style="bold"))
        console.print(Text(body), soft_wrap=True)
    if not gathered.files:
        console.print(gathered.problem or "nothing of the repository helps here")
    table = Table("", "Snippet", "Source", box=None, header_style="bold", pad_edge=False)
    table.add_column("Score", justify="right")
    table.add_column("Parts")
    table.add_column("Tokens", justify="right")
    dropped = [snippet for snippet in gathered.snippets if snippet.dropped]
    for snippet in [*gathered.kept, *dropped[:_DROPPED_SHOWN]]:
        table.add_row(*_snippet_row(snippet))
    if gathered.snippets:
        console.print()
        console.print(table)
    hidden = len(dropped) - _DROPPED_SHOWN
    more = f" · {hidden} more dropped (`--json` has them)" if hidden > 0 else ""
    late = f" · late: {', '.join(gathered.late)}" if gathered.late else ""
    summary = f"{gathered.tokens} tokens · {gathered.elapsed_ms:.1f} ms{late}{more}"
    console.print(Text(summary, style="dim"), soft_wrap=True)


def _snippet_row(snippet: Snippet) -> tuple[str | Text, ...]:
    fate = snippet.dropped or ("name" if snippet.is_name_only else "kept")
    parts = " ".join(f"{name} {value:+.2f}" for name, value in snippet.parts.items())
    title = Text(
        f"{snippet.path}: {snippet.name or snippet.text.strip().splitlines()[0]}", overflow="ellipsis"
    )
    title.no_wrap = True
    style = "dim" if snippet.dropped else "green"
    return Text(fate, style=style), title, snippet.source, f"{snippet.score:.2f}", parts, str(snippet.tokens)
