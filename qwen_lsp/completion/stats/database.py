"""The counters in a small SQLite file: their names, adding to them, reading them, forgetting them.

Everything is a counter, so several servers can add to one file. A damaged file is set aside and begun again;
one that is locked, read-only or on a full disk is left as it is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, TypeVar

from qwen_lsp import files

log = logging.getLogger(__name__)

T = TypeVar("T")

Event = Literal["shown", "accepted", "partly", "dismissed", "typed_through", "kept", "kept_of", "characters"]
EVENTS: tuple[Event, ...] = (
    "shown",
    "accepted",
    "partly",
    "dismissed",
    "typed_through",
    "kept",
    "kept_of",
    "characters",
)
HELD = "held:"
LATENCY = "latency:"
# Upper ends of the classes, in milliseconds; slower answers count in the last.
LATENCIES_MS = (10, 20, 50, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000)

_BUSY_S = 2.0  # another server's write takes milliseconds
_MAX_DAYS = 366

Key = tuple[str, str, str]  # day, language, name


def stats_file() -> Path:
    """Return the path of the database; the number is the version of its layout."""
    import platformdirs

    return Path(platformdirs.user_state_dir("qwen-lsp", appauthor=False)) / "stats-1.sqlite3"


def add(counts: Mapping[Key, int], file: Path) -> None:
    """Add to the counters in the file, all or nothing.

    Raises: OSError, sqlite3.Error when it cannot be written now (locked for seconds, read-only, full).
    """
    rows = [(*key, n) for key, n in counts.items()]
    oldest = (date.today() - timedelta(days=_MAX_DAYS)).isoformat()

    def write(database: sqlite3.Connection) -> None:
        database.executemany(
            "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", rows
        )
        database.execute("DELETE FROM counts WHERE day < ?", (oldest,))

    _in_database(file, write)


def rows_since(first_day: str, file: Path) -> list[tuple[str, str, str, int]]:
    """Return day, language, name and count of each counter from a day on; none where nothing was counted."""

    def rows(database: sqlite3.Connection) -> list[tuple[str, str, str, int]]:
        query = "SELECT day, language, name, n FROM counts WHERE day >= ? ORDER BY day, language"
        return database.execute(query, (first_day,)).fetchall()

    return _in_database(file, rows) if file.exists() else []


def reset(file: Path) -> None:
    """Forget everything. Safe while servers run, which a deleted file would not be everywhere."""
    if file.exists():
        _in_database(file, lambda database: database.execute("DELETE FROM counts"))


def _in_database(file: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Do one transaction, setting the file aside first when it is damaged."""
    files.private_file(file)
    try:
        return _transaction(file, work)
    except sqlite3.OperationalError:  # locked, read-only, full: nothing is wrong with the file itself
        raise
    except sqlite3.DatabaseError:
        _set_aside(file)
        return _transaction(file, work)


def _transaction(file: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    # A rollback journal and short transactions: WAL would leave two more files, and it does not work on
    # network folders, where homes often are.
    with contextlib.closing(sqlite3.connect(file, timeout=_BUSY_S)) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS counts (day TEXT, language TEXT, name TEXT, n INTEGER NOT NULL,"
            " PRIMARY KEY (day, language, name)) WITHOUT ROWID"
        )
        return work(connection)


def _set_aside(file: Path) -> None:
    """Move a damaged file out of the way, unless another server has done so meanwhile."""
    from filelock import FileLock  # hardly ever needed

    with FileLock(f"{file}.lock", timeout=_BUSY_S, mode=0o600):
        try:
            verdict = _transaction(
                file, lambda database: database.execute("PRAGMA quick_check(1)").fetchone()[0]
            )
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            verdict = str(error)
        if verdict != "ok":
            aside = file.with_suffix(".damaged")
            log.warning("the statistics in %s are damaged (%s); they are now in %s", file, verdict, aside)
            os.replace(file, aside)
            file.with_name(file.name + "-journal").unlink(missing_ok=True)
