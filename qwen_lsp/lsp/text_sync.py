"""didOpen, didChange, didClose: keep a frozen Document for each open file and each cell of a notebook.

They replace the framework's own handling, whose line table also breaks at form feeds and Unicode
separators and so puts every later edit on a wrong line, and which keeps a second, mutable copy.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

from lsprotocol import types
from pygls.protocol import lsp_method

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.requests import review
from qwen_lsp.lsp.tolerance import TolerantProtocol
from qwen_lsp.text import Document

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

log = logging.getLogger(__name__)


class Protocol(TolerantProtocol):
    """The framework's protocol with our text synchronisation."""

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Freeze the text that the editor shows; from now on it wins over the disk."""
        item = params.text_document
        text, path = convert.whole_chars(item.text), convert.path_of(item.uri)
        document = Document(item.uri, text, item.version, item.language_id, path)
        _ours(self).documents[item.uri] = document
        review.opened(_ours(self), document)
        _ours(self).indexing.changed(document)
        _ours(self).warm_up()

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Replace the document by one with the changes applied in their order."""
        uri, version = params.text_document.uri, params.text_document.version
        document = _ours(self).documents.get(uri)
        if document is None:
            log.warning("change of a document that is not open: %s", uri)
            return
        change = convert.changed(document, params.content_changes, version, _ours(self).encoding)
        _ours(self).documents[uri] = change.after
        review.follow(_ours(self), change)
        _ours(self).context.edited(change)
        _ours(self).changed(change)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget the document and end its request."""
        if (document := _ours(self).documents.pop(params.text_document.uri, None)) is not None:
            _ours(self).context.forget(document)
            _ours(self).indexing.closed(document)
        _ours(self).forget(params.text_document.uri)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: types.DidOpenNotebookDocumentParams) -> None:
        """Take the cells of a notebook, which come by no other way."""
        _ours(self).notebooks.opened(params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: types.DidChangeNotebookDocumentParams) -> None:
        """Follow its cells."""
        _ours(self).notebooks.changed(params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: types.DidCloseNotebookDocumentParams) -> None:
        """Forget it."""
        _ours(self).notebooks.closed(params)


def _ours(protocol: Protocol) -> Server:
    # A function, because the framework evaluates every attribute of the class before the server exists.
    return cast("Server", protocol._server)
