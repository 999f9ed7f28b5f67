"""A Report on a terminal: one block for each finding with a code frame, then one line about the whole."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

from rich.table import Table
from rich.text import Text

from qwen_lsp.cli.console import Console
from qwen_lsp.messages import Locale, text
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.report.frames import FrameLine, frame
from qwen_lsp.review.report.report import Report
from qwen_lsp.review.report.suggestions import suggestion
from qwen_lsp.review.reviewer import Planned
from qwen_lsp.syntax.rules import Severity
from qwen_lsp.visible import visible, visible_path

_STYLES: dict[Severity, str] = {
    "error": "bold red",
    "warning": "bold yellow",
    "info": "bold blue",
    "hint": "bold dim",
}
_MAX_SKIPPED = 10


def as_text(report: Report) -> str:
    """Return the report without colour."""
    out = StringIO()
    show(report, Console(file=out, width=200, color_system=None))
    return out.getvalue()


def show(report: Report, console: Console) -> None:
    """Print the report."""
    for finding in report.findings:
        _finding(report, finding, console)
    cover = report.coverage
    lines = [(one.path, text(f"words.reason.{one.reason}", report.locale)) for one in cover.skipped]
    for path, why in lines[:_MAX_SKIPPED]:
        console.print(Text(f"- {visible_path(path)}: {why}", style="dim"), soft_wrap=True)
    if len(lines) > _MAX_SKIPPED:
        console.print(Text(f"- … {len(lines) - _MAX_SKIPPED}", style="dim"))
    for failed in cover.failed:
        message = f"! {visible_path(failed.path)}: {visible_path(failed.detail)}"
        console.print(Text(message, style="red"), soft_wrap=True)
    for record in cover.passes:
        console.print(Text(f"- {record.summary(report.locale)}", style="dim"), soft_wrap=True)
    for note in report.notes:
        console.print(Text(f"- {visible_path(note)}", style="dim"), soft_wrap=True)
    console.print(Text(report.summary(), style="bold"), soft_wrap=True)


def _finding(report: Report, finding: Finding, console: Console) -> None:
    style = _STYLES[finding.severity]
    head = Text(visible_path(f"{finding.path}:{finding.start_line}:{finding.start_column}"), style="bold")
    head.append(" ")
    head.append(text(f"words.severity.{finding.severity}", report.locale), style=style)
    head.append(f" {finding.rule}", style="dim")
    if report.novelty.get(finding.fingerprint) == "new":
        new = text("words.new", report.locale)
        head.append(f" ({new})", style="bold")
    console.print(head, soft_wrap=True)
    console.print(Text(f"  {visible_path(finding.message)}"), soft_wrap=True)
    if finding.scenario:
        console.print(Text(f"  {visible(finding.scenario)}", style="dim"), soft_wrap=True)
    document = report.documents[finding.path]
    lines = frame(document, finding)
    width = len(str(lines[-1].number)) if lines else 1
    for line in lines:
        console.print(_numbered(line, width, style), soft_wrap=True)
    fix = suggestion(document, finding, range(1, document.line_count + 1))
    if fix is not None:
        for new in fix.new_text.split("\n") if fix.new_text else []:
            console.print(Text(f"  {'+':>{width}} │ {visible(new)}", style="green"), soft_wrap=True)
    console.print()


def _numbered(line: FrameLine, width: int, style: str) -> Text:
    sign = ">" if line.marked else " "
    shown = Text(f"{sign} {line.number:>{width}} │ ", style="bold" if line.marked else "dim")
    if line.marked is None:
        return shown.append(line.text, style="default")
    start, end = line.marked
    shown.append(line.text[:start], style="default")
    shown.append(line.text[start:end], style=f"{style} underline")
    return shown.append(line.text[end:], style="default")


def show_plan(planned: Sequence[Planned], locale: Locale, console: Console) -> None:
    """Print what would be done with each file."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title, justify in (("+", "right"), ("units", "right"), ("file", "left"), ("", "left")):
        table.add_column(title, justify=justify)  # type: ignore[arg-type]
    for entry in planned:
        why = text(f"words.reason.{entry.reason}", locale) if entry.reason else ""
        n_units = str(len(entry.units)) if not entry.reason else "-"
        path = Text(visible_path(entry.file.path), style="dim" if entry.reason else "")
        table.add_row(str(len(entry.file.patch.added)), n_units, path, Text(why, style="yellow"))
    console.print(table)
