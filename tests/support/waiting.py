"""Waiting for a condition, with a deadline; never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

DEADLINE_S = 60.0


async def until(condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> float:
    """Wait until the condition holds; return how many seconds that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < deadline_s, f"waited {deadline_s:.0f} s in vain: {what}"
        await asyncio.sleep(0.002)
    return time.monotonic() - started
