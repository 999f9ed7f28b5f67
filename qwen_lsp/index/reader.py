"""The index of one workspace root as its readers see it: definitions, imports, references, words, text.

Reading never waits, never writes and never raises: where there is no index yet, or a damaged one, every
answer is empty and `problem` says why (invariant 6). What an open editor holds wins over what was indexed
from the disk (invariant 4). Paths are relative to the root, with forward slashes; spans are offsets in
code points of the text that `text_of` gives.
"""

from __future__ import annotations

import logging
import math
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path
from typing import Any

from cachetools import LRUCache

from qwen_lsp import files
from qwen_lsp.index import database
from qwen_lsp.index.extract import Extract, extract, module_stem, path_stem
from qwen_lsp.index.overlay import IndexedDefinition as IndexedDefinition
from qwen_lsp.index.overlay import Overlay
from qwen_lsp.index.source import MAX_NOTEBOOK_BYTES, source_text
from qwen_lsp.syntax.outline import Import
from qwen_lsp.text import Span

log = logging.getLogger(__name__)

# Most rows of the word table that one search may touch: keeps it at about 2 ms in any repository.
_SEARCH_POSTINGS = 2500
# Looking for a file that was rebuilt costs as much as a small query: not before each of a hundred.
_LOOK_S = 0.02
# BM25, Robertson and Zaragoza 2009, with each word counted once in a piece.
_K1, _B = 1.2, 0.75
# What is kept in memory of files that were read: so many numbers, and texts of so many characters together.
_IDS_KEPT, _TEXT_CHARS_KEPT = 512, 4_000_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a file that share words with what was looked for; the higher the score the better."""

    path: str
    span: Span
    score: float


_BEGINNING = """
    SELECT name, (SELECT count(*) FROM (SELECT 1 FROM refs WHERE name_id = names.id LIMIT ?4))
    FROM names WHERE name >= ?1 AND name < ?2 ORDER BY name LIMIT ?3"""
_MAX_NAMES, _MAX_FILES_COUNTED = 64, 20


class Index:
    """The read side of one root's index. For one thread at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = database.index_file(root)
        self.problem = ""
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        self._overlays: dict[str, Overlay] = {}
        self._overlay_changes = 0
        self._looked = 0.0
        self._file_ids: LRUCache[str, int] = LRUCache(_IDS_KEPT)
        self._texts: LRUCache[str, tuple[tuple[int, int], str]] = LRUCache(
            _TEXT_CHARS_KEPT, getsizeof=lambda kept: len(kept[1])
        )

    # --- what is known -----------------------------------------------------------------------------

    @property
    def epoch(self) -> tuple[int, ...]:
        """A value that changes whenever an answer may have changed; compare it for equality only."""
        self._looked = 0.0
        rows = self._rows("SELECT value FROM meta WHERE key = 'epoch'")
        return (*(self._opened or (0, 0)), rows[0][0] if rows else 0, self._overlay_changes)

    def names_beginning(self, letters: str) -> dict[str, int]:
        """Return names that begin with these letters, each with the number of its files, up to a bound.

        Cost: of two bounds, so it does not grow with the repository. Names of open editors that were not
        saved are not among them.
        """
        if not letters:
            return {}
        last = letters[:-1] + chr(ord(letters[-1]) + 1)
        rows = self._rows(_BEGINNING, letters, last, _MAX_NAMES, _MAX_FILES_COUNTED)
        return {name: max(n, 1) for name, n in rows}

    def definitions_named(
        self, names: Iterable[str], *, limit: int = 8, near: str = ""
    ) -> list[IndexedDefinition]:
        """Return the definitions of these names, at most `limit` of each, those of open editors first.

        With `near`, a path, the ones whose files come closest in the order of paths are preferred, which
        is the same folder first.
        """
        wanted = list(dict.fromkeys(names))
        found = [
            one
            for overlay in self._overlays.values()
            for name in wanted
            for one in overlay.by_name.get(name, ())
        ]
        at = self._file_id(near) if near else None
        for name in wanted:
            rows = self._named(name, limit + len(self._overlays), at)
            found += [row for row in map(_definition, rows) if row.path not in self._overlays][:limit]
        return found

    def _named(self, name: str, limit: int, near: int | None) -> list[Any]:
        if near is None:
            return self._rows(f"{_NAMED} ORDER BY d.file_id LIMIT ?2", name, limit)
        rows = self._rows(_NAMED_NEAR, name, limit, near)
        return sorted(rows, key=lambda row: abs(row[-1] - near))[:limit]

    def definitions_in(self, path: str) -> list[IndexedDefinition]:
        """Return the definitions of a file in their order. In a long file they are many: ask for less."""
        if (overlay := self._overlays.get(path)) is not None:
            return list(overlay.definitions)
        return self._definitions(f"{_IN_FILE} ORDER BY d.number", path)

    def definitions_of(self, path: str, name: str) -> list[IndexedDefinition]:
        """Return the definitions of one name in a file in their order."""
        if (overlay := self._overlays.get(path)) is not None:
            return list(overlay.by_name.get(name, ()))
        return self._definitions(_NAMED_IN_FILE, path, name)

    def members_of(self, path: str, container: str, *, limit: int = 200) -> list[IndexedDefinition]:
        """Return what stands directly in a container of a file, "" for the file itself, in its order."""
        if (overlay := self._overlays.get(path)) is not None:
            return overlay.by_container.get(container, [])[:limit]
        return self._definitions(
            f"{_IN_FILE} AND d.container = ? ORDER BY d.number LIMIT ?", path, container, limit
        )

    def definitions_around(self, path: str, offsets: Sequence[int]) -> list[IndexedDefinition]:
        """Return the definitions of a file that hold one of some offsets, in their order."""
        if (overlay := self._overlays.get(path)) is not None:
            return [
                one
                for one in overlay.definitions
                if any(one.span.start <= offset < one.span.end for offset in offsets)
            ]
        if not offsets:
            return []
        holds = " OR ".join(["? BETWEEN d.start AND d.end - 1"] * len(offsets))
        return self._definitions(f"{_IN_FILE} AND ({holds}) ORDER BY d.number", path, *offsets)

    def _definitions(self, query: str, *values: Any) -> list[IndexedDefinition]:
        return [_definition(row) for row in self._rows(query, *values)]

    def imports_of(self, path: str) -> list[Import]:
        """Return the imports of a file in their order."""
        if (overlay := self._overlays.get(path)) is not None:
            return list(overlay.found.imports)
        query = (
            "SELECT i.module, i.name, i.alias, i.offset FROM files f JOIN imports i ON i.file_id = f.id "
            "WHERE f.path = ? ORDER BY i.number"
        )
        return [Import(*row) for row in self._rows(query, path)]

    def files_importing(self, path: str, *, limit: int = 50) -> list[str]:
        """Return the files with an import that may mean this file: its stem is the import's last part."""
        stem = path_stem(path)
        query = (
            "SELECT f.path FROM imports i JOIN files f ON f.id = i.file_id WHERE i.stem = ?1 "
            "UNION SELECT f.path FROM imports i JOIN files f ON f.id = i.file_id WHERE i.name = ?1 LIMIT ?2"
        )
        open_ones = [
            other
            for other, overlay in self._overlays.items()
            if any(
                stem in (module_stem(entry.module, entry.name), entry.name) for entry in overlay.found.imports
            )
        ]
        return self._unique(open_ones, self._rows(query, stem, limit), path)

    def files_referencing(self, name: str, *, limit: int = 50, near: str = "") -> list[str]:
        """Return the files that use a name: its callers and tests; the closest to `near` first."""
        open_ones = [path for path, overlay in self._overlays.items() if name in overlay.found.references]
        select = (
            "SELECT f.path, r.file_id FROM names n JOIN refs r ON r.name_id = n.id "
            "JOIN files f ON f.id = r.file_id WHERE n.name = ?"
        )
        at = self._file_id(near) if near else None
        if at is None:
            rows = self._rows(f"{select} ORDER BY r.file_id LIMIT ?", name, limit)
        else:
            rows = self._rows(f"{select} AND r.file_id < ? ORDER BY r.file_id DESC LIMIT ?", name, at, limit)
            rows += self._rows(f"{select} AND r.file_id >= ? ORDER BY r.file_id LIMIT ?", name, at, limit)
            rows = sorted(rows, key=lambda row: abs(row[1] - at))[:limit]
        return self._unique(open_ones, rows)

    def first_reference(self, path: str, name: str) -> int | None:
        """Return the offset of the first use of a name in a file; None when it uses none."""
        if (overlay := self._overlays.get(path)) is not None:
            return overlay.found.references.get(name)
        rows = self._rows(
            "SELECT r.offset FROM files f JOIN names n JOIN refs r ON r.file_id = f.id AND r.name_id = n.id "
            "WHERE f.path = ? AND n.name = ?",
            path,
            name,
        )
        return int(rows[0][0]) if rows else None

    def paths_matching(self, stem: str, *, limit: int = 50) -> list[str]:
        """Return the files of a stem: the name without extension; a package's is its folder's."""
        stem = stem.lower()
        open_ones = [path for path in self._overlays if path_stem(path) == stem]
        return self._unique(
            open_ones, self._rows("SELECT path FROM files WHERE stem = ? LIMIT ?", stem, limit)
        )

    def search(self, words: Iterable[str], *, limit: int = 10) -> list[Chunk]:
        """Return the pieces of code that share the rarest of these words, the best first.

        BM25 over distinct words; `words` come from `words_of`. The commonest are left out when all of
        them together would lead to too many pieces.
        """
        wanted = sorted({word for word in words})
        common = dict(self._rows_for("SELECT word, chunks FROM common_words WHERE word IN ({})", wanted))
        total, average = self._chunk_figures()
        scores: dict[int, float] = {}
        postings = 0
        for word in sorted(wanted, key=lambda word: (common.get(word, 0), word)):
            if postings + common.get(word, 0) > _SEARCH_POSTINGS and scores:
                break
            rows = self._rows(
                "SELECT rowid FROM words WHERE words MATCH ? LIMIT ?", f'"{word}"', _SEARCH_POSTINGS
            )
            postings += len(rows)
            weight = math.log(1 + total / (len(rows) + 0.5))
            for (chunk,) in rows:
                scores[chunk] = scores.get(chunk, 0.0) + weight
        best = nlargest(limit * 4 + 8 * len(self._overlays), scores, key=scores.__getitem__)
        query = (
            "SELECT c.id, f.path, c.start, c.end, c.word_count FROM chunks c "
            "JOIN files f ON f.id = c.file_id WHERE c.id IN ({})"
        )
        chunks = [
            Chunk(path, Span(start, end), scores[id_] * _saturated(count, average))
            for id_, path, start, end, count in self._rows_for(query, best)
            if path not in self._overlays
        ]
        chunks += self._search_overlays(set(wanted), common, total, average)
        return sorted(chunks, key=lambda chunk: (-chunk.score, chunk.path, chunk.span.start))[:limit]

    def _search_overlays(
        self, wanted: set[str], common: dict[str, int], total: int, average: float
    ) -> list[Chunk]:
        chunks = []
        for path, overlay in self._overlays.items():
            for span, words in overlay.found.chunks:
                shared = wanted & words
                score = sum(math.log(1 + total / (common.get(word, 1) + 0.5)) for word in shared)
                if shared:
                    chunks.append(Chunk(path, span, score * _saturated(len(words), average)))
        return chunks

    def _chunk_figures(self) -> tuple[int, float]:
        """Return the number of pieces and the average of their words."""
        rows = self._rows("SELECT key, value FROM meta WHERE key IN ('chunks', 'chunk_words')")
        figures = dict(rows)
        total = int(figures.get("chunks", 0)) or 1
        return total, float(figures.get("chunk_words", 0)) / total or 50.0

    def rows_for_map(self, kinds: Sequence[str], max_files: int) -> list[Any]:
        """Return (path, rank, kind, name, container, signature, start, users, definers) of top files.

        `users` counts the other files of like languages that use the name, `definers` its definitions.
        """
        query = (
            "SELECT f.path, f.rank, d.kind, n.name, d.container, d.signature, d.start, "
            "(SELECT count(*) FROM refs r JOIN files u ON u.id = r.file_id "
            "WHERE r.name_id = d.name_id AND u.family = f.family AND u.id != f.id), "
            "(SELECT count(*) FROM definitions e WHERE e.name_id = d.name_id) "
            "FROM (SELECT id, path, rank, family FROM files WHERE skipped = '' "
            "ORDER BY rank DESC, path LIMIT ?) f "
            "JOIN definitions d ON d.file_id = f.id JOIN names n ON n.id = d.name_id WHERE d.kind IN ({})"
        )
        return self._rows(query.format(",".join("?" * len(kinds))), max_files, *kinds)

    # --- text ------------------------------------------------------------------------------------------

    def text_of(self, path: str, span: Span | None = None) -> str | None:
        """Return the text of a file, or of a span of it: an open editor's own, else what is on the disk.

        None when the disk no longer holds what was indexed: the spans would be of another text.
        """
        if (overlay := self._overlays.get(path)) is not None:
            text = overlay.text
        elif (on_disk := self._text_on_disk(path)) is not None:
            text = on_disk
        else:
            return None
        return text if span is None else text[span.start : span.end]

    def _text_on_disk(self, path: str) -> str | None:
        rows = self._rows("SELECT size_bytes, mtime_ns FROM files WHERE path = ? AND skipped = ''", path)
        if not rows:
            return None
        file = self.root / path
        try:
            status = os.stat(file)
            if (status.st_size, status.st_mtime_ns) != rows[0]:
                return None
            kept = self._texts.get(path)
            if kept is not None and kept[0] == rows[0]:
                return kept[1]
            text = source_text(files.read_below(self.root, path, MAX_NOTEBOOK_BYTES), path)[0]
        except (OSError, ValueError):
            return None
        if len(text) <= _TEXT_CHARS_KEPT:
            self._texts[path] = (rows[0], text)
        return text

    # --- open editors ------------------------------------------------------------------------------------

    def set_overlay(self, path: str, text: str, language: str, found: Extract | None = None) -> None:
        """Let the text of an open editor stand for a file, with what was found in it.

        Without `found` it is parsed here, which takes milliseconds.
        """
        overlay = self._overlays.get(path)
        if overlay is None or overlay.text != text:
            self._overlays[path] = Overlay(path, text, found or extract(text, language, path))
            self._overlay_changes += 1

    def drop_overlay(self, path: str) -> None:
        """Let the disk speak for a file again."""
        if self._overlays.pop(path, None) is not None:
            self._overlay_changes += 1

    def relative(self, path: str) -> str | None:
        """Return an absolute path as the index writes it; None for one that lies outside of the root."""
        try:
            return Path(path).relative_to(self.root).as_posix()
        except ValueError:
            return None

    # --- the database --------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the file; the next question opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._opened = None, None
        self._file_ids.clear()

    def _file_id(self, path: str) -> int | None:
        """Return the number of a file. A stale one does no harm: it only says what is near."""
        if path not in self._file_ids:
            rows = self._rows("SELECT id FROM files WHERE path = ?", path)
            if not rows:
                return None
            self._file_ids[path] = int(rows[0][0])
        return self._file_ids[path]

    def _unique(self, first: Sequence[str], rows: Sequence[Any], but: str = "") -> list[str]:
        paths = [*first, *(row[0] for row in rows if row[0] not in self._overlays)]
        return [path for path in dict.fromkeys(paths) if path != but]

    def _rows_for(self, query: str, values: Sequence[Any]) -> list[Any]:
        if not values:
            return []
        return self._rows(query.format(",".join("?" * len(values))), *values)

    def _rows(self, query: str, *values: Any) -> list[Any]:
        """Run one query; nothing, and a problem, where it cannot be run."""
        try:
            connection = self._open()
            rows = connection.execute(query, values).fetchall() if connection is not None else []
        except sqlite3.Error as error:
            if self.problem != str(error):
                log.warning("the index %s cannot be read: %s", self.file, error)
            self.problem = str(error)
            self.close()
            return []
        return rows

    def _open(self) -> sqlite3.Connection | None:
        """Return the connection to the file that is there; one rebuilt is seen a little later."""
        now = time.monotonic()
        if self._connection is not None and now - self._looked < _LOOK_S:
            return self._connection
        self._looked = now
        try:
            status = os.stat(self.file)
        except OSError:
            self.close()
            return None
        if self._connection is None or self._opened != (status.st_dev, status.st_ino):
            self.close()
            self._connection = database.open_reader(self.file)
            if self._connection is not None:
                self._opened, self.problem = (status.st_dev, status.st_ino), ""
        return self._connection


