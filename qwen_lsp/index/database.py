"""The index file of a workspace root: where it lies, its tables, and when it is not to be trusted.

SQLite in write-ahead mode: any number of readers beside the one writer that holds the lock file. A
file of another schema version, a damaged one or one that is no database is thrown away, because
everything in it can be read again from the workspace; nothing else is ever kept there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_lsp import files
from qwen_lsp.errors import InputError

if TYPE_CHECKING:
    from filelock import BaseFileLock

# Counts up whenever a table, a meaning in it or what is read out of a file changes.
SCHEMA_VERSION = 1

_BUSY_S = 5.0
# Errors that say nothing about what is in the file. Source: https://sqlite.org/rescode.html
_CIRCUMSTANCES = {
    *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR),
    *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM),
    *(sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_TOOBIG),
}
_PAGE_CACHE_KIB = 64 * 1024
_READER_CACHE_KIB = 8 * 1024
_HASH_CHUNK_BYTES = 1 << 20

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

-- Every file that was looked at; `skipped` says why nothing of it is known, `problem` what went wrong.
-- The numbers follow the order of paths, so files of one folder are neighbours.
CREATE TABLE files (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, stem TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, hash BLOB NOT NULL,
    language TEXT NOT NULL, family TEXT NOT NULL, skipped TEXT NOT NULL, problem TEXT NOT NULL,
    rank REAL NOT NULL DEFAULT 0);
CREATE INDEX files_by_stem ON files (stem);

CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE definitions (
    file_id INTEGER, number INTEGER, name_id INTEGER, kind TEXT, start INTEGER, end INTEGER,
    container TEXT, signature TEXT, doc TEXT, PRIMARY KEY (file_id, number)) WITHOUT ROWID;
CREATE INDEX definitions_by_name ON definitions (name_id);
CREATE TABLE refs (
    file_id INTEGER, name_id INTEGER, offset INTEGER, PRIMARY KEY (file_id, name_id)) WITHOUT ROWID;
CREATE INDEX refs_by_name ON refs (name_id);
CREATE TABLE imports (
    file_id INTEGER, number INTEGER, module TEXT, name TEXT, alias TEXT, offset INTEGER, stem TEXT,
    PRIMARY KEY (file_id, number)) WITHOUT ROWID;
CREATE INDEX imports_by_stem ON imports (stem);
CREATE INDEX imports_by_name ON imports (name);

-- Pieces of some lines, found by the words in them. The full-text table holds no text and cannot
-- forget: words of pieces that are gone lead to no row of `chunks`.
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, file_id INTEGER NOT NULL, start INTEGER, end INTEGER, word_count INTEGER);
CREATE INDEX chunks_by_file ON chunks (file_id);
CREATE VIRTUAL TABLE words USING fts5(
    word, content='', detail=none, tokenize="unicode61 remove_diacritics 0 tokenchars '_'");
-- Words are sorted in memory up to so many bytes, and more runs of them may wait to be merged: that
-- saves a tenth of the writing.
INSERT INTO words (words, rank) VALUES ('hashsize', 16777216), ('automerge', 8);
CREATE TABLE common_words (word TEXT PRIMARY KEY, chunks INTEGER) WITHOUT ROWID;
"""


def directory() -> Path:
    """Return the folder that holds the index files; QWEN_LSP_INDEX names another."""
    import platformdirs

    if named := os.environ.get("QWEN_LSP_INDEX"):
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_cache_dir("qwen-lsp", appauthor=False)) / "index"


def unwritable(error: Exception) -> InputError:
    """Say what to do where no index can be written."""
    return InputError(
        f"the index in {directory()} cannot be written: {error}; "
        "make room there, or name another folder in QWEN_LSP_INDEX"
    )


def index_file(root: Path) -> Path:
    """Return the index file of a workspace root; one root has one, however it is reached."""
    real = os.path.normcase(os.path.realpath(root))
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    name = "".join(char if char.isalnum() else "-" for char in Path(real).name)[:40]
    return directory() / f"{name}-{digest}.sqlite3"


def lock_file(file: Path) -> Path:
    """Return the lock that a writer holds while it writes."""
    return file.with_suffix(".lock")


def lock_of(file: Path) -> BaseFileLock:
    """Return the lock of an index, not parsed yet."""
    from filelock import FileLock  # for who writes: a server only reads

    return FileLock(lock_file(file), mode=0o600)


