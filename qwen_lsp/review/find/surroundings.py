"""What stands around a changed line, as a model is shown it that is to write the line itself.

Pure. One line is left out; before it come the file's imports, the signatures of what the line calls, what it
stands in and the lines above, after it the lines below, within a window that a small model reads in seconds.
Lines that nobody could predict (definitions, imports, texts for people, lone brackets) are not asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qwen_lsp.redaction import redact
from qwen_lsp.review.change.units import Unit
from qwen_lsp.syntax import code

_LINES_BEFORE, _LINES_AFTER = 24, 8
# Of the lines below it a line of a run sees those below the whole run only.
_LINES_OF_A_RUN = 12
_MAX_IMPORTS = 6
# Longer lines are data or texts, and reading one costs as much as a function.
_MAX_CHARS = 140
_WORD = re.compile(r"[^\W\d]\w*")
_FORESEEN_BY_NOBODY = re.compile(
    r"\s*(?:@|(?:async\s+)?def\b|class\b|import\b|from\b.*\bimport\b|global\b|nonlocal\b|package\b|using\b|#include"
    r"|(?:pub\s+)?(?:fn|struct|enum|trait|impl|mod|use)\b|(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:function|"
    r"interface|type)\b|func\b|(?:public|private|protected|static)\b[^=]*\{\s*$)"
)
# A field or a variable with its type: its name, its type and its alias are the author's to choose.
_DECLARATION = re.compile(
    r"\s*(?:(?:public|private|protected|readonly|static|final|declare|abstract|val|var|const|let)\s+)*"
    r"[A-Za-z_]\w*[?!]?\s*:\s*[A-Za-z_(\[{\"'][^=]*(?:=\s*(?:Field|field|Column|mapped_column|relationship|attr\.ib|"
    r"attrib|Annotated|models\.\w+|z\.\w+)\(|;?\s*$)"
    r"|\s*(?:(?:public|private|protected|static|final|volatile|transient)\s+)+[\w<>\[\], ?.]+\s\w+\s*(?:;|=)"
)


@dataclass(frozen=True, slots=True)
class Hole:
    """A changed line, left out of what is around it. All texts with LF, `written` without its line end.

    Shape: `number` counts from 1 in the text after the change.
    """

    number: int
    before: str
    after: str
    written: str

    def filled(self, line: str) -> str:
        """Return the window with a line in the hole."""
        return f"{self.before}{line}\n{self.after}"


def predictable(unit: Unit) -> list[int]:
    """Number the changed lines of a unit that can be asked about, in their order."""
    prose = _prose_lines(unit)
    lines = {number: unit.document.line(number - 1) for number in sorted(unit.changed - prose)}
    return [number for number, line in lines.items() if is_predictable(line) and redact(line) == line]


def is_predictable(line: str) -> bool:
    """Whether a line decides something that follows from its surroundings."""
    is_short = len(line) <= _MAX_CHARS
    is_declared = bool(_FORESEEN_BY_NOBODY.match(line) or _DECLARATION.match(line))
    return is_short and bool(_WORD.search(line)) and not is_declared


def _prose_lines(unit: Unit) -> set[int]:
    """Number the lines that are comments or documentation."""
    source = code.parse(unit.text, unit.language)
    found: set[int] = set()
    for entry in source.prose() if source is not None else ():
        first = unit.text.count("\n", 0, entry.span.start)
        is_whole_line = not unit.text[: entry.span.start].rsplit("\n", 1)[-1].strip()
        if is_whole_line:
            found |= set(range(first, first + entry.text.count("\n") + 1))
    return {unit.first_line + number for number in found}


def hole(unit: Unit, number: int) -> Hole:
    """Leave a line of a unit out."""
    document = unit.document
    first = max(unit.first_line, number - _LINES_BEFORE)
    header = [unit.document.line(unit.first_line - 1)] if first > unit.first_line else []
    above = [document.line(at - 1) for at in range(first, number)]
    last = min(max(unit.last_line, number + 2), number + _LINES_AFTER, document.line_count)
    last -= not document.line(last - 1)  # what is behind the last line end is no line to show
    below = [document.line(at - 1) for at in range(number + 1, last + 1)]
    comment = unit.language.comment_line if unit.language is not None else None
    comments = [comment(line) for line in (unit.path, *unit.signatures)] if comment else []
    before = [
        *comments,
        *_imports(unit, set(_WORD.findall("\n".join((*above, *below))))),
        *_container(unit),
        *header,
        *above,
    ]
    return Hole(
        number,
        redact("".join(f"{line}\n" for line in before)),
        redact("".join(f"{line}\n" for line in below)),
        document.line(number - 1).rstrip(),
    )


@dataclass(frozen=True, slots=True)
class Run:
    """Changed lines near each other, read one after another with one look at what is around all of them.

    Shape: `lines` has for each line its number, what stands above it since the line before, and its text.
    """

    before: str
    after: str
    lines: tuple[tuple[int, str, str], ...]


def runs(pieces: Sequence[Unit]) -> Iterator[Run]:
    """Put lines of one unit together, each the one changed line of its piece, in the order of the text."""
    ordered = sorted(pieces, key=_number)
    while ordered:
        first = ordered[0]
        near = [piece for piece in ordered if _number(piece) - _number(first) < _LINES_OF_A_RUN]
        ordered = ordered[len(near) :]
        lines, above = [], _number(first)
        for piece in near:
            number = _number(piece)
            between = [first.document.line(at - 1) for at in range(above, number)]
            text = first.document.line(number - 1).rstrip()
            lines.append((number, redact("".join(f"{line}\n" for line in between)), text))
            above = number + 1
        last = near[-1]
        yield Run(hole(first, _number(first)).before, hole(last, _number(last)).after, tuple(lines))


def _number(piece: Unit) -> int:
    (number,) = piece.changed
    return number


def _imports(unit: Unit, used: set[str]) -> list[str]:
    """Return the imports of names that are shown."""
    return [line for line in unit.imports if used & set(_WORD.findall(line)[1:])][:_MAX_IMPORTS]


def _container(unit: Unit) -> Iterator[str]:
    """Yield the headers of what a unit stands in, as they are written."""
    shown = unit.text
    for signature in unit.container:
        if signature not in shown:
            yield f"{signature}:" if unit.language is not None and unit.language.id == "python" else signature
