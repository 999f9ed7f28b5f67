"""Brings the index of a root up to date: lists, compares, has parsed apart what changed, writes.

Only this module writes to an index, under the lock file, in transactions of some thousand files: whoever
dies here leaves an index that is right for the files it had come to, and the next one goes on from there.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qwen_lsp import files
from qwen_lsp.index import database
from qwen_lsp.index import source as reading
from qwen_lsp.index.extract import family, path_stem
from qwen_lsp.index.listing import list_files
from qwen_lsp.index.orders import Report
from qwen_lsp.index.parse_pool import ParsedFile, Wanted, parse_all
from qwen_lsp.index.ranks import write_ranks
from qwen_lsp.index.source import Stat

# A transaction has so many files or a part of those indexed: it writes nearly every page of the indexes by
# name again, and so often that the work would grow with the square of the files.
_BATCH_FILES = 2000
_BATCH_S = 2.0
_BATCH_PART = 8
# Words in so many pieces say little: how many pieces each of them has is kept, so that a search can plan.
_COMMON_CHUNKS = 200
# Common words move slowly: they are counted again when so many files have changed.
MANY_CHANGED = 100
# The full-text table cannot forget: beyond this share of dead rows the index is rebuilt.
_MAX_DEAD, _DEAD_MATTERS = 0.5, 20_000
_NAMES_KEPT = 300_000
_MAX_TOLD = 20
_FILE_TABLES = ("definitions", "refs", "imports", "chunks", "words (rowid, word)")
_FILE_COLUMNS = "id, path, size_bytes, mtime_ns, inode, hash, skipped"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Known:
    """A row of the table of files."""

    id: int
    stat: Stat
    hash: bytes
    skipped: str


def to_json(report: Report) -> dict[str, Any]:
    """Return a report with camelCase keys."""
    values = asdict(report)
    return {
        **{key: values[key] for key in ("files", "definitions", "skipped", "changed", "removed", "seconds")},
        "sourceBytes": report.source_bytes,
        "indexBytes": report.index_bytes,
        "rebuilt": report.rebuilt,
        "problems": report.problems,
    }


class Builder:
    """The writer of one root's index. Holds the lock while it works, the connection until it is closed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = database.index_file(root)
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def update(
        self,
        paths: Iterable[str] | None = None,
        *,
        progress: Progress | None = None,
        pause: Callable[[], None] | None = None,
        must_rebuild: str = "",
        is_careful: bool = False,
    ) -> Report:
        """Bring the index up to date, after another writer of the same root has finished.

        With `paths`, only these are looked at, if all of them are known already; a new one means a new
        listing, because only that knows what is ignored. `progress` gets files done and files to
        do; `pause` is called between files and may wait. `must_rebuild`, a reason, begins again;
        `is_careful` is for the time after a crash.
        Raises: OSError, sqlite3.Error when the index cannot be written at all.
        """
        started = time.perf_counter()
        files.private_folder(self.file.parent)
        with database.lock_of(self.file):
            rebuilt = self._open(must_rebuild)
            job = _Job(self.root, self._writer, progress or _no_progress, pause or _no_pause, is_careful)
            try:
                report = job.run(None if paths is None or rebuilt else list(paths))
            except BaseException:
                self._disconnect()
                raise
            report.index_bytes = sum(part.stat().st_size for part in database.parts(self.file))
            is_old = job.is_mostly_dead()
        if is_old:
            return self.update(progress=progress, pause=pause, must_rebuild="most of it was out of date")
        report.rebuilt, report.seconds = rebuilt, time.perf_counter() - started
        return report

    def rank(self) -> None:
        """Work out the ranks of the files, if any has changed since the last time: for the map."""
        if self._connection is not None:
            with database.lock_of(self.file):
                if self._is_current():
                    database.unseal(self.file)
                    write_ranks(self._connection)

    def close(self) -> None:
        """Let go of the file and seal it, unless another writer is at work."""
        if self._connection is not None:
            with database.lock_of(self.file):
                if self._is_current():
                    database.seal(self._connection, self.file)
            self._disconnect()

    @property
    def _writer(self) -> sqlite3.Connection:
        assert self._connection is not None
        return self._connection

    def _open(self, must_rebuild: str) -> str:
        """Connect to the file that is there; return why it had to be rebuilt."""
        if must_rebuild or not self._is_current():
            self._disconnect()
        if must_rebuild:
            database.remove(self.file)
        if self._connection is not None:
            database.unseal(self.file)
            return ""
        self._connection, reason = database.open_writer(self.file)
        self._inode = self.file.stat().st_ino
        return must_rebuild or reason

    def _is_current(self) -> bool:
        """Say whether the connection is to the file of that name; another writer may have made a new one."""
        marks = reading.stat_of(self.file)
        return self._connection is not None and marks is not None and marks.inode == self._inode

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def update(
    root: Path, progress: Progress | None = None, *, must_rebuild: str = "", with_ranks: bool = False
) -> Report:
    """Bring the index of a root up to date, once; see `Builder.update`.

    What is damaged is rebuilt; a full disk or a lock says nothing against what is there.
    """
    with closing(Builder(root)) as builder:
        try:
            report = builder.update(progress=progress, must_rebuild=must_rebuild)
        except sqlite3.DatabaseError as error:
            if must_rebuild or not database.is_damage(error):
                raise
            report = builder.update(progress=progress, must_rebuild=str(error))
        if with_ranks:
            builder.rank()
    report.index_bytes = builder.file.stat().st_size
    return report


