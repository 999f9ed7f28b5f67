"""A short map of a repository: its most used files and in them the definitions the others use, by rank.

Read from the index alone; the ranks were computed when it was built (ranks.py).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from qwen_lsp.index.reader import Index

# A token of code is some three and a half characters; a map need not be exact.
_CHARS_PER_TOKEN = 3.5
_MAX_FILES = 400
_MAX_IN_FILE = 12
_MAX_CHARS = 120
_PRIVATE = 0.3  # what a private name is worth beside a public one
_KINDS = ("class", "interface", "enum", "struct", "trait", "function", "method", "macro", "type", "table")


@dataclass(frozen=True, slots=True)
class MapEntry:
    """A definition worth its line, at an offset. `users`: how many files use its name."""

    kind: str
    name: str
    container: str
    signature: str
    start: int
    users: int


@dataclass(frozen=True, slots=True)
class MapFile:
    """A file of the map, with its rank (1 is the mean of the repository) and its entries in their order."""

    path: str
    rank: float
    entries: tuple[MapEntry, ...]


def repository_map(index: Index, *, budget_tokens: int) -> list[MapFile]:
    """Return the files and definitions that fit the budget, the highest rank first.

    A definition is worth the rank of its file, times how many files use its name, shared with its namesakes.
    """
    rows = index.rows_for_map(_KINDS, _MAX_FILES)
    by_file: dict[tuple[str, float], list[tuple[float, MapEntry]]] = defaultdict(list)
    for path, rank, kind, name, container, signature, start, users, definers in rows:
        entry = MapEntry(kind, name, container, _short(signature), start, users)
        is_private = name.startswith("_") and not name.startswith("__")
        weight = rank * math.log(1 + users) / definers * (_PRIVATE if is_private else 1.0)
        by_file[path, rank].append((weight, entry))
    candidates = sorted(
        (
            (-weight, place, path, rank, entry)
            for (path, rank), entries in by_file.items()
            for place, (weight, entry) in enumerate(sorted(entries, key=lambda pair: -pair[0])[:_MAX_IN_FILE])
            if entry.users
        ),
        key=lambda candidate: candidate[:3],
    )
    kept: dict[tuple[str, float], list[MapEntry]] = {}
    left = budget_tokens * _CHARS_PER_TOKEN
    for _, _, path, rank, entry in candidates:
        cost = len(entry.signature) + 6 + (0 if (path, rank) in kept else len(path) + 2)
        if cost <= left:
            left -= cost
            kept.setdefault((path, rank), []).append(entry)
    return [
        MapFile(path, rank, tuple(sorted(entries, key=lambda entry: entry.start)))
        for (path, rank), entries in sorted(kept.items(), key=lambda item: (-item[0][1], item[0][0]))
    ]


def _short(signature: str) -> str:
    return signature if len(signature) <= _MAX_CHARS else f"{signature[: _MAX_CHARS - 1]}…"


def as_text(files: list[MapFile]) -> str:
    """Write a map as a tree: a line for each file, below it the signatures, members deeper."""
    lines = []
    for file in files:
        lines.append(f"{file.path}:")
        lines += [f"  {'  ' * _depth(entry)}{entry.signature}" for entry in file.entries]
    return "\n".join(lines)


def _depth(entry: MapEntry) -> int:
    return entry.container.count(".") + 1 if entry.container else 0
