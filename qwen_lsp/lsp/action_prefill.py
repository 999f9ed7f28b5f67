"""Read a selection ahead: when the light bulb is listed for one that lasts, its code goes into the chat slot.

All questions about a region begin alike (actions/prompts.py), so whichever action is chosen then has only
its instruction left to be read. Nothing starts for this: the engine must be loaded and no action be running.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from qwen_lsp.actions.task import Task
from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp.action_context import ActionContext
from qwen_lsp.lsp.session import Session
from qwen_lsp.text import Document, Span

# A selection that is being drawn or passed by is none that lasts.
_LASTS_S = 0.6


class ReadAhead:
    """State: the selection that lasts, and how many actions are running."""

    def __init__(self, session: Session, context: ActionContext) -> None:
        self._session = session
        self._context = context
        self._task: asyncio.Task[None] | None = None
        self._n_actions = 0

    def selected(self, document: Document, span: Span) -> None:
        """Take note of a selection; the newest one wins."""
        self.stop()
        self._task = asyncio.get_running_loop().create_task(self._read(document, span))

    def stop(self) -> None:
        """End the reading: something is to be done now, and it waits for the slot."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Read nothing for as long as this lasts: an action is running."""
        self.stop()
        self._n_actions += 1
        try:
            yield
        finally:
            self._n_actions -= 1

    async def _read(self, document: Document, span: Span) -> None:
        await asyncio.sleep(_LASTS_S)
        host, now = self._session.host_now("chat"), self._session.documents.get(document.uri)
        client = host.idle_client() if host is not None else None
        if client is None or self._n_actions or now is None or now.version != document.version:
            return
        # Not before a selection lasts: a window in which nobody selects needs none of the actions' code.
        from qwen_lsp.actions import prefill

        with contextlib.suppress(QwenLspError):
            await prefill.read_ahead(
                Task("explain", document, span),
                client,
                self._session.config.engine.context_tokens,
                self._context(document),
            )
