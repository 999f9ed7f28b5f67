"""`bench commit-messages`: our messages for commits of a clone, compared with what their authors wrote.

Right language: both have Chinese characters, or neither. Right kind: the same conventional type, where the
author gave one. Right symbol: where the author named a definition or a file that the commit touched, we name
one of those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from qwen_lsp import git
from qwen_lsp.errors import InputError
from qwen_lsp.review.change.change import Change, from_git
from qwen_lsp.review.message import skeleton, style
from qwen_lsp.text import has_han

_TYPE = re.compile(r"^(\w+)(?:\([^)]*\))?!?: ")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Compared:
    """One commit: both messages, and what agrees; None where the author gave nothing to compare with."""

    commit: str
    theirs: str
    ours: str
    language: bool
    kind: bool | None
    symbol: bool | None


def run(clone: Path, n: int) -> Iterator[Compared]:
    """Write messages for the newest `n` commits that are no merges. Raises: InputError without a clone."""
    root = clone.resolve()
    listed = git.output(root, "log", "--no-merges", f"-n{n}", "--format=%H%x1f%P%x1f%s", "HEAD").decode(
        "utf-8", "replace"
    )
    for line in listed.splitlines():
        commit, parent, theirs = line.split("\x1f", 2)
        if not parent:
            continue
        try:
            change = from_git(root, "range", f"{parent}..{commit}")
        except InputError:  # a clone may lack some of its objects
            continue
        ours = skeleton.write(change, style.of_repository(root, parent))
        yield Compared(
            commit[:12],
            theirs,
            ours,
            has_han(theirs) == has_han(ours),
            _same_kind(theirs, ours),
            _same_symbol(change, theirs, ours),
        )


def _same_kind(theirs: str, ours: str) -> bool | None:
    one, other = _TYPE.match(theirs), _TYPE.match(ours)
    return None if one is None else other is not None and one[1] == other[1]


def _same_symbol(change: Change, theirs: str, ours: str) -> bool | None:
    names = {touched.name.lower() for touched in skeleton.symbols(change)}
    names |= {PurePosixPath(file.path).stem.lower() for file in change.files}
    named = names & {word.lower() for word in _WORD.findall(_TYPE.sub("", theirs))}
    return bool(named & {word.lower() for word in _WORD.findall(ours)}) if named else None


def summary(rows: list[Compared]) -> str:
    """Write the three shares."""
    lines = [f"{len(rows)} commits"]
    for name in ("language", "kind", "symbol"):
        values = [value for row in rows if (value := getattr(row, name)) is not None]
        lines.append(f"{name}\t{sum(values)} of {len(values)}")
    return "\n".join(lines) + "\n"
