"""textDocument/didSave: the index reads the file again."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp.indexing import Indexing


def register(server: LanguageServer, indexing: Indexing) -> None:
    """Add the handler."""

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: types.DidSaveTextDocumentParams) -> None:
        await indexing.touched([params.text_document.uri])
