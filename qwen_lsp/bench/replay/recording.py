"""Traces from the history of a git repository: each added run of lines is typed in again.

Git is asked through its own program, for facts only (which lines, which blobs); the format is the
business of `traces`, the rhythm that of `typist`. Repositories are a stranger's: nothing of one is run.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from qwen_lsp import git
from qwen_lsp.bench.replay.traces import Trace, cut_lines
from qwen_lsp.bench.replay.typist import typed
from qwen_lsp.errors import InputError
from qwen_lsp.syntax import languages

# Shorter than this is a correction, which no completion could have spared anyone.
MIN_CHARS = 20
# What stays open in an editor beside the file at hand, and what a project's neighbourhood weighs.
_MAX_VISITED = 3
_MAX_FILES_CHARS = 200_000
_NOT_CODE = frozenset({"json", "markdown"})  # data, and prose that is edited by paragraph

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")  # git's lines end at LF, unlike `str.splitlines`
_PATCH = ("-p", "-U0", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv")
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's name for a tree without files


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines `first_old` to `first_old + n_old` became `first_new` to `first_new + n_new`; all 0-based."""

    first_old: int
    n_old: int
    first_new: int
    n_new: int


def record(
    repository: Path, commits: Sequence[str], *, key_ms: float, seed: int, max_chars: int, max_traces: int
) -> list[Trace]:
    """Make traces of the lines that commits (or ranges such as `v1..v2`) added to source files.

    Raises: InputError when git does not know a commit, or when nothing in them can be typed.
    """
    listed = _git(
        repository, "rev-list", "--no-walk=unsorted", "--no-merges", "--end-of-options", *commits, "--"
    )
    traces: list[Trace] = []
    for commit in listed.split():
        for trace in _of_commit(repository, commit, key_ms, seed, max_chars):
            if len(traces) == max_traces:
                return traces
            traces.append(trace)
    if not traces:
        raise InputError(f"{repository}: no source file got {MIN_CHARS} characters or more in these commits")
    return traces


def _of_commit(repository: Path, commit: str, key_ms: float, seed: int, max_chars: int) -> Iterator[Trace]:
    parents = _git(repository, "rev-list", "--parents", "--max-count=1", commit).split()[1:]
    parent = parents[0] if parents else _EMPTY_TREE
    status = _git(
        repository, "diff-tree", "-r", "-z", "--no-renames", "--name-only", "--diff-filter=AM", parent, commit
    )
    changed = [name for name in status.split("\0") if name]
    tree = [
        name for name in _git(repository, "ls-tree", "-r", "-z", "--name-only", parent).split("\0") if name
    ]
    for path in changed:
        language = languages.find("", path)
        if language is None or language.id in _NOT_CODE:
            continue
        try:
            old = _git(repository, "cat-file", "blob", f"{parent}:{path}") if path in tree else ""
            new = _git(repository, "cat-file", "blob", f"{commit}:{path}")
        except UnicodeDecodeError:
            continue
        patch = _git(repository, "diff-tree", *_PATCH, parent, commit, "--", path)
        made = list(typed_hunks(old, new, hunks(patch), max_chars))
        if not made:
            continue
        others = [name for name in changed if name != path and name in tree]
        files = _neighbours(repository, parent, path, tree, others)
        visited = tuple([name for name in others if name in files][:_MAX_VISITED])
        for number, (text, at, added) in enumerate(made, start=1):
            name = f"{commit[:10]}:{path}:{number}"
            edits = typed(added, at, key_ms, random.Random(f"{seed}:{name}"))
            yield Trace(name, path, language.id, text, edits, files, None, visited)


def hunks(patch: str) -> list[Hunk]:
    """Read the hunk headers of a patch without context lines."""
    found: list[Hunk] = []
    for match in filter(None, map(_HUNK.match, patch.split("\n"))):
        old, n_old, new, n_new = (int(number) if number is not None else 1 for number in match.groups())
        # Git counts lines from 1, and where a side is empty it names the line before.
        found.append(Hunk(old - (n_old > 0), n_old, new - (n_new > 0), n_new))
    return found


def typed_hunks(old: str, new: str, found: Sequence[Hunk], max_chars: int) -> Iterator[tuple[str, int, str]]:
    """Yield, for each hunk worth typing, the text before it, the cursor, and what is typed there.

    Earlier hunks are in the text already, later ones are not, and what this one removes is gone.
    """
    old_lines, new_lines = _LINE.findall(old), _LINE.findall(new)
    for hunk in found:
        head = "".join(new_lines[: hunk.first_new])
        tail = "".join(old_lines[hunk.first_old + hunk.n_old :])
        lines = "".join(new_lines[hunk.first_new : hunk.first_new + hunk.n_new])
        line_end = "\r\n" if head.endswith("\r\n") else "\n" if head.endswith("\n") else ""
        added = cut_lines(lines.rstrip("\r\n"), max_chars)
        if len(added.strip()) < MIN_CHARS:
            continue
        if line_end:  # Enter at the end of the line above
            yield head + tail, len(head) - len(line_end), line_end + added
        else:
            yield tail, 0, added + "\n"


def _neighbours(
    repository: Path, commit: str, path: str, tree: Sequence[str], first: Sequence[str]
) -> dict[str, str]:
    """Return the texts of the files nearest to `path`, `first` ones first, as many as the bound allows."""

    def read() -> Iterator[tuple[str, str]]:
        for name in nearest(path, tree, first):
            try:
                yield name, _git(repository, "cat-file", "blob", f"{commit}:{name}")
            except UnicodeDecodeError:
                continue

    return within_bound(read())


def nearest(path: str, tree: Iterable[str], first: Sequence[str] = ()) -> list[str]:
    """Return the other files with the extension of `path`: `first` ones first, then by distance."""
    suffix = PurePosixPath(path).suffix
    return sorted(
        (name for name in tree if PurePosixPath(name).suffix == suffix and name != path),
        key=lambda name: (name not in first, _distance(name, path), name),
    )


def within_bound(files: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Take files as long as they fit the bound of a trace."""
    texts: dict[str, str] = {}
    left = _MAX_FILES_CHARS
    for name, text in files:
        if len(text) > left:
            break
        texts[name] = text
        left -= len(text)
    return texts


def _distance(name: str, path: str) -> int:
    """The number of folders that one has to go up and down between two files."""
    ours, theirs = PurePosixPath(path).parent.parts, PurePosixPath(name).parent.parts
    shared = 0
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            break
        shared += 1
    return len(ours) + len(theirs) - 2 * shared


def _git(repository: Path, *arguments: str) -> str:
    """Ask git.

    Raises: InputError with git's own words; UnicodeDecodeError for a blob that is no text.
    """
    try:
        return git.output(repository, "-c", "core.quotePath=false", *arguments).decode("utf-8")
    except InputError as error:
        raise InputError(f"{repository}: {error}") from error
