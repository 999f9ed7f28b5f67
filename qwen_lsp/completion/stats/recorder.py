"""The counts of this process, collected in memory and written in the background.

State: what is not in the file yet, and one timer. It knows no SQL.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import date
from typing import Any

from qwen_lsp.completion.stats.database import (
    HELD,
    LATENCIES_MS,
    LATENCY,
    Event,
    Key,
    add,
    stats_file,
)

log = logging.getLogger(__name__)

_FLUSH_S = 5.0
_MAX_LANGUAGE_CHARS = 40


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
        self._add(language, HELD + rule, 1)

    def latency(self, language: str, ms: float) -> None:
        """Count how long a suggestion took."""
        at = min(bisect_left(LATENCIES_MS, ms), len(LATENCIES_MS) - 1)
        self._add(language, f"{LATENCY}{LATENCIES_MS[at]}", 1)

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
