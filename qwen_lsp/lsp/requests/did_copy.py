"""`qwenLsp/didCopy`: what the user cuts or copies is a hint of what comes next."""

from __future__ import annotations

from typing import Any

from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.context import SessionContext
from qwen_lsp.lsp.session import Session

DID_COPY = "qwenLsp/didCopy"


def register(server: LanguageServer, session: Session, context: SessionContext) -> None:
    """Add the notification."""

    @server.feature(DID_COPY)
    def did_copy(params: Any) -> None:
        """Take `{textDocument, text}`: what the user cut or copied there."""
        text = getattr(params, "text", None)
        document = session.documents.get(convert.document_uri(params))
        if document is not None and isinstance(text, str):
            context.copied(document, convert.whole_chars(text))
