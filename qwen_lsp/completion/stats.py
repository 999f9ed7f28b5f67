"""What became of suggestions, counted by day and language, in a small database that stays on this machine.

Everything is a counter, so several servers can add to one file and no code ever gets into it. Recorder
collects in memory and writes in the background; `read` sums up. A damaged file is set aside and begun anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from filelock import FileLock

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
_HELD = "held:"
_LATENCY = "latency:"
# Upper ends of the classes, in milliseconds; slower answers count in the last.
_LATENCIES_MS = (10, 20, 50, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 5000, 10_000, 30_000)

_FLUSH_S = 5.0
_BUSY_S = 2.0  # another server's write takes milliseconds
_MAX_DAYS = 366
_MAX_LANGUAGE_CHARS = 40

Key = tuple[str, str, str]  # day, language, name


def stats_file() -> Path:
    """Return the path of the database; the number is the version of its layout."""
    import platformdirs

    return Path(platformdirs.user_state_dir("qwen-lsp", appauthor=False)) / "stats-1.sqlite3"


class Recorder:
    """Counts of this process that are not in the file yet."""

    def __init__(
        self,
        is_enabled: Callable[[], bool],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        flush_s: float = _FLUSH_S,
    ) -> None:
        self._is_enabled = is_enabled
        self._spawn = spawn
        self._flush_s = flush_s
        self._pending: Counter[Key] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def count(self, language: str, event: Event, n: int = 1) -> None:
        """Count an event."""
        self._add(language, event, n)

    def held_back(self, language: str, rule: str) -> None:
        """Count a request that got nothing, by the rule or the reason."""
        self._add(language, _HELD + rule, 1)

    def latency(self, language: str, ms: float) -> None:
        """Count how long a suggestion took."""
        at = min(bisect_left(_LATENCIES_MS, ms), len(_LATENCIES_MS) - 1)
        self._add(language, f"{_LATENCY}{_LATENCIES_MS[at]}", 1)

    async def flush(self) -> None:
        """Write what is pending; what cannot be written now is kept for the next time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._pending = self._pending, Counter()
        if not batch:
            return
        try:
            await asyncio.to_thread(add, batch, stats_file())
        except (OSError, sqlite3.Error) as error:
            log.info("statistics were not written: %s", error)
            self._pending.update(batch)  # bounded: there are only so many keys

    def _add(self, language: str, name: str, n: int) -> None:
        if not self._is_enabled():
            return
        self._pending[date.today().isoformat(), language[:_MAX_LANGUAGE_CHARS], name] += n
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._flush_s, lambda: self._spawn(self.flush()))


@dataclass(frozen=True, slots=True)
class Report:
    """The sums over some days.

    Shape: `languages` and `days` have the counts of each; `held_back` has a count for each rule;
    latencies are in milliseconds, interpolated within classes, None where nothing was shown.
    """

    first_day: str
    last_day: str
    total: Mapping[str, int]
    languages: Mapping[str, Mapping[str, int]]
    days: Mapping[str, Mapping[str, int]]
    held_back: Mapping[str, int]
    latency_p50_ms: float | None
    latency_p95_ms: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the report as the command prints it."""
        return {
            "from": self.first_day,
            "to": self.last_day,
            "total": _named(self.total),
            "languages": {name: _named(counts) for name, counts in self.languages.items()},
            "days": {day: _named(counts) for day, counts in self.days.items()},
            "heldBack": dict(self.held_back),
            "latencyMs": {"p50": self.latency_p50_ms, "p95": self.latency_p95_ms},
        }


_JSON_NAMES = {
    "partly": "partlyAccepted",
    "typed_through": "typedThrough",
    "kept_of": "keptOf",
    "characters": "charactersSaved",
}


def _named(counts: Mapping[str, int]) -> dict[str, int]:
    return {_JSON_NAMES.get(event, event): counts.get(event, 0) for event in EVENTS}


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


def read(days: int, file: Path) -> Report:
    """Sum up the last `days` days, today included."""
    today = date.today()
    first = (today - timedelta(days=days - 1)).isoformat()

    def rows(database: sqlite3.Connection) -> list[tuple[str, str, str, int]]:
        query = "SELECT day, language, name, n FROM counts WHERE day >= ? ORDER BY day, language"
        return database.execute(query, (first,)).fetchall()

    total: Counter[str] = Counter()
    by_language: dict[str, Counter[str]] = {}
    by_day: dict[str, Counter[str]] = {}
    held_back: Counter[str] = Counter()
    latencies: Counter[int] = Counter()
    for day, language, name, n in _in_database(file, rows) if file.exists() else ():
        if name.startswith(_HELD):
            held_back[name[len(_HELD) :]] += n
        elif name.startswith(_LATENCY):
            latencies[int(name[len(_LATENCY) :])] += n
        else:
            for counts in (
                total,
                by_language.setdefault(language, Counter()),
                by_day.setdefault(day, Counter()),
            ):
                counts[name] += n
    return Report(
        first,
        today.isoformat(),
        total,
        dict(sorted(by_language.items(), key=lambda item: -item[1]["shown"])),
        by_day,
        dict(held_back.most_common()),
        _percentile(latencies, 0.5),
        _percentile(latencies, 0.95),
    )


def reset(file: Path) -> None:
    """Forget everything. Safe while servers run, which a deleted file would not be everywhere."""
    if file.exists():
        _in_database(file, lambda database: database.execute("DELETE FROM counts"))


def _percentile(latencies: Mapping[int, int], part: float) -> float | None:
    wanted = sum(latencies.values()) * part
    below = 0
    for number, upper in enumerate(_LATENCIES_MS):
        n = latencies.get(upper, 0)
        if n and below + n >= wanted:
            lower = _LATENCIES_MS[number - 1] if number else 0
            return round(lower + (upper - lower) * (wanted - below) / n, 1)
        below += n
    return None


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