def _no_progress(done: int, total: int) -> None:
    pass


def _no_pause() -> None:
    pass


class _Job:
    """One run over the files of a root, with what it has to remember from file to file."""

    def __init__(
        self,
        root: Path,
        connection: sqlite3.Connection,
        progress: Progress,
        pause: Callable[[], None],
        is_careful: bool,
    ) -> None:
        self._root = str(root)
        self._connection = connection
        self._progress, self._pause, self._is_careful = progress, pause, is_careful
        self._report = Report()
        self._known: dict[str, _Known] = {}
        self._names: dict[str, int] = {}
        self._new_names: list[tuple[int, str]] = []
        self._next_name = self._next("names")
        self._is_new = self._has_all_names = self._next_name == 1
        self._next_file = self._next("files")
        self._next_chunk = max(self._next("chunks"), int(self._meta("next_chunk")))
        self._rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _FILE_TABLES}
        self._in_batch, self._batch_started = 0, 0.0

    def run(self, paths: list[str] | None) -> Report:
        report = self._report
        gone: set[str] = set()
        if paths is None or not self._know(paths):
            listing = list_files(Path(self._root))
            report.problems += listing.problems
            paths = listing.paths
            self._known = self._read_known(f"SELECT {_FILE_COLUMNS} FROM files")
            gone = self._known.keys() - set(paths)
        wanted = [self._wanted(path) for path in paths if self._differs(path)]
        with closing(parse_all(self._root, wanted, self._pause, is_careful=self._is_careful)) as parsed_files:
            for done, (path, parsed) in enumerate(parsed_files, 1):
                self._write(path, parsed)
                self._progress(done, len(wanted))
        for path in sorted(gone):
            self._remove(path)
        self._commit()
        if report.changed or report.removed:
            self._sum_up()
        self._count()
        return report

    def is_mostly_dead(self) -> bool:
        """Say whether most of what the full-text table leads to is gone."""
        dead = self._next_chunk - 1 - int(self._meta("chunks"))
        return dead > _DEAD_MATTERS and dead > _MAX_DEAD * self._next_chunk

    # --- what changed ------------------------------------------------------------------------------

    def _know(self, paths: Sequence[str]) -> bool:
        """Read the rows of some files; say whether all of them are there."""
        for path in paths:
            self._known.update(self._read_known(f"SELECT {_FILE_COLUMNS} FROM files WHERE path = ?", path))
        return len(self._known) == len(set(paths))

    def _read_known(self, query: str, *values: str) -> dict[str, _Known]:
        return {
            path: _Known(id_, Stat(size, mtime, inode), digest, skipped)
            for id_, path, size, mtime, inode, digest, skipped in self._connection.execute(query, values)
        }

    def _differs(self, path: str) -> bool:
        known = self._known.get(path)
        return known is None or reading.stat_of(f"{self._root}/{path}") != known.stat

    def _wanted(self, path: str) -> Wanted:
        known = self._known.get(path)
        return Wanted(path, known.hash, known.skipped) if known else Wanted(path)

    # --- writing -----------------------------------------------------------------------------------

    def _write(self, path: str, parsed: ParsedFile | None) -> None:
        known = self._known.get(path)
        if parsed is None:
            self._remove(path)
            return
        self._begin()
        if parsed.is_same and known:
            self._connection.execute(
                "UPDATE files SET size_bytes = ?, mtime_ns = ?, inode = ? WHERE id = ?",
                (parsed.size_bytes, parsed.mtime_ns, parsed.inode, known.id),
            )
            return
        self._report.changed += 1
        if known:
            self._delete_rows(known.id)
            id_ = known.id
        else:
            id_, self._next_file = self._next_file, self._next_file + 1
        self._insert(id_, parsed)

    def _insert(self, id_: int, parsed: ParsedFile) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (id_, parsed.path, path_stem(parsed.path), *parsed[1:6], family(parsed.language), *parsed[6:8]),
        )
        if parsed.skipped:
            return
        self._report.source_bytes += parsed.size_bytes
        rows, numbers = self._rows, self._name_numbers
        names = numbers([row[0] for row in parsed.definitions])
        rows["definitions"] += [
            (id_, n, name, *row[1:])
            for n, (name, row) in enumerate(zip(names, parsed.definitions, strict=True))
        ]
        names = numbers([row[0] for row in parsed.references])
        rows["refs"] += sorted(
            (id_, name, row[1]) for name, row in zip(names, parsed.references, strict=True)
        )
        rows["imports"] += [(id_, n, *row) for n, row in enumerate(parsed.imports)]
        for start, end, count, words in parsed.chunks:
            rows["chunks"].append((self._next_chunk, id_, start, end, count))
            rows["words (rowid, word)"].append((self._next_chunk, words))
            self._next_chunk += 1

    def _flush(self) -> None:
        """Write the collected rows: one statement for many files takes half the time."""
        for table, rows in self._rows.items():
            if rows:
                places = ", ".join("?" * len(rows[0]))
                self._connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
                rows.clear()

    def _name_numbers(self, names: Sequence[str]) -> list[int]:
        """Return the number of each name; new names get one."""
        known = self._names
        for name in names:
            if name not in known:
                known[name] = self._name_number(name)
        return [known[name] for name in names]

    def _name_number(self, name: str) -> int:
        if not self._has_all_names:
            row = self._connection.execute("SELECT id FROM names WHERE name = ?", (name,)).fetchone()
            if row is not None:
                return int(row[0])
        self._new_names.append((self._next_name, name))
        self._next_name += 1
        return self._next_name - 1

    def _remove(self, path: str) -> None:
        known = self._known.pop(path, None)
        if known is not None:
            self._begin()
            self._delete_rows(known.id)
            self._connection.execute("DELETE FROM files WHERE id = ?", (known.id,))
            self._report.removed += 1

    def _delete_rows(self, id_: int) -> None:
        for table in ("definitions", "refs", "imports", "chunks"):
            self._connection.execute(f"DELETE FROM {table} WHERE file_id = ?", (id_,))

    def _begin(self) -> None:
        """Open a transaction before a write, and close the one before when it has grown."""
        now = time.monotonic()
        size = max(self._next_file // _BATCH_PART / _BATCH_FILES, 1.0)
        if self._in_batch >= size * _BATCH_FILES or now - self._batch_started > size * _BATCH_S:
            self._commit()
        elif self._in_batch % _BATCH_FILES == 0:
            self._flush()
        if not self._in_batch:
            self._connection.execute("BEGIN IMMEDIATE")
            self._batch_started = now
        self._in_batch += 1

    def _commit(self) -> None:
        if self._in_batch:
            self._flush()
            self._connection.executemany("INSERT INTO names VALUES (?, ?)", self._new_names)
            self._new_names.clear()
            if len(self._names) > _NAMES_KEPT:
                self._names.clear()
                self._has_all_names = False
            self._set("next_chunk", self._next_chunk)
            self._connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'epoch'")
            self._connection.execute("COMMIT")
            self._in_batch = 0

    # --- the whole ---------------------------------------------------------------------------------

    def _sum_up(self) -> None:
        """Work out what depends on all files: the average piece, the common words."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        chunks, words = run("SELECT count(*), total(word_count) FROM chunks").fetchone()
        self._set("chunks", chunks)
        self._set("chunk_words", words)
        self._set("is_ranked", 0)
        changed = self._report.changed + self._report.removed + self._meta("changed_since_summed")
        if changed > MANY_CHANGED or self._is_new:
            run("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, words, row)")
            run("DELETE FROM common_words")
            run("INSERT INTO common_words SELECT term, doc FROM vocabulary WHERE doc > ?", (_COMMON_CHUNKS,))
            run("DROP TABLE temp.vocabulary")
            changed = 0
        self._set("changed_since_summed", changed)
        run("COMMIT")

    def _count(self) -> None:
        run, report = self._connection.execute, self._report
        reasons = run("SELECT skipped, count(*) FROM files GROUP BY skipped ORDER BY 2 DESC").fetchall()
        report.skipped = {reason: count for reason, count in reasons if reason}
        report.files = sum(count for reason, count in reasons if not reason)
        report.definitions = run("SELECT count(*) FROM definitions").fetchone()[0]
        odd = run(
            "SELECT path, problem FROM files WHERE problem != '' UNION ALL "
            "SELECT path, skipped FROM files WHERE skipped IN ('unreadable', 'crash') LIMIT ?",
            (_MAX_TOLD,),
        )
        report.problems += [f"{path}: {problem}" for path, problem in odd]

    def _next(self, table: str) -> int:
        return int(self._connection.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()[0])

    def _meta(self, key: str) -> float:
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else 0

    def _set(self, key: str, value: float) -> None:
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
