"""What each policy of `bench context` puts in front of the model for a row, at the same budget.

`none` nothing; `similar` the chunks of other files that share most words with the lines around the cursor, as
llama.vim measures likeness and with every file of the repository to choose from; `ours` what
`context.gather` chooses. The row's file is on disk and in the index as the row has it, without the line.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.bench.context.rows import ContextRow, sources
from qwen_lsp.bench.replay.llama_vim import CHUNK_LINES, MIN_CHUNK_LINES
from qwen_lsp.context.gather import gather
from qwen_lsp.index import database
from qwen_lsp.index.building import Builder
from qwen_lsp.index.reader import Index
from qwen_lsp.model.tokens import estimate
from qwen_lsp.text import Cursor, Document

ARMS = ("none", "similar", "ours")

_WORD = re.compile(r"\w+")
_MAX_CHUNKS = 30
# Whether a busy machine is late is another question than what is found.
_PATIENCE_MS = 10_000.0
Files = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Chunk:
    path: str
    first: int
    lines: tuple[str, ...]
    words: frozenset[str]


class Repository:
    """A copy of a repository, indexed, whose files can be replaced by rows."""

    def __init__(self, name: str, root: Path, folder: Path) -> None:
        self.name = name
        self.root = folder / name
        shutil.copytree(root, self.root)
        self._builder = Builder(self.root)
        self._builder.update()
        self._index = Index(self.root)
        self._chunks = [chunk for path, text in sources(self.root).items() for chunk in _chunks(path, text)]

    def close(self) -> None:
        """Let go of the index, which is of no use to anybody else."""
        self._index.close()
        self._builder.close()
        database.delete(self._index.file)

    def files(self, arm: str, row: ContextRow, budget_tokens: int) -> tuple[Files, float]:
        """Return what an arm shows for a row, and the milliseconds that `ours` took to choose it."""
        if arm == "none":
            return (), 0.0
        if arm == "similar":
            return self._similar(row, budget_tokens), 0.0
        with self._replaced(row):
            gathered = gather(
                cursor(row), row.path, self._index, budget_tokens, estimate, deadline_ms=_PATIENCE_MS
            )
        return gathered.files, gathered.elapsed_ms

    @contextlib.contextmanager
    def _replaced(self, row: ContextRow) -> Iterator[None]:
        """Have the row's text on disk and in the index, as it is when somebody is about to write the line."""
        file = self.root / row.path
        before = file.read_bytes()
        file.write_text(row.text, encoding="utf-8", newline="")
        try:
            self._builder.update([row.path])
            yield
        finally:
            file.write_bytes(before)
            self._builder.update([row.path])

    def _similar(self, row: ContextRow, budget_tokens: int) -> Files:
        document = cursor(row).document
        line, half = document.line_of(len(row.prefix)), CHUNK_LINES // 2
        around = range(max(line - half, 0), min(line + half, document.line_count))
        here = frozenset(_WORD.findall("\n".join(document.line(number) for number in around)))
        others = [chunk for chunk in self._chunks if chunk.path != row.path]
        others.sort(key=lambda chunk: (-_likeness(chunk.words, here), chunk.path, chunk.first))
        found: list[tuple[str, str]] = []
        left = budget_tokens
        for chunk in others[:_MAX_CHUNKS]:
            left -= estimate(chunk.path) + 4
            lines = []
            for text in chunk.lines:
                left -= estimate(text + "\n")
                if left < 0:
                    break
                lines.append(text)
            if lines:
                found.append((chunk.path, "\n".join(lines)))
            if left < 0:
                break
        return tuple(reversed(found))


def cursor(row: ContextRow) -> Cursor:
    """Return the cursor of a row."""
    return Cursor(Document(f"file:///{row.path}", row.text, path=row.path), len(row.prefix))


def recalled(row: ContextRow, files: Files) -> list[bool]:
    """Tell for each name of the answer that only other files know whether the files hold it."""
    words = set(_WORD.findall("\n".join(text for _, text in files)))
    return [name in words for name in row.names]


def _chunks(path: str, text: str) -> Iterator[_Chunk]:
    lines = text.split("\n")
    size = CHUNK_LINES // 2  # what llama.vim picks out of a region
    for first in range(0, len(lines), size):
        part: Sequence[str] = lines[first : first + size]
        if len(part) >= MIN_CHUNK_LINES:
            yield _Chunk(path, first, tuple(part), frozenset(_WORD.findall("\n".join(part))))


def _likeness(first: frozenset[str], second: frozenset[str]) -> float:
    return 2 * len(first & second) / (len(first) + len(second)) if first or second else 1.0
