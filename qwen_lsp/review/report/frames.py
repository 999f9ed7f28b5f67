"""A code frame: the lines of a finding with a few around them, safe to show.

Secrets are taken out and invisible characters made visible; this is the one way in which reviewed text gets
into a report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen_lsp.redaction import MARK, redact
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.rules import is_secret
from qwen_lsp.text import Document
from qwen_lsp.visible import visible

_LINES_AROUND = 2
_MAX_LINES = 12
_MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class FrameLine:
    """One line. `marked` is the part that the finding is about, as columns from 0; None outside of it."""

    number: int
    text: str
    marked: tuple[int, int] | None = None


def frame(document: Document, finding: Finding, around: int = _LINES_AROUND) -> list[FrameLine]:
    """Return the lines to show for a finding."""
    last = min(finding.end_line, finding.start_line + _MAX_LINES - 1)
    first_shown = max(finding.start_line - around, 1)
    last_shown = min(last + around, document.line_count)
    is_hidden = is_secret(finding.rule)
    lines = []
    for number in range(first_shown, last_shown + 1):
        line = document.line(number - 1)
        if not finding.start_line <= number <= last:
            lines.append(FrameLine(number, _safe(line)))
            continue
        start = finding.start_column - 1 if number == finding.start_line else len(line) - len(line.lstrip())
        end = finding.end_column - 1 if number == finding.end_line else len(line.rstrip())
        before, marked, after = line[:start], line[start:end], line[end:]
        if is_hidden and redact(line) == line:
            marked = re.sub(r"[\"'`].*", f'"{MARK}"', marked) if re.search(r"[\"'`]", marked) else MARK
        shown = _safe(before), _safe(marked), _safe(after)
        if redact(line) != line:  # a value may reach over the borders of the mark
            whole = _safe(line)
            lines.append(FrameLine(number, whole, (len(whole) - len(whole.lstrip()), len(whole))))
        else:
            at = len(shown[0])
            lines.append(FrameLine(number, "".join(shown), (at, at + max(len(shown[1]), 1))))
    if lines and not document.line(last_shown - 1).strip() and last_shown > last:
        lines.pop()
    return lines


def _safe(text: str) -> str:
    text = visible(redact(text).expandtabs(4))
    return text if len(text) <= _MAX_CHARS else f"{text[: _MAX_CHARS - 1]}…"
