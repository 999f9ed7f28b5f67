"""`bench review --undo-fixes`: fixes that people made, taken back, so that the bug is the change.

A fix is a commit that says so and changes few lines of few source files. What it fixed in sources is undone
on top of it. A bug is found by a finding on one of its lines or next to one, or caused by them in the same
file. ruff's default selection is asked the same; so is another build of this program, as a command.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from qwen_lsp import git
from qwen_lsp.bench.review.cases import changed_lines
from qwen_lsp.bench.review.history import AS_SHOWN
from qwen_lsp.review import reviewer
from qwen_lsp.review.change import git as objects
from qwen_lsp.review.change.change import Change, ChangedFile, compare
from qwen_lsp.review.find import ruff
from qwen_lsp.review.finding import Finding, introduced
from qwen_lsp.syntax.rules import is_test_path
from qwen_lsp.text import decode

_FIX = re.compile(r"(?i)\b(?:fix(?:e[sd]|ing)?|bug(?:fix)?|crash(?:es)?|regression|broken|race)\b")
_NO_FIX = re.compile(
    r"(?i)\b(?:typos?|docs?|documentation|docstrings?|comments?|readme|changelog|lint(?:er|ing)?|flake8|mypy|typing|"
    r"ci|build|tests?|format(?:ting)?|style|spelling|grammar|links?|merge|revert|bump|release|"
    r"ruff|pylint|eslint|(?:UP|SIM|RUF|PL[CERW]|[BCEFIW])\d{3,4})\b"
)
_SOURCES = {
    ".py": "Python", ".go": "Go", ".java": "Java", ".js": "JavaScript", ".mjs": "JavaScript",
    ".cjs": "JavaScript", ".ts": "TypeScript", ".tsx": "TypeScript",
}  # fmt: skip
_NO_SOURCE = re.compile(
    r"(?:^|/)(?:docs?|examples?|dist|vendor|node_modules|scripts|runtime-tests)/|\.d\.ts$"
)
_MAX_FILES = 3
_MAX_LINES = 20


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix: its commit, the one before, and the source files that it changed."""

    commit: str
    parent: str
    subject: str
    paths: tuple[str, ...]

    @property
    def language(self) -> str:
        """The language of the first file."""
        return _SOURCES[Path(self.paths[0]).suffix]


@dataclass(frozen=True, slots=True)
class Undone:
    """What was found of one undone fix: a line `rule path:line message` for each finding of each arm.

    `remarks` are those that a reader is not shown unasked.
    """

    fix: Fix
    ours: tuple[str, ...]
    remarks: tuple[str, ...]
    ruff: tuple[str, ...]
    build: tuple[str, ...]


def fixes(root: Path, n: int) -> list[tuple[Fix, Change]]:
    """List the newest `n` fixes of a clone, each with the change that takes it back.

    Raises: InputError when the folder is no clone.
    """
    # `--raw` and not `--numstat`: it needs no contents, and a clone may lack some.
    listed = git.output(
        root, "log", "--no-merges", "--no-renames", "--format=%x1e%H%x1f%P%x1f%s", "--raw", "HEAD"
    ).decode("utf-8", "replace")
    found: list[tuple[Fix, Change]] = []
    for entry in listed.split("\x1e")[1:]:
        head, *rows = entry.split("\n")
        commit, parents, subject = head.split("\x1f", 2)
        if " " in parents or not parents or not _FIX.search(subject) or _NO_FIX.search(subject):
            continue
        sources = [path for row in rows if " M\t" in row and is_source(path := row.split("\t")[-1])]
        fix = Fix(commit, parents, subject, tuple(sources))
        if 0 < len(sources) <= _MAX_FILES and 0 < _n_lines(change := undone(root, fix)) <= _MAX_LINES:
            found.append((fix, change))
        if len(found) == n:
            break
    return found


def _n_lines(change: Change) -> int:
    return sum(
        line.kind != "context" for file in change.files for hunk in file.patch.hunks for line in hunk.lines
    )


def is_source(path: str) -> bool:
    """Whether a path is one of the sources that fixes are looked for in: no tests, scripts or examples."""
    return Path(path).suffix in _SOURCES and not is_test_path(path) and not _NO_SOURCE.search(path)


def run(root: Path, n: int, build: Sequence[str] = ()) -> Iterator[Undone]:
    """Undo the newest fixes of a clone, one at a time, and look for what finds them.

    `build` is the command of another build of this program; the clone gets a commit for each of its rows.
    """
    root = root.resolve()
    for fix, change in fixes(root, n):
        lines = {file.path: changed_lines(file.before or "", file.after or "") for file in change.files}
        report = asyncio.run(reviewer.review(change, AS_SHOWN))
        by_build = _by_build(root, fix, build, lines) if build else ()
        ours, remarks = _near(report.findings, lines), _near(report.remarks, lines)
        yield Undone(fix, ours, remarks, _by_ruff(change, lines), by_build)


