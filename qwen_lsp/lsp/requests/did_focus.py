"""`qwenLsp/didFocus`: the cursor has settled, so the prompt of its place is read before the first key."""

from __future__ import annotations

import contextlib
from typing import Any

from pygls.lsp.server import LanguageServer

from qwen_lsp.errors import ModelError
from qwen_lsp.lsp import convert, exclusion
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.context import SessionContext
from qwen_lsp.lsp.notebooks import Notebooks
from qwen_lsp.lsp.session import Session
from qwen_lsp.text import Cursor

FOCUS = "qwenLsp/didFocus"


def register(
    server: LanguageServer, session: Session, client: Client, notebooks: Notebooks, context: SessionContext
) -> None:
    """Add the notification."""

    @server.feature(FOCUS)
    async def did_focus(params: Any) -> None:
        """Take `{textDocument, position, diagnostics?}`."""
        document = session.documents.get(convert.document_uri(params))
        if document is not None:
            place = convert.place(params)
            cursor = notebooks.whole(Cursor(document, convert.offset(document, place, client.encoding)))
            if exclusion.is_excluded(session, cursor.document):
                return
            messages = getattr(params, "diagnostics", None) or []
            context.focused(cursor, [str(message) for message in messages])
            with contextlib.suppress(ModelError):  # reported when something is asked
                session.completer.prefill(cursor, session.relative_path(cursor.document))
