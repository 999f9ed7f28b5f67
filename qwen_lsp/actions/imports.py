"""Imports: which line brings a name in, and where it belongs in a file.

Imports that come along in an answer move up to the file's own; those the file has are dropped.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath

from qwen_lsp.actions.task import RepositoryContext, Task
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import Document, Edit, Span

_IMPORT = re.compile(
    r"(import\s+[\w.*{} ,]+(\s+as\s+\w+)?(\s+from\s+['\"][^'\"]+['\"])?;?|from\s+[\w.]+\s+import\s+[\w, *]+"
    r"|const\s+[\w{} ,]+\s*=\s*require\(['\"][^'\"]+['\"]\);?)\s*$"
)
_MAX_IMPORT_CHARS = 500
# What stands above the imports of a file: comments, a docstring, `use strict`.
_HEAD = re.compile(
    r"\s*(#[^\n]*\n|//[^\n]*\n|\s)*([rRuU]?(\"\"\"|''').*?\3[^\n]*\n?|['\"]use strict['\"];?\n)?", re.DOTALL
)

# Packages of the standard libraries by the name that code uses. Source: pkg.go.dev/std, java.base.
_GO_PATHS = """
    bufio bytes context errors flag fmt io log math os path reflect regexp runtime slices sort strconv
    strings sync testing time unicode crypto/md5 crypto/sha256 database/sql encoding/base64 encoding/csv
    encoding/hex encoding/json io/fs log/slog math/big net/http net/url os/exec os/signal path/filepath
    sync/atomic unicode/utf8
"""
GO = {path.rsplit("/", 1)[-1]: path for path in _GO_PATHS.split()}
_JAVA_CLASSES = {
    "java.util": """
        ArrayList Arrays Collection Collections Comparator Date HashMap HashSet Iterator LinkedHashMap
        LinkedHashSet LinkedList List Map Objects Optional Queue Random Set TreeMap TreeSet UUID
    """,
    "java.util.concurrent": "CompletableFuture ConcurrentHashMap CountDownLatch Executors Future TimeUnit",
    "java.util.function": "BiConsumer BiFunction Consumer Function Predicate Supplier",
    "java.util.stream": "Collectors IntStream Stream",
    "java.io": "BufferedReader File IOException InputStream OutputStream UncheckedIOException",
    "java.nio.file": "Files Path Paths",
    "java.nio.charset": "StandardCharsets",
    "java.time": "Duration Instant LocalDate LocalDateTime ZoneId",
    "java.math": "BigDecimal BigInteger",
}
JAVA = {name: package for package, names in _JAVA_CLASSES.items() for name in names.split()}


def split(answer: str) -> tuple[list[str], str]:
    """Part the imports that an answer begins with from the rest."""
    lines = answer.split("\n")
    n_above = next((at for at, line in enumerate(lines) if line.strip() and not _is_import(line)), len(lines))
    found = [line.strip() for line in lines[:n_above] if line.strip()]
    return found, "\n".join(lines[n_above:])


def one_by_one(text: str) -> str:
    """Write each path of a block of imports in Go as an import of its own."""

    def apart(match: re.Match[str]) -> str:
        paths = (line.split("//")[0].strip() for line in match[1].split("\n"))
        return "\n".join(f"import {path}" for path in paths if path)

    return re.sub(r"^import[ \t]*\(([^()]*)\)", apart, text, flags=re.MULTILINE)


def in_head(head: str, lines: list[str]) -> str:
    """Add imports to what a new file begins with: below its package clause, if it has one."""
    added = "".join(f"{line}\n" for line in lines)
    package = re.match(r"package\s+[\w.]+;?\n\n?", head)
    at = package.end() if package is not None else 0
    return head[:at] + added + head[at:]


def _is_import(line: str) -> bool:
    """Whether a line is one import; a run of blanks counts as one, which keeps the expression quick."""
    if len(line) > _MAX_IMPORT_CHARS or line[:1].isspace():
        return False
    return _IMPORT.match(" ".join(line.split())) is not None


def below(document: Document) -> int:
    """Return the offset below the imports at the top of a file: where another one belongs."""
    head = _HEAD.match(document.text)
    first = document.line_of(head.end()) if head and head[2] else 0
    while first < document.line_count - 1 and re.match(r"#|//", document.line(first)):
        first += 1
    package = next((n for n in range(first, document.line_count) if document.line(n).strip()), first)
    if re.match(r"package\s+[\w.]+;?\s*$", document.line(package)):
        first = package + 1
    last = first
    for number in range(first, document.line_count):
        line = document.line(number)
        if _is_import(line):
            last = number + 1
        elif re.match(r"(def|class|@|async def|if __name__|function|export)\b", line):
            break
        elif re.match(r"(from\s.*|import\s*)[({]\s*$", line):  # one that goes over several lines
            end = next(
                (n for n in range(number, document.line_count) if re.match(r"[)}]", document.line(n))), number
            )
            last = end + 1
    return document.starts[last] if last < document.line_count else len(document.text)


def line_for(name: str, task: Task, context: RepositoryContext) -> str:
    """Return the line that brings a name in: from the language's own library or the repository; or ""."""
    language = task.language.id if task.language is not None else ""
    if language == "python" and name in sys.stdlib_module_names:
        return f"import {name}"
    if language == "go" and name in GO:
        return f'import "{GO[name]}"'
    if language == "java" and name in JAVA:
        return f"import {JAVA[name]}.{name};"
    return context.importing(name)


def added(document: Document, lines: list[str], language: Language | None = None) -> Edit | None:
    """Return the edit that adds the imports that the file lacks, None where it has them all."""
    have = {line.strip().rstrip(";") for line in document.text.split("\n")}
    missing = [line for line in dict.fromkeys(lines) if line.rstrip(";") not in have]
    if not missing:
        return None
    if language is not None and language.id == "go":
        return _added_in_go(document, [line.removeprefix("import ") for line in missing])
    at, ending = below(document), document.line_ending
    is_first = at > 0 and document.text[:at].rstrip().split("\n")[-1].startswith("package ")
    return Edit(Span(at, at), (ending if is_first else "") + "".join(f"{line}{ending}" for line in missing))


def _added_in_go(document: Document, paths: list[str]) -> Edit:
    """Add to the block of imports, in order; else after the last import or the package clause."""
    ending = document.line_ending
    block = re.search(r"^import \([ \t]*\r?\n", document.text, re.MULTILINE)
    if block is not None:
        at = block.end()
        for line in re.compile(r"[^\n]*\n").finditer(document.text, at):
            path = re.search(r'"[^"]+"', line.group())
            if path is None or path.group() > paths[0]:
                break
            at = line.end()
        return Edit(Span(at, at), "".join(f"\t{path}{ending}" for path in paths))
    last = list(re.finditer(r"^(import\s+\S.*|package\s+\w+)\r?\n", document.text, re.MULTILINE))
    at = last[-1].end() if last else 0
    is_first = bool(last) and last[-1].group().startswith("package")
    lines = "".join(f"import {path}{ending}" for path in paths)
    return Edit(Span(at, at), (ending if is_first else "") + lines)


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
