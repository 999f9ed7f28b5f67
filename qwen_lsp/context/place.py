"""What the text around a cursor says about what may be needed there: names, receiver, types in scope.

Reads the document's own text and the index's answers about it, and parses nothing: it runs while a person
waits, and the text has just changed. Types are read by plain expressions that hold for most languages; what
they miss only means less context.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.index.reader import IndexedDefinition
from qwen_lsp.text import Cursor, Span

# Lines above and below the cursor whose names count. A name's weight halves every so many lines.
_LINES_ABOVE, _LINES_BELOW = 40, 10
_HALF_LINES = 8
_MAX_NEAR = 400  # names; data holds more
_MAX_LINES_UP = 4000
_DEFINES = re.compile(
    r"\b(?:def|class|function|fn|func|fun|interface|struct|impl|trait|enum|module|namespace|object|record)\b"
    r"|\)[^;(]*\{$|=>\s*\{$"
)
_CONTROLS = re.compile(r"(?:if|for|while|switch|catch|else|match|with|try|do|\}|unless|until|loop|select)\b")
_SCOPE_KINDS = {"function", "method", "class", "interface", "enum", "struct", "trait", "module"}
TYPE_KINDS = {"class", "interface", "enum", "struct", "trait", "type"}

_WORD = re.compile(r"[^\W\d]\w*")
_RECEIVER = re.compile(r"((?:[^\W\d]\w*(?:\(\))?(?:\?\.|\.|::|->))+)(\w*)\Z")
# `name: Type`, `name = Type(...)`, `name := pkg.Type{`, `name = await maker()`; `Type name` for C and Java.
_ANNOTATED = re.compile(r"(?<![\w.])([^\W\d]\w*)\s*[?!]?\s*:(?![:=])\s*([^=,;)\n{]+)")
_ASSIGNED = re.compile(
    r"(?<![\w.])([^\W\d]\w*)\s*(?::[^=\n,()]*)?:?=(?![=>])\s*(?:await\s+|new\s+|&)*"
    r"((?:[^\W\d]\w*(?:\([^()\n]*\)|\[[^\[\]\n]*\])?(?:\?\.|\.|::|->)?)+)"
)
_DECLARED = re.compile(r"\b([A-Z]\w*)(?:<[^<>;=()]*>)?[\s*&]+([^\W\d]\w*)\s*[=;,)]")
_IN_BRACKETS = re.compile(r"\([^()\n]*\)|\[[^\[\]\n]*\]")


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor, seen through the code around it.

    Shape: `near` gives each name near the cursor a weight from 0 to 1, that of its closest use, the closest
    first. `receiver` is the chain before the dot that is being completed: ("state", "md") in `state.md.`.
    `enclosing` are the definitions around the cursor, the outermost first. `shown` is what the prompt
    shows of the document; `around` the text close to the cursor.
    """

    cursor: Cursor
    path: str
    near: dict[str, float]
    receiver: tuple[str, ...]
    typed: str
    enclosing: tuple[IndexedDefinition, ...]
    shown: Span
    scope_text: str
    around: str


def place(
    cursor: Cursor, path: str, definitions: Sequence[IndexedDefinition], shown: Span | None = None
) -> Place:
    """Look at a place; `definitions` are those of the document, as the index last saw it."""
    document = cursor.document
    line = document.line_of(cursor.offset)
    first, last = max(line - _LINES_ABOVE, 0), min(line + _LINES_BELOW, document.line_count - 1)
    around = document.text[document.starts[first] : document.line_end(last)]
    chain, typed = receiver(cursor.line_prefix)
    enclosing = _enclosing(definitions, cursor)
    start = enclosing[-1].span.start if enclosing else document.starts[first]
    return Place(
        cursor,
        path,
        _near(cursor, line, first, last),
        chain,
        typed,
        enclosing,
        shown or Span(document.starts[first], document.line_end(last)),
        document.text[min(start, cursor.offset) : cursor.offset],
        around,
    )


def receiver(line_prefix: str) -> tuple[tuple[str, ...], str]:
    """Return what stands before the last dot, and what is typed after it; an empty chain without a dot."""
    match = _RECEIVER.search(line_prefix)
    return (tuple(_WORD.findall(match[1])), match[2]) if match else ((), "")


