"""Read the prompt of the place where the cursor rests, so that the first key there finds it read.

Every client lists the code actions where its cursor comes to rest, so the place is known without an
extension. State: one timer, the newest place wins. Nothing starts for this: the engine must be loaded, and
a request ends it at once.
"""

from __future__ import annotations

import asyncio
import contextlib

from qwen_lsp.errors import ModelError
from qwen_lsp.lsp.notebooks import Notebooks
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.suggest import Suggester
from qwen_lsp.text import Cursor, Document

# A place that the cursor only passes is none that it rests at.
_REST_S = 0.1


class RestingCursor:
    """Where the cursor of one session rests."""

    def __init__(self, session: Session, notebooks: Notebooks, suggester: Suggester) -> None:
        self._session = session
        self._notebooks = notebooks
        self._suggester = suggester
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
        session, uri = self._session, document.uri
        is_typed_on = session.documents.get(uri) is not document or self._suggester.is_asking(uri)
        if is_typed_on or not session.config.completion.enabled:
            return
        cursor = self._notebooks.whole(Cursor(document, offset))
        with contextlib.suppress(ModelError):  # reported when something is asked
            session.completer.prefill(cursor, session.relative_path(cursor.document))
