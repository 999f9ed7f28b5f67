"""`$/progress`: one bar that the client may show, and that the user may stop.

State: whether the client has taken the token. A bar that ends before the client has answered is never shown.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from lsprotocol import types

from qwen_lsp.lsp.client import Client

# Clients redraw at each report.
_REPORT_S = 0.25


class Progress:
    """One bar. `begin` asks the client for it; until it is there, `report` and `end` send nothing."""

    def __init__(self, client: Client, token: str, title: str) -> None:
        self._client = client
        self._token = token
        self._title = title
        self._is_shown = self._is_over = False
        self._reported = 0.0

    async def begin(
        self,
        message: str = "",
        *,
        percentage: int | None = None,
        work: asyncio.Future[Any] | None = None,
    ) -> None:
        """Show the bar where the client can; with `work` it has a stop button, which cancels the work."""
        if not self._client.capabilities.progress:
            return
        tokens = self._client.tokens
        try:
            await tokens.create_async(self._token)
        except Exception:  # a client that will not show it misses nothing else
            return
        if self._is_over:
            tokens.tokens.pop(self._token, None)
            return
        if work is not None:
            stopped = tokens.tokens[self._token]
            stopped.add_done_callback(lambda done: work.cancel() if done.cancelled() else None)
        self._is_shown = True
        tokens.begin(
            self._token,
            types.WorkDoneProgressBegin(
                self._title,
                cancellable=True if work is not None else None,
                message=message or None,
                percentage=percentage,
            ),
        )

    def report(self, message: str, percentage: int | None = None) -> None:
        """Say how far it is; more often than can be drawn is left out."""
        now = time.monotonic()
        if self._is_shown and now - self._reported >= _REPORT_S:
            self._reported = now
            report = types.WorkDoneProgressReport(message=message, percentage=percentage)
            self._client.tokens.report(self._token, report)

    def end(self, message: str = "") -> None:
        """Take the bar away."""
        self._is_over = True
        if self._is_shown:
            self._is_shown = False
            self._client.tokens.tokens.pop(self._token, None)
            self._client.tokens.end(self._token, types.WorkDoneProgressEnd(message=message or None))
