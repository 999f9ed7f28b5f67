"""A fix as whole lines, which is what suggestion blocks of pull requests replace.

A suggestion is offered only where every replaced line is a changed line of one hunk.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from qwen_lsp.redaction import redact
from qwen_lsp.review.finding import Finding
from qwen_lsp.text import Document
from qwen_lsp.visible import visible


@dataclass(frozen=True, slots=True)
class Suggestion:
    """New text for the lines `first_line` to `last_line`, numbered from 1; without a last line end."""

    first_line: int
    last_line: int
    new_text: str


def suggestion(document: Document, finding: Finding, changed: Collection[int]) -> Suggestion | None:
    """Return the fix of a finding as whole lines; None where it cannot be one."""
    if finding.fix is None:
        return None
    span, new_text = finding.fix.span, finding.fix.new_text
    first = document.line_of(span.start)
    last = document.line_of(max(span.end - 1, span.start))
    if any(number + 1 not in changed for number in range(first, last + 1)):
        return None
    before = document.text[document.starts[first] : span.start]
    after = document.text[span.end : document.line_end(last)] if span.end <= document.line_end(last) else ""
    lines = f"{before}{new_text}{after}"
    # What could only be shown changed is no fix.
    return Suggestion(first + 1, last + 1, lines) if visible(redact(lines)) == lines else None


def fenced(text: str, language: str = "") -> str:
    """Put a text into a Markdown block whose fence is longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
