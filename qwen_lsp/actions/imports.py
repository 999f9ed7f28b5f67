"""Imports that come along in an answer: those the file has go, the others move up to the file's own."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from qwen_lsp.text import Document, Edit, Span

_IMPORT = re.compile(
    r"(import\s+[\w.*{} ,]+(\s+as\s+\w+)?(\s+from\s+['\"][^'\"]+['\"])?;?|from\s+[\w.]+\s+import\s+[\w, *]+"
    r"|const\s+[\w{} ,]+\s*=\s*require\(['\"][^'\"]+['\"]\);?)\s*$"
)
# What stands above the imports of a file: comments, a docstring, `use strict`.
_HEAD = re.compile(
    r"\s*(#[^\n]*\n|//[^\n]*\n|\s)*([rRuU]?(\"\"\"|''').*?\3[^\n]*\n?|['\"]use strict['\"];?\n)?", re.DOTALL
)


def split(answer: str) -> tuple[list[str], str]:
    """Part the imports that an answer begins with from the rest."""
    lines = answer.split("\n")
    found: list[str] = []
    while lines and (not lines[0].strip() or _IMPORT.match(lines[0])):
        if line := lines.pop(0).strip():
            found.append(line)
    return found, "\n".join(lines)


def below(document: Document) -> int:
    """Return the offset below the imports at the top of a file: where another one belongs."""
    head = _HEAD.match(document.text)
    first = document.line_of(head.end()) if head and head[2] else 0
    while first < document.line_count - 1 and re.match(r"#|//", document.line(first)):
        first += 1
    last = first
    for number in range(first, document.line_count):
        line = document.line(number)
        if _IMPORT.match(line):
            last = number + 1
        elif re.match(r"(def|class|@|async def|if __name__|function|export)\b", line):
            break
        elif re.match(r"(from\s.*|import\s*)[({]\s*$", line):  # one that goes over several lines
            end = next(
                (n for n in range(number, document.line_count) if re.match(r"[)}]", document.line(n))), number
            )
            last = end + 1
    return document.starts[last] if last < document.line_count else len(document.text)


def added(document: Document, lines: list[str]) -> Edit | None:
    """Return the edit that adds the imports that the file lacks, None where it has them all."""
    have = {line.strip().rstrip(";") for line in document.text.split("\n")}
    missing = [line for line in dict.fromkeys(lines) if line.rstrip(";") not in have]
    if not missing:
        return None
    at = below(document)
    return Edit(Span(at, at), "".join(f"{line}{document.line_ending}" for line in missing))


def module_of(root: Path, path: PurePosixPath) -> str:
    """Return the dotted name that a module is imported by: from where its packages begin."""
    parts = list(path.with_suffix("").parts)
    first = len(parts) - 1
    while first > 0 and (root / Path(*parts[:first]) / "__init__.py").is_file():
        first -= 1
    # A package without `__init__.py` below the root is one all the same, unless it is a source folder.
    if first == len(parts) - 1 and first > 0 and parts[0] not in ("src", "lib", "scripts", "tools"):
        first = 0
    dotted = parts[first:]
    return ".".join(dotted[:-1] if dotted[-1] == "__init__" and len(dotted) > 1 else dotted)
