"""Rows of `bench context`: lines of a repository whose next words are defined in another of its files.

A row's line uses a name that another file defines and that occurs nowhere else in its own file, so it can
only be known from elsewhere. Definitions are found by plain expressions on purpose: the parser and
the index that are being measured have no part in choosing what they are measured on.
"""

from __future__ import annotations

import builtins
import importlib
import keyword
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from qwen_lsp.syntax import languages, parsing
from qwen_lsp.text import decode, normalize_line_ends

Kind = Literal["line", "member"]
KINDS: tuple[Kind, ...] = ("line", "member")

_SUFFIXES = (".py", ".ts", ".tsx", ".js", ".java", ".go", ".rs", ".kt", ".cs", ".rb", ".php", ".swift")
_SKIPPED_FOLDERS = {".git", ".venv", "node_modules", "dist", "build", "__pycache__", "vendor"}
_MIN_LINES_BEFORE = 8
_LINE_CHARS = range(10, 111)
_FILE_CHARS = 90_000  # a larger one is not parsed to tell code from strings
_MAX_DEFINING_FILES = 4  # a name that more files define is a convention, not a fact of this repository
_ROWS_OF_A_FILE = 3

_WORD = re.compile(r"[^\W\d]\w*")
_DEFINITION = re.compile(
    r"^[ \t]*(?:(?:export|default|public|private|protected|internal|static|async|abstract|readonly|final"
    r"|declare|override|pub|open|suspend)\s+)*"
    r"(?:(?:def|class|function|interface|type|enum|const|let|var|func|fn|fun|struct|trait|record|object)"
    r"\s+\*?(?P<named>[^\W\d]\w*)"
    r"|(?P<field>[^\W\d]\w*)\s*[?!]?\s*(?:(?::(?!:)|=(?![=>]))(?!.*[,(]$)"
    r"|(?:<[^>(]*>)?\([^()]*\)\s*(?::[^{;]*)?\{)"
    r"|(?:self|this)\.(?P<attribute>[^\W\d]\w*)\s*(?::[^=]*)?=(?!=))",
    re.MULTILINE,
)
_NO_LINE_BEGINS_SO = re.compile(
    r"(?:@|#|//|/?\*|\"\"\"|'''|from\b|import\b|export\b|def\b|class\b|async def\b|function\b"
    r"|interface\b|type\b|public\b|private\b|protected\b|[)\]}])"
)
_FOR = re.compile(r"\bfor\b(.*?)\b(?:in|of)\b")
_LIBRARY = (
    "asyncio collections contextlib dataclasses datetime inspect json logging os pathlib re threading time"
)
# Names that the languages and their libraries bring; `dir` knows Python's.
_JS_NAMES = frozenset(
    _WORD.findall("""
    length size push reduce filter entries values keys then catch finally resolve reject toString
    hasOwnProperty undefined constructor instanceof typeof concat slice splice includes indexOf forEach
    flatMap some every callback console document window export extends implements async await const
    switch while
    """)
)


