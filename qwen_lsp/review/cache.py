"""What earlier reviews found, by content: a unit that has not changed costs nothing the next time.

One SQLite file in the user's cache. A key is made of everything that an answer depends on. Findings are kept
relative to the start of what was reviewed, so they are found again when the lines have moved. Each is written
at once, so a review that is killed keeps what it has paid for and no other one waits for its end. A broken or
locked file only costs the memory.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec

from qwen_lsp import files
from qwen_lsp.review import finding
from qwen_lsp.review.finding import Finding
from qwen_lsp.text import Document, Edit, Span

log = logging.getLogger(__name__)

_MAX_ENTRIES = 20_000
# Another process writes for milliseconds; what cannot be written in this time is not kept.
_LOCKED_S = 0.2
_TABLE = (
    "CREATE TABLE IF NOT EXISTS reviewed (key TEXT PRIMARY KEY, findings BLOB NOT NULL, used REAL NOT NULL)"
)


def default_file() -> Path:
    """Return the file that the commands and the server share."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("qwen-lsp", appauthor=False)) / "review.sqlite"


class Cache:
    """The memory of reviews. With `file` None it forgets everything at the end."""

    def __init__(self, file: Path | None) -> None:
        self._database: sqlite3.Connection | None = None
        try:
            if file is not None:
                files.private_file(file)
            # Without an isolation level each statement is a transaction of its own.
            self._database = sqlite3.connect(
                file or ":memory:", timeout=_LOCKED_S, check_same_thread=False, isolation_level=None
            )
            # A write-ahead log needs no wait for the disk at each write, and readers never wait.
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(_TABLE)
        except (sqlite3.Error, OSError) as error:
            log.warning("no memory of earlier reviews: %s", error)
            self._database = None

    def get(self, key: str, document: Document, start: int = 0) -> list[Finding] | None:
        """Return what was found under a key, placed into a document; None when it was not reviewed yet."""
        if self._database is None:
            return None
        try:
            row = self._database.execute("SELECT findings FROM reviewed WHERE key = ?", (key,)).fetchone()
            return (
                [_restored(entry, document, start) for entry in msgspec.json.decode(row[0])] if row else None
            )
        except (sqlite3.Error, msgspec.DecodeError, LookupError, TypeError) as error:
            log.warning("an earlier review cannot be read: %s", error)
            return None

    def put(self, key: str, findings: Sequence[Finding], start: int = 0) -> None:
        """Keep what was found."""
        if self._database is None:
            return
        kept = msgspec.json.encode([_relative(entry, start) for entry in findings])
        try:
            self._database.execute(
                "INSERT OR REPLACE INTO reviewed VALUES (?, ?, ?)", (key, kept, time.time())
            )
        except sqlite3.Error as error:
            log.warning("a review cannot be kept: %s", error)

    def close(self) -> None:
        """Forget what is oldest, and let go of the file."""
        if self._database is None:
            return
        try:
            self._database.execute(
                "DELETE FROM reviewed WHERE key IN "
                "(SELECT key FROM reviewed ORDER BY used DESC LIMIT -1 OFFSET ?)",
                (_MAX_ENTRIES,),
            )
            self._database.close()
        except sqlite3.Error as error:
            log.warning("reviews cannot be kept: %s", error)
        self._database = None


def _relative(entry: Finding, start: int) -> dict[str, Any]:
    fix = entry.fix
    moved = replace(
        entry,
        span=Span(entry.span.start - start, entry.span.end - start),
        fix=Edit(Span(fix.span.start - start, fix.span.end - start), fix.new_text) if fix else None,
        quote="",  # it is in the text; a secret has no business in a cache
    )
    return asdict(moved)


def _restored(entry: dict[str, Any], document: Document, start: int) -> Finding:
    fix = entry["fix"]
    edit = None
    if fix is not None:
        edit = Edit(Span(fix["span"]["start"] + start, fix["span"]["end"] + start), fix["new_text"])
    return finding.at(
        document,
        Span(entry["span"]["start"] + start, entry["span"]["end"] + start),
        rule=entry["rule"],
        severity=entry["severity"],
        confidence=entry["confidence"],
        category=entry["category"],
        message=entry["message"],
        scenario=entry["scenario"],
        fix=edit,
        source=entry["source"],
        identity=entry["identity"],
        is_caused=entry["is_caused"],
        url=entry["url"],
    )