_DEFINITION = "f.path, n.name, d.kind, d.signature, d.doc, d.start, d.end, d.container, d.file_id"
_IN_FILE = (
    f"SELECT {_DEFINITION} FROM files f JOIN definitions d ON d.file_id = f.id "
    "JOIN names n ON n.id = d.name_id WHERE f.path = ?"
)
# From the name to its definitions and only then to the file: few names are defined often.
_NAMED_IN_FILE = (
    f"SELECT {_DEFINITION} FROM files f CROSS JOIN names n CROSS JOIN definitions d "
    "ON d.name_id = n.id AND d.file_id = f.id WHERE f.path = ? AND n.name = ? ORDER BY d.number"
)
# The definitions of one name; and those of the nearest files on both sides.
_NAMED = (
    f"SELECT {_DEFINITION.replace('n.name', '?1')} FROM definitions d JOIN files f ON f.id = d.file_id "
    "WHERE d.name_id = (SELECT id FROM names WHERE name = ?1)"
)
_NAMED_NEAR = (
    f"SELECT * FROM ({_NAMED} AND d.file_id < ?3 ORDER BY d.file_id DESC LIMIT ?2) UNION ALL "
    f"SELECT * FROM ({_NAMED} AND d.file_id >= ?3 ORDER BY d.file_id LIMIT ?2)"
)


def _definition(row: Any) -> IndexedDefinition:
    path, name, kind, signature, doc, start, end, container, _ = row
    return IndexedDefinition(path, name, kind, signature, doc, Span(start, end), container)


def _saturated(word_count: int, average: float) -> float:
    return (_K1 + 1) / (1 + _K1 * (1 - _B + _B * word_count / average))