@cache
def _common() -> frozenset[str]:
    names = {*dir(builtins), *keyword.kwlist, *_JS_NAMES}
    for module in [builtins, *map(importlib.import_module, _LIBRARY.split())]:
        names.update(dir(module))
        for thing in vars(module).values():
            if isinstance(thing, type):
                names.update(dir(thing))
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class ContextRow:
    """One hole: `middle`, without its line end, stood between `prefix` and `suffix`.

    Shape: `path` is below the repository, with forward slashes; `names` are those of the middle that only
    other files know. Line ends are LF.
    """

    id: str
    repository: str
    kind: Kind
    path: str
    prefix: str
    middle: str
    suffix: str
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The file as it is on disk while the row is asked."""
        return self.prefix + self.suffix


def rows(root: Path, repository: str, seed: int, most: int) -> list[ContextRow]:
    """Draw at most `most` rows from a repository, the same ones for the same seed and files.

    Shape: both kinds in equal parts as far as there are enough, at most three rows of one file.
    """
    texts = sources(root)
    defining = defining_files(texts)
    rng = random.Random(f"{seed} {repository}")
    found: list[ContextRow] = []
    for kind in KINDS:
        candidates = [row for path in texts for row in _candidates(repository, path, texts, defining, kind)]
        rng.shuffle(candidates)
        taken: dict[str, int] = defaultdict(int)
        lines = {row.id.rpartition(":")[0] for row in found}
        wanted = most // 2 if kind == "line" else most - len(found)
        for row in candidates:
            if wanted == 0:
                break
            if taken[row.path] < _ROWS_OF_A_FILE and row.id.rpartition(":")[0] not in lines and _is_code(row):
                taken[row.path] += 1
                wanted -= 1
                found.append(row)
    return found


def sources(root: Path) -> dict[str, str]:
    """Read the source files below a folder, by path with forward slashes."""
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        below = path.relative_to(root)
        if path.suffix not in _SUFFIXES or _SKIPPED_FOLDERS.intersection(below.parts) or not path.is_file():
            continue
        try:
            found[below.as_posix()] = normalize_line_ends(decode(path.read_bytes())[0])
        except (OSError, ValueError):
            continue
    return found


def defining_files(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """Name the files that define each name, as plain expressions see it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, text in texts.items():
        for match in _DEFINITION.finditer(text):
            found[match[match.lastgroup or "named"]].add(path)
    return found


def _candidates(
    repository: str,
    path: str,
    texts: Mapping[str, str],
    defining: Mapping[str, set[str]],
    kind: Kind,
) -> Iterator[ContextRow]:
    if len(texts[path]) > _FILE_CHARS:
        return
    lines = texts[path].split("\n")
    counts: dict[str, int] = defaultdict(int)
    for word in _WORD.findall(texts[path]):
        counts[word] += 1
    for number, line in enumerate(lines):
        text = line.strip()
        if number < _MIN_LINES_BEFORE or len(text) not in _LINE_CHARS or _NO_LINE_BEGINS_SO.match(text):
            continue
        names = _foreign(text, path, counts, defining)
        if not names or not ("." in text or "(" in text):
            continue
        at = len(line) - len(line.lstrip()) if kind == "line" else _after_dot(line, names)
        middle = line[at:].rstrip() if at is not None else ""
        inside = tuple(name for name in names if name in _WORD.findall(middle))
        if at is None or not inside:
            continue
        before = "\n".join(lines[:number]) + "\n" + line[:at]
        after = "\n" + "\n".join(lines[number + 1 :])
        yield ContextRow(
            f"{repository}/{path}:{number + 1}:{kind}", repository, kind, path, before, middle, after, inside
        )


def _foreign(
    line: str, path: str, counts: Mapping[str, int], defining: Mapping[str, set[str]]
) -> tuple[str, ...]:
    """Return the names of a line that other files define and the rest of its own file does not hold."""
    code = _without_strings(line)
    words = _WORD.findall(code)
    bound = {word for targets in _FOR.findall(code) for word in _WORD.findall(targets)}
    bound.update(re.findall(r"(?<![\w.])(\w+)\s*\??(?::(?!:)|=(?!=))", code))  # arguments by name, variables
    return tuple(
        name
        for name in dict.fromkeys(words)
        if (len(name) >= 4 or not name.isascii())
        and name not in bound
        and name not in _common()
        and counts[name] == words.count(name)
        and path not in defining.get(name, ())
        and 1 <= len(defining.get(name, ())) <= _MAX_DEFINING_FILES
    )


def _without_strings(line: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'|`[^`]*`|(?:#|//).*", " ", line)


def _after_dot(line: str, names: Sequence[str]) -> int | None:
    """Return where the first of the names stands after `object.`, if it does."""
    for name in names:
        if match := re.search(rf"\w\??\.({re.escape(name)})\b", line):
            return match.start(1)
    return None


def _is_code(row: ContextRow) -> bool:
    language = languages.find("", row.path)
    return parsing.place_kind(row.prefix + row.middle, row.suffix, language) == "code"