def is_written(file: Path) -> bool:
    """Say whether another process writes an index just now."""
    from filelock import Timeout

    if not file.parent.is_dir():
        return False
    lock = lock_of(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def open_reader(file: Path) -> sqlite3.Connection | None:
    """Open an index for reading; None when there is none of this version yet.

    Raises: sqlite3.DatabaseError when the file is damaged.
    """
    if not file.is_file():
        return None
    uri = f"{file.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=0.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
        connection.execute("PRAGMA query_only = 1")
        if connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
            return connection
    except sqlite3.DatabaseError:
        connection.close()
        raise
    connection.close()
    return None


def open_writer(file: Path) -> tuple[sqlite3.Connection, str]:
    """Open the index for writing, rebuilt where it cannot be used; return it and why it was rebuilt.

    The reason is "" for a sound file and for one that was not there. The caller holds the lock.
    Raises: OSError, sqlite3.Error when the folder cannot be written at all.
    """
    reason = ""
    if file.exists():
        files.private_file(file)
        try:
            return _checked(file), ""
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            reason = str(error)
        remove(file)
    files.private_file(file)  # SQLite gives the files beside it the same permissions
    connection = _connect(file)
    connection.executescript(_TABLES)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("INSERT INTO meta VALUES ('epoch', 0)")
    return connection, reason


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Say whether an error is about what is in the file; a full disk, a lock or permissions are not."""
    code = getattr(error, "sqlite_errorcode", None)  # none: we have raised it
    return code is None or code & 0xFF not in _CIRCUMSTANCES


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=_BUSY_S, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    # A power cut may cost the last transactions; the next start reads those files again.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")
    return connection


def _checked(file: Path) -> sqlite3.Connection:
    """Open a file that is there. Raises: sqlite3.DatabaseError, with the reason, when it is of no use."""
    sealed = _read_seal(file)
    wal = file.with_name(f"{file.name}-wal")
    is_whole = not wal.exists() or wal.stat().st_size == 0
    if sealed is not None and is_whole and sealed != _checksum(file):
        raise sqlite3.DatabaseError("its bytes are not those that were written")
    connection = _connect(file)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"it was written by another version ({version})")
        if (sealed is None or not is_whole) and (
            verdict := connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        ) != "ok":
            raise sqlite3.DatabaseError(str(verdict).splitlines()[-1])
    except sqlite3.DatabaseError:
        connection.close()
        raise
    unseal(file)
    return connection


def seal(connection: sqlite3.Connection, file: Path) -> None:
    """Close a writer's connection and note the checksum of the file, for the next start to compare.

    Without it, when the process is killed, the next start has SQLite check the structure.
    """
    is_busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    connection.close()
    if not is_busy:
        files.write(_seal_file(file), _checksum(file).encode("ascii"), mode=0o600)


def unseal(file: Path) -> None:
    """Take the checksum away: the file is about to be written to."""
    _seal_file(file).unlink(missing_ok=True)


def remove(file: Path) -> None:
    """Delete an index and what belongs to it. The caller holds the lock."""
    for path in (_seal_file(file), *parts(file)):
        path.unlink(missing_ok=True)


def delete(file: Path) -> int:
    """Delete an index for good, once its writer is done; return how many bytes that freed."""
    if not file.parent.is_dir():
        return 0
    with lock_of(file):
        freed = sum(part.stat().st_size for part in parts(file))
        remove(file)
    lock_file(file).unlink(missing_ok=True)
    return freed


def parts(file: Path) -> list[Path]:
    """Return the files of an index that are there: the database, its log, its table of the log."""
    named = (file.with_name(file.name + end) for end in ("", "-wal", "-shm"))
    return [path for path in named if path.exists()]


def _seal_file(file: Path) -> Path:
    return file.with_suffix(".crc")


def _read_seal(file: Path) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return files.read(_seal_file(file), 1000).decode("ascii")
    return None


def _checksum(file: Path) -> str:
    """Return size and CRC-32 of a file: it is about bad disks and half copies, not about enemies."""
    checksum, size = 0, 0
    with file.open("rb") as stream:
        while chunk := stream.read(_HASH_CHUNK_BYTES):
            checksum, size = zlib.crc32(chunk, checksum), size + len(chunk)
    return f"{size} {checksum:08x}"
