"""Read the prompt of the place where the cursor rests, so that the first key there finds it read.

Every client lists the code actions where its cursor comes to rest, so the place is known without an
extension. State: one timer, the newest place wins. Nothing starts for this: the engine must be
loaded, and a request ends it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from qwen_lsp.errors import ModelError
from qwen_lsp.text import Cursor, Document

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

# A place that the cursor only passes is none that it rests at.
_REST_S = 0.1


class ReadAhead:
    """What is read ahead for one session."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._timer: asyncio.TimerHandle | None = None

    def rested(self, document: Document, offset: int) -> None:
        """Note where the cursor has come to rest."""
        self.close()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_REST_S, self._read, document, offset)

    def close(self) -> None:
        """Forget the place."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read(self, document: Document, offset: int) -> None:
        server = self._server
        if not server.config.completion.enabled:
            return
        if server.current(document.uri) is not document or server.asking[document.uri]:
            return  # typed on since, and so it is asked about
        cursor = server.notebooks.whole(Cursor(document, offset))
        with contextlib.suppress(ModelError):  # told when something is asked
            server.completer.prefill(cursor, server.relative_path(cursor.document))
