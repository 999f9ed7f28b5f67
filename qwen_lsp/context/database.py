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

# Counts up whenever a table, a meaning in it or what is read out of a file changes.
SCHEMA_VERSION = 1

_BUSY_S = 5.0
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
    language TEXT NOT NULL, skipped TEXT NOT NULL, problem TEXT NOT NULL, rank REAL NOT NULL DEFAULT 0);
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
    words, content='', detail=none, tokenize="unicode61 remove_diacritics 0 tokenchars '_'");
CREATE TABLE common_words (word TEXT PRIMARY KEY, chunks INTEGER) WITHOUT ROWID;
"""


def directory() -> Path:
    """Return the folder that holds the index files; QWEN_LSP_INDEX names another."""
    import platformdirs

    if named := os.environ.get("QWEN_LSP_INDEX"):
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_cache_dir("qwen-lsp", appauthor=False)) / "index"


def index_file(root: Path) -> Path:
    """Return the index file of a workspace root; one root has one, however it is reached."""
    real = os.path.normcase(os.path.realpath(root))
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    name = "".join(char if char.isalnum() else "-" for char in Path(real).name)[:40]
    return directory() / f"{name}-{digest}.sqlite3"


def lock_file(file: Path) -> Path:
    """Return the lock that a writer holds while it writes."""
    return file.with_suffix(".lock")


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
