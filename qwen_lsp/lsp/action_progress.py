"""`$/progress` of one action: readable, and the user can stop it there."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.messages import text

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

# Clients redraw at each report.
_REPORT_S = 0.25


class Progress:
    """The progress of one run. State: whether the client has taken the token, when it last heard of us."""

    def __init__(self, server: Server, id_: str, title: str) -> None:
        self._server = server
        self._token = f"qwen-lsp/action/{id_}"
        self._title = title
        self._is_open = self._is_over = False
        self._reported = 0.0

    def begin(self, work: asyncio.Future[Any]) -> None:
        """Show the progress where the client can; its stop button cancels the work."""
        window = self._server.client_capabilities.window
        if window is not None and window.work_done_progress:
            self._server.spawn(self._open(work))

    async def _open(self, work: asyncio.Future[Any]) -> None:
        progress = self._server.work_done_progress
        with contextlib.suppress(Exception):  # a client that will not show it misses nothing else
            await progress.create_async(self._token)
            if self._is_over:
                progress.tokens.pop(self._token, None)
                return
            stopped = progress.tokens[self._token]
            stopped.add_done_callback(lambda done: work.cancel() if done.cancelled() else None)
            message = text("action.waiting", self._server.locale)
            begin = types.WorkDoneProgressBegin(self._title, cancellable=True, message=message)
            progress.begin(self._token, begin)
            self._is_open = True

    def written(self, answer: str) -> None:
        """Tell how far the answer has come."""
        self._report(text("action.writing", self._server.locale, lines=answer.count("\n") + 1))

    def counted(self, done: int, total: int, path: str) -> None:
        """Tell how many questions of how many are answered, and which file is next."""
        self._report(f"{done}/{total} {path}", 100 * done // max(total, 1))

    def _report(self, message: str, percentage: int | None = None) -> None:
        now = time.monotonic()
        if self._is_open and now - self._reported >= _REPORT_S:
            self._reported = now
            self._server.work_done_progress.report(
                self._token,
                types.WorkDoneProgressReport(cancellable=True, message=message, percentage=percentage),
            )

    def end(self) -> None:
        """Take the progress away."""
        self._is_over = True
        if self._is_open:
            self._is_open = False
            progress = self._server.work_done_progress
            progress.tokens.pop(self._token, None)
            progress.end(self._token, types.WorkDoneProgressEnd())
