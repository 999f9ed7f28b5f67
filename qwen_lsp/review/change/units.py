"""Cut the changed lines of a file into units: pieces with a sense of their own, small enough for a model.

A unit is the enclosing function where there is one of bearable length, else a window around the changed
lines. Every changed line that is not blank is in exactly one unit, so nothing is lost in silence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from qwen_lsp.review.change.change import ChangedFile
from qwen_lsp.review.change.diff import Line
from qwen_lsp.syntax import languages
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.outline import Definition, Outline, outline
from qwen_lsp.text import Document

# A function up to this long is one unit; longer ones are cut into windows.
_MAX_LINES = 120
_WINDOW_LINES = 60
_LINES_AROUND = 8
_CALLED = {"function", "method", "macro"}
_OUTLINE_MS = 2_000.0


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of a changed file. Lines count from 1 in the text after the change, both ends included.

    `container` is the signature of each definition around it, the outermost first; `removed` are the lines
    that the change took away there; `imports` the import statements of the file; `signatures` are those of
    what it calls, where the index of the repository was asked.
    """

    document: Document = field(repr=False)
    language: Language | None
    container: tuple[str, ...]
    first_line: int
    last_line: int
    changed: frozenset[int]
    removed: tuple[Line, ...] = ()
    imports: tuple[str, ...] = ()
    is_partial: bool = False
    signatures: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The file's path relative to the root."""
        return self.document.path or ""

    @property
    def start(self) -> int:
        """The offset at which the unit starts in its document."""
        return self.document.starts[self.first_line - 1]

    @property
    def text(self) -> str:
        """The lines of the unit."""
        return self.document.text[self.start : self.document.line_end(self.last_line - 1)]

    @property
    def key(self) -> str:
        """A text that changes with what a review of this unit can see, and not when the unit moves."""
        changed = sorted(number - self.first_line for number in self.changed)
        removed = [line.text for line in self.removed]
        seen = repr(
            (
                self.path,
                self.text,
                self.container,
                changed,
                removed,
                self.imports,
                self.is_partial,
                self.signatures,
            )
        )
        return hashlib.sha256(seen.encode("utf-8", "surrogatepass")).hexdigest()


def units(file: ChangedFile) -> list[Unit]:
    """Cut one file of a change; its language is that of its name."""
    document = file.document
    language = languages.find("", file.path)
    changed = sorted(
        number
        for number in file.patch.added
        if number <= document.line_count and document.line(number - 1).strip()
    )
    if not changed:
        return []
    found = outline(document.text, language, deadline_ms=_OUTLINE_MS, references="distinct")
    imports = tuple(dict.fromkeys(_import_lines(document, found)))
    made = []
    for first, last, lines in _pieces(document, found, changed):
        around = _around(found, document.starts[first - 1], document.line_end(last - 1))
        made.append(
            Unit(
                document,
                language,
                tuple(definition.signature for definition in around),
                first,
                last,
                frozenset(lines),
                tuple(_removed(file, first, last)),
                imports,
                file.is_partial,
            )
        )
    return made


def _import_lines(document: Document, found: Outline) -> Iterator[str]:
    for entry in found.imports:
        yield document.line(document.line_of(entry.offset)).strip()


def _pieces(document: Document, found: Outline, changed: list[int]) -> Iterator[tuple[int, int, list[int]]]:
    """Yield first line, last line and changed lines of each unit, in order."""
    functions = [
        (
            document.line_of(entry.span.start) + 1,
            document.line_of(max(entry.span.end - 1, entry.span.start)) + 1,
        )
        for entry in found.definitions
        if entry.kind in _CALLED
    ]
    homes: dict[tuple[int, int], list[int]] = {}
    loose: list[int] = []
    for number in changed:
        around = [span for span in functions if span[0] <= number <= span[1]]
        fitting = [span for span in around if span[1] - span[0] < _MAX_LINES]
        # The outermost function that is short enough: an inner one is read with what is around it.
        home = max(fitting, key=lambda span: span[1] - span[0], default=None)
        if home is None:
            loose.append(number)
        else:
            homes.setdefault(home, []).append(number)
    pieces = [(first, last, lines) for (first, last), lines in homes.items()]
    pieces += _windows(document, loose)
    yield from sorted(pieces)


def _windows(document: Document, loose: list[int]) -> Iterator[tuple[int, int, list[int]]]:
    at = 0
    while at < len(loose):
        end = at + 1
        while (
            end < len(loose)
            and loose[end] - loose[at] < _WINDOW_LINES
            and loose[end] - loose[end - 1] <= 2 * _LINES_AROUND
        ):
            end += 1
        lines = loose[at:end]
        first = max(lines[0] - _LINES_AROUND, 1)
        yield first, min(lines[-1] + _LINES_AROUND, document.line_count), lines
        at = end


def _around(found: Outline, start: int, end: int) -> list[Definition]:
    return [entry for entry in found.definitions if entry.span.start <= start and end <= entry.span.end]


def _removed(file: ChangedFile, first: int, last: int) -> Iterator[Line]:
    """Yield the removed lines that stood between the lines of a unit."""
    for hunk in file.patch.hunks:
        at = hunk.new_start
        for line in hunk.lines:
            if line.new is not None:
                at = line.new + 1
            elif first <= at <= last + 1:
                yield line