@dataclass(frozen=True, slots=True)
class Binding:
    """What a text says of a variable's type: names in its annotation, and the chain that made its value."""

    types: tuple[str, ...] = ()
    maker: tuple[str, ...] = ()


def bindings(text: str) -> dict[str, Binding]:
    """List what a text binds, the last first; the last place that says something of a name wins."""
    found: dict[str, Binding] = {}
    places = [(at.start(), at[1], Binding(_words(at[2]))) for at in _ANNOTATED.finditer(text)]
    places += [(at.start(), at[2], Binding(_words(at[1]))) for at in _DECLARED.finditer(text)]
    for at in _ASSIGNED.finditer(text):
        places.append((at.start(), at[1], Binding(maker=_words(_IN_BRACKETS.sub("", at[2])))))
    for _, name, binding in sorted(places, key=lambda place: -place[0]):
        known = found.get(name, Binding())
        found[name] = Binding(known.types or binding.types, known.maker or binding.maker)
    return found


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text))


def camel(name: str) -> str:
    """Return the type that a variable of this name usually has: `tool_registry` -> `ToolRegistry`."""
    name = name.strip("_")
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)


def _near(cursor: Cursor, line: int, first: int, last: int) -> dict[str, float]:
    document = cursor.document
    weights: dict[str, float] = {}
    lines = sorted(range(first, last + 1), key=lambda number: (abs(number - line), number))
    for number in lines:
        distance = abs(number - line) * (1 if number <= line else 2)
        weight = 0.5 ** (distance / _HALF_LINES)
        for word in reversed(_WORD.findall(document.line(number))):
            weights.setdefault(word, weight)
        if len(weights) > _MAX_NEAR:
            break
    return weights


def scope_key(cursor: Cursor) -> tuple[str, ...]:
    """Return the first lines of the definitions around a cursor, the innermost first, from the text alone.

    It stays while a body is being written, however broken the code is just now.
    """
    document = cursor.document
    heads = (document.line(number).strip() for number in heads_above(cursor))
    return tuple(head for head in heads if _DEFINES.search(head) and not _CONTROLS.match(head))


def heads_above(cursor: Cursor) -> list[int]:
    """Return the lines that the cursor's line stands inside of, as indentation has it, the nearest first."""
    document = cursor.document
    line = document.line_of(cursor.offset)
    found: list[int] = []
    level = _level(cursor, line)
    for number in range(line - 1, max(line - _MAX_LINES_UP, -1), -1):
        if level <= 0:
            break
        text = document.line(number)
        bare = text.lstrip()
        indent = len(text) - len(bare)
        if not bare or indent >= level:
            continue
        if bare[0] in ")]}>":  # the end of a head of several lines: it begins at the same indentation
            level = indent + 1
            continue
        found.append(number)
        level = indent
    return found


def _level(cursor: Cursor, line: int) -> int:
    """Return the indentation of the cursor's line; an empty one belongs where the line above does.

    However many spaces it has so far: somebody may be typing them.
    """
    document = cursor.document
    text = document.line(line)
    if text.strip():
        return len(text) - len(text.lstrip())
    for number in range(line - 1, max(line - 4, -1), -1):
        above = document.line(number)
        if above.strip():
            return len(above) - len(above.lstrip()) + above.rstrip().endswith((":", "{"))
    return 0


def _enclosing(definitions: Sequence[IndexedDefinition], cursor: Cursor) -> tuple[IndexedDefinition, ...]:
    """Find the definitions around the cursor, the outermost first.

    The index may be some keys behind the text, so only where they start is taken from it.
    """
    document = cursor.document
    found: list[IndexedDefinition] = []
    for number in reversed(heads_above(cursor)):
        words = set(_WORD.findall(document.line(number)))
        end = document.line_end(number)
        heads = [
            one
            for one in definitions
            if one.kind in _SCOPE_KINDS and one.name in words and one.span.start <= end < one.span.end
        ]
        found += heads[-1:]
    return tuple(found)