def _near(found: Sequence[Finding], lines: dict[str, set[int]]) -> tuple[str, ...]:
    return tuple(
        _row(one.rule, one.path, one.start_line, one.message)
        for one in found
        if one.is_caused or _is_near(one.start_line, one.end_line, lines.get(one.path, set()))
    )


def undone(root: Path, fix: Fix) -> Change:
    """Make the change that takes a fix back in its sources."""
    names = [f"{commit}:{path}" for path in fix.paths for commit in (fix.commit, fix.parent)]
    blobs = iter(objects.blobs(root, names))
    files = []
    for path, fixed, buggy in zip(fix.paths, blobs, blobs, strict=True):
        if fixed is None or buggy is None:  # added or deleted by the fix
            continue
        before, after = decode(fixed)[0], decode(buggy)[0]
        files.append(ChangedFile(compare(path, before, after), before, after))
    return Change(fix.subject, tuple(files), root=root, base=fix.commit, head=fix.parent)


def _is_near(first: int, last: int, lines: set[int]) -> bool:
    return any(number in lines for number in range(first - 1, last + 2))


def _row(rule: str, path: str, line: int, message: str) -> str:
    return f"{rule} {path}:{line} {message}"


def _by_ruff(change: Change, lines: dict[str, set[int]]) -> tuple[str, ...]:
    python = [file for file in change.files if file.path.endswith(".py")]
    after, before = (
        ruff.run([ruff.Source(file.path, text or "") for file, text in side], selection="defaults")
        for side in (
            [(file, file.after) for file in python],
            [(file, file.before) for file in python],
        )
    )
    return tuple(
        _row(one.rule, one.path, one.start_line, one.message)
        for file in python
        for one in introduced(after.get(file.path, ()), before.get(file.path, ()), file.patch.added)
        if one.is_caused or _is_near(one.start_line, one.end_line, lines[file.path])
    )


class _Place(msgspec.Struct):
    line: int


class _Range(msgspec.Struct):
    start: _Place
    end: _Place


class _Reported(msgspec.Struct):
    rule: str
    path: str
    range: _Range
    message: str


class _Report(msgspec.Struct):
    findings: list[_Reported]


def _by_build(root: Path, fix: Fix, build: Sequence[str], lines: dict[str, set[int]]) -> tuple[str, ...]:
    head = _committed(root, fix)
    command = [*build, "review", "--no-model-pass", "--format", "json", f"{fix.commit}..{head}"]
    done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    report = msgspec.json.decode(done.stdout, type=_Report)
    return tuple(
        _row(one.rule, one.path, one.range.start.line, one.message)
        for one in report.findings
        if _is_near(one.range.start.line, one.range.end.line, lines.get(one.path, set()))
    )


def _committed(root: Path, fix: Fix) -> str:
    """Write a commit that undoes a fix on top of it; no branch and no file of the clone changes."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"

        def write(*arguments: str, stdin: bytes = b"") -> str:
            done = git.output(root, *arguments, stdin=stdin, index_file=index, may_write=True)
            return done.decode().strip()

        write("read-tree", fix.commit)
        listed = git.output(root, "ls-tree", "-r", "-z", fix.parent, "--", *fix.paths)
        write("update-index", "-z", "--index-info", stdin=listed)
        tree = write("write-tree")
        names = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
        return write(*names, "commit-tree", tree, "-p", fix.commit, "-m", "undone")


def summary(rows: Sequence[Undone], *, with_build: bool) -> str:
    """Write a table: undone fixes of each language, and how many each arm finds."""
    lines = [
        "language\tfixes\tfound\twith remarks\truff's defaults" + ("\tother build" if with_build else "")
    ]
    for language in (*dict.fromkeys(row.fix.language for row in rows), "all"):
        some = [row for row in rows if language in (row.fix.language, "all")]
        counts = [
            len(some),
            *(sum(bool(arm) for arm in arms) for arms in zip(*map(_arms, some), strict=True)),
        ]
        lines.append("\t".join([language, *map(str, counts if with_build else counts[:-1])]))
    return "\n".join(lines) + "\n"


def _arms(row: Undone) -> tuple[tuple[str, ...], ...]:
    return row.ours, row.ours + row.remarks, row.ruff, row.build
