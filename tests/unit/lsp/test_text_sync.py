"""Who follows the text: changes of a notebook's cells reach what was found in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from qwen_lsp.completion.offers import Offers
from qwen_lsp.completion.stats.recorder import Recorder
from qwen_lsp.config import Layer
from qwen_lsp.lsp import text_sync
from qwen_lsp.lsp.action_context import action_context
from qwen_lsp.lsp.action_prefill import ReadAhead
from qwen_lsp.lsp.action_run import ActionRunner
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.context import SessionContext
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.notebooks import Notebooks
from qwen_lsp.lsp.reviewing import Reviewing
from qwen_lsp.lsp.server import Server
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.status import Reporter
from qwen_lsp.lsp.suggest import Suggester
from qwen_lsp.text import Change
from tests.support.isolation import isolate_user

BOOK, CELL = "file:///code/a.ipynb", "vscode-notebook-cell:/code/a.ipynb#1"


class Followed(Reviewing):
    """Notes what reaches it."""

    def follow(self, change: Change) -> None:
        self.changes = [*getattr(self, "changes", ()), change]
        super().follow(change)


async def test_a_change_of_a_cell_reaches_the_reviews(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    isolate_user(monkeypatch, tmp_path)
    server, session = Server(), Session(Layer("command line", {"completion.enabled": False}))
    await session.configure("client", {})
    client, notebooks = Client(server), Notebooks(session.documents)
    indexing = Indexing(session, client, notebooks)
    context, status = SessionContext(session, notebooks, indexing), Reporter(session, client)
    stats = Recorder(lambda: False, session.spawn)
    offers = Offers(session.documents.get, stats)
    suggester = Suggester(session, client, notebooks, indexing, status, offers, stats)
    known = action_context(session, indexing)
    read_ahead = ReadAhead(session, known)
    actions = ActionRunner(session, client, status, known, read_ahead)
    reviewing = Followed(session, client, indexing)
    text_sync.register(
        server, session, client, notebooks, indexing, context, suggester, reviewing, read_ahead, actions
    )
    features = server.protocol.fm.features
    cell = types.NotebookCell(types.NotebookCellKind.Code, CELL)
    item = types.TextDocumentItem(CELL, "python", 1, "eval(x)\n")
    book = types.NotebookDocument(BOOK, "jupyter-notebook", 1, [cell])
    features[types.NOTEBOOK_DOCUMENT_DID_OPEN](types.DidOpenNotebookDocumentParams(book, [item]))
    at = types.Range(types.Position(0, 0), types.Position(0, 0))
    content = types.NotebookDocumentCellContentChanges(
        types.VersionedTextDocumentIdentifier(2, CELL),
        [types.TextDocumentContentChangePartial(at, "# one\n")],
    )
    event = types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(text_content=[content]))
    which = types.VersionedNotebookDocumentIdentifier(2, BOOK)
    features[types.NOTEBOOK_DOCUMENT_DID_CHANGE](types.DidChangeNotebookDocumentParams(which, event))
    assert [(one.after.uri, one.after.text) for one in reviewing.changes] == [(CELL, "# one\neval(x)\n")]
    await session.close_host()
