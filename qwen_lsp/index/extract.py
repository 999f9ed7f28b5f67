"""What the index keeps of one file: definitions, imports, distinct references, pieces with their words.

Pure: text in, values out. It never raises for malformed code (invariant 6): a file that cannot be parsed
still has words.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import PurePosixPath

from qwen_lsp.index.words import words_of
from qwen_lsp.syntax.languages import find
from qwen_lsp.syntax.outline import Definition, Import, outline
from qwen_lsp.text import Span

# A file may cost this much of the parser's time; what was found until then is kept.
PARSE_DEADLINE_MS = 5000

# A piece ends before a definition once it has the first number of lines, after a blank line once it has
# the second, and in any case at the third.
_GOOD_LINES, _ENOUGH_LINES, _MAX_LINES = 15, 30, 40

# Names of files that stand for their folder.
_FOLDER_STEMS = {"__init__", "index", "mod"}
_SEPARATORS = re.compile(r"[./\\:]+")
_FAMILIES = {
    "typescript": "javascript",
    "typescriptreact": "javascript",
    "html": "javascript",
    "vue": "javascript",
    "kotlin": "java",
    "scala": "java",
    "cpp": "c",
}
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_EXTENSION = re.compile(r"\.(?:h|hh|hpp|hxx|[cm]?jsx?|[cm]?tsx?|css|rb|php|lua|sh|vue|json)$")


@dataclass(frozen=True, slots=True)
class Extract:
    """What was found in one text. `references`: each name used, with the offset of its first use."""

    definitions: Sequence[Definition]
    imports: Sequence[Import]
    references: dict[str, int]
    chunks: list[tuple[Span, set[str]]]
    problem: str


def extract(text: str, language_id: str, path: str) -> Extract:
    """Take apart the text of the file `path`."""
    found = outline(text, find(language_id, path), deadline_ms=PARSE_DEADLINE_MS, references="distinct")
    references = {name: offset for name, offset, _ in found.references}
    starts = [definition.span.start for definition in found.definitions]
    chunks = [(span, words_of(text[span.start : span.end])) for span in pieces(text, starts)]
    return Extract(found.definitions, found.imports, references, chunks, found.problem or "")


def pieces(text: str, definition_starts: Sequence[int]) -> list[Span]:
    """Cut a text into pieces of some lines, before definitions and after blank lines where it can be done."""
    lines = list(accumulate(map(len, _LINE.findall(text)), initial=0))
    if text and not text.endswith("\n"):
        lines.pop()  # where the text ends
    heads = {bisect_left(lines, start + 1) - 1 for start in definition_starts}
    spans: list[Span] = []
    first = 0
    for number in range(1, len(lines)):
        length = number - first
        if length < _GOOD_LINES:
            continue
        is_end = (
            number in heads
            or length >= _MAX_LINES
            or (length >= _ENOUGH_LINES and not text[lines[number - 1] : lines[number]].strip())
        )
        if is_end:
            spans.append(Span(lines[first], lines[number]))
            first = number
    if text[lines[first] :].strip():
        spans.append(Span(lines[first], len(text)))
    return spans


def family(language_id: str) -> str:
    """Return what stands for a language and those whose code uses the same names."""
    return _FAMILIES.get(language_id, language_id)


def path_stem(path: str) -> str:
    """Return what imports call a file: its name without extensions, or its folder's for a package file."""
    pure = PurePosixPath(path)
    stem = pure.name.split(".")[0].lower() or pure.name.lower()
    return pure.parent.name.lower() or stem if stem in _FOLDER_STEMS else stem


def module_stem(module: str, name: str | None = None) -> str:
    """Return the stem that an import is about: the last part of the module, else the imported name."""
    bare = _EXTENSION.sub("", module.strip("\"'<>"))
    parts = [part for part in _SEPARATORS.split(bare) if part]
    return (parts[-1] if parts else name or "").lower()
