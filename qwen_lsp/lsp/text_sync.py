"""didOpen, didChange, didClose of documents and notebooks: where text arrives, and who follows it.

Each message becomes one value, `text.Change`, which the reviews, the recent activity, the index and the
completer follow. These handlers replace the framework's own, whose line table also breaks at form feeds and
Unicode separators and so puts every later edit on a wrong line, and which keeps a second, mutable copy.
"""

from __future__ import annotations

import logging

from cattrs import Converter
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.action_prefill import ReadAhead
from qwen_lsp.lsp.action_run import ActionRunner
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.context import SessionContext
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.notebooks import Notebooks
from qwen_lsp.lsp.reviewing import Reviewing
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.suggest import Suggester
from qwen_lsp.lsp.tolerance import TolerantProtocol
from qwen_lsp.text import Change, Document

log = logging.getLogger(__name__)

_OURS = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
)


class Protocol(TolerantProtocol):
    """The framework's protocol without its own text synchronisation."""

    def __init__(self, server: LanguageServer, converter: Converter) -> None:
        super().__init__(server, converter)
        for method in _OURS:
            del self.fm.builtin_features[method]


def register(
    server: LanguageServer,
    session: Session,
    client: Client,
    notebooks: Notebooks,
    indexing: Indexing,
    context: SessionContext,
    suggester: Suggester,
    reviewing: Reviewing,
    read_ahead: ReadAhead,
    actions: ActionRunner,
) -> None:
    """Add the handlers."""

    def follow(change: Change) -> None:
        """Let everything follow the text of a document, or of the source of a notebook."""
        context.edited(change)
        indexing.changed(change.after)
        read_ahead.stop()
        actions.changed(change.after.uri)
        session.follow(change)

    def forget(source: Document) -> None:
        context.forget(source)
        indexing.closed(source)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        """Freeze the text that the editor shows; from now on it wins over the disk."""
        item = params.text_document
        text, path = convert.whole_chars(item.text), convert.path_of(item.uri)
        document = Document(item.uri, text, item.version, str(item.language_id), path)
        session.documents[item.uri] = document
        reviewing.opened(document)
        indexing.changed(document)
        session.warm_up()

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        """Replace the document by one with the changes applied in their order."""
        uri, version = params.text_document.uri, params.text_document.version
        document = session.documents.get(uri)
        if document is None:
            log.warning("change of a document that is not open: %s", uri)
            return
        change = convert.changed(document, params.content_changes, version, client.encoding)
        session.documents[uri] = change.after
        suggester.follow(change)
        reviewing.follow(change)
        follow(change)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        """Forget the document and end its request."""
        if (document := session.documents.pop(params.text_document.uri, None)) is not None:
            forget(document)
            actions.changed(document.uri)
        suggester.forget(params.text_document.uri)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def notebook_did_open(params: types.DidOpenNotebookDocumentParams) -> None:
        """Take the cells of a notebook, which come by no other way."""
        indexing.changed(notebooks.opened(params))
        session.warm_up()

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def notebook_did_change(params: types.DidChangeNotebookDocumentParams) -> None:
        """Follow its cells: findings are in the cells, all else follows their common source."""
        changed = notebooks.changed(params, client.encoding)
        if changed is None:
            return
        for change in changed.cells:
            suggester.follow(change)
            reviewing.follow(change)
        for uri in changed.gone:
            suggester.forget(uri)
        follow(changed.source)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def notebook_did_close(params: types.DidCloseNotebookDocumentParams) -> None:
        """Forget it and its cells."""
        source, cells = notebooks.closed(params)
        for uri in cells:
            suggester.forget(uri)
        if source is not None:
            forget(source)
            suggester.forget(source.uri)
