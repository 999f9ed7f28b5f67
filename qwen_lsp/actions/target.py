"""Which lines an action is about, and how they are shown to the model.

The region is whole lines: the selection, grown to a piece that stands alone. The model sees it without the
indentation that all its lines share and with LF line ends; `layout` puts both back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from qwen_lsp.actions.task import Task
from qwen_lsp.syntax import code
from qwen_lsp.syntax.code import Definition, Source
from qwen_lsp.text import Document, Span, normalize_line_ends

# What an action wants as its region: the selection where it stands alone, the function around it, or any
# definition around it.
Extent = Literal["selection", "function", "definition"]


@dataclass(frozen=True, slots=True)
class Target:
    """A region. `shown` is its text for the model; `indent` what was taken off each line.

    `definition` is the innermost one around the selection, `source` None where there is no grammar, `place`
    the selection without white space around it, or the code of the cursor's line: of a named function that
    begins there as an argument and holds the cursor, the name.
    """

    task: Task
    span: Span
    shown: str
    indent: str
    definition: Definition | None
    source: Source | None
    place: Span

    @property
    def text(self) -> str:
        """The region as it is in the document."""
        return self.task.document.text[self.span.start : self.span.end]


def choose(task: Task, extent: Extent) -> Target | None:
    """Find the region of a task; None where the selection holds nothing."""
    document = task.document
    source = code.parse(document.text, task.language)
    selected = _trimmed(document.text, task.span)
    is_empty = selected.start >= selected.end
    place = Span(task.span.start, task.span.start) if is_empty else selected
    if is_empty:
        line = document.line_of(task.span.start)
        place = _trimmed(document.text, Span(document.starts[line], document.line_end(line)))
        if source is not None and not task.diagnostics:
            place = _named_argument(source, task.span.start, place) or place
    definition = source.enclosing(place) if source else None
    region = _grown(source, place, definition, extent, is_empty, document)
    span = whole_lines(document, region)
    text = document.text[span.start : span.end]
    if not text.strip():
        return None
    shown, indent = dedented(normalize_line_ends(text))
    return Target(task, span, shown, indent, definition, source, place)


def _named_argument(source: Source, cursor: int, line: Span) -> Span | None:
    """Return the name of the function that a line hands over and the cursor is in: `on(function save () {`.

    Its line as a whole belongs to the function around.
    """
    at = max(cursor, line.start)
    inner = source.enclosing(Span(at, min(at + 1, len(source.text))), functions_only=True)
    if inner is None or inner.parameters is None or not line.start < inner.span.start <= at <= line.end:
        return None
    head = source.text[inner.header.start : inner.parameters.start]
    if not inner.name or not re.search(rf"(?<![\w$]){re.escape(inner.name)}\s*$", head):
        return None
    end = inner.parameters.start - (len(head) - len(head.rstrip()))
    return Span(end - len(inner.name), end) if inner.span.end > line.end else None


def _grown(
    source: Source | None,
    place: Span,
    definition: Definition | None,
    extent: Extent,
    is_empty: bool,
    document: Document,
) -> Span:
    if source is None or definition is None:
        return place
    function = source.enclosing(place, functions_only=True)
    around = function or definition
    if extent == "definition":
        return definition.span
    if extent == "function" or is_empty:
        return around.span
    # A piece that does not stand alone would come back with what is missing made up.
    lines = document.text[whole_lines(document, place).start : whole_lines(document, place).end]
    alone = code.parse(dedented(normalize_line_ends(lines))[0], source.language)
    return place if alone is not None and alone.error_count() == 0 else around.span


def _trimmed(text: str, span: Span) -> Span:
    """Leave out the white space at both ends."""
    start, end = span.start, span.end
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


def whole_lines(document: Document, span: Span) -> Span:
    """Widen a span to whole lines, without the line end of the last."""
    return Span(
        document.starts[document.line_of(span.start)],
        document.line_end(document.line_of(max(span.end, span.start))),
    )


def dedented(text: str) -> tuple[str, str]:
    """Take the indentation that all lines share off them; return the text and what was taken."""
    lines = [line for line in text.split("\n") if line.strip()]
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines]
    indent = _shared(indents)
    return "\n".join(line[len(indent) :] if line.strip() else "" for line in text.split("\n")), indent


def _shared(indents: list[str]) -> str:
    """Return what all begin with. Shape: tabs and spaces, never mixed up with one another."""
    shortest, longest = min(indents, default=""), max(indents, default="")
    n = next((i for i, pair in enumerate(zip(shortest, longest, strict=False)) if pair[0] != pair[1]), None)
    return shortest[: min(len(shortest), len(longest)) if n is None else n]
