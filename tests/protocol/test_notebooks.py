"""Notebooks over the LSP: cells of one are context for each other, and stand for its file in the index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lsprotocol import types

from qwen_lsp.bench.editor import capabilities
from qwen_lsp.index.reader import Index
from qwen_lsp.lsp.requests.explain import EXPLAIN
from tests.support.editor import Editor, editing, within
from tests.support.engine_server import EngineServer, says
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE, MARKUP = types.NotebookCellKind.Code, types.NotebookCellKind.Markup
CELLS = [
    (MARKUP, "markdown", "# Prices\n"),
    (CODE, "python", "%matplotlib inline\nimport csv\n\ndef gross_price(net, rate):\n    return net * rate"),
    (CODE, "shellscript", "ls -l"),
    (CODE, "python", "价格 = [1, 2]\ntotal = "),
    (CODE, "python", "print(total)"),
]


def able() -> types.ClientCapabilities:
    able_to = capabilities([types.PositionEncodingKind.Utf16])
    sync = types.NotebookDocumentSyncClientCapabilities()
    able_to.notebook_document = types.NotebookDocumentClientCapabilities(sync)
    return able_to


class Book:
    """A notebook as a client keeps it."""

    def __init__(self, editor: Editor, file: Path) -> None:
        self.editor = editor
        self.uri = file.as_uri()
        self.version = 1

    def cell(self, number: int) -> str:
        return f"vscode-notebook-cell:{self.uri.removeprefix('file:')}#c{number}"

    def notify(self, method: str, params: object) -> None:
        self.editor.session.client.protocol.notify(method, params)

    def open(self) -> None:
        cells = [types.NotebookCell(kind, self.cell(n)) for n, (kind, _, _) in enumerate(CELLS)]
        items = [
            types.TextDocumentItem(self.cell(n), language, 1, text)
            for n, (_, language, text) in enumerate(CELLS)
        ]
        book = types.NotebookDocument(self.uri, "jupyter-notebook", 1, cells)
        self.notify(types.NOTEBOOK_DOCUMENT_DID_OPEN, types.DidOpenNotebookDocumentParams(book, items))

    def change(self, changes: types.NotebookDocumentCellChanges) -> None:
        self.version += 1
        book = types.VersionedNotebookDocumentIdentifier(self.version, self.uri)
        event = types.NotebookDocumentChangeEvent(cells=changes)
        self.notify(types.NOTEBOOK_DOCUMENT_DID_CHANGE, types.DidChangeNotebookDocumentParams(book, event))

    def close(self) -> None:
        cells = [types.TextDocumentIdentifier(self.cell(n)) for n in range(len(CELLS))]
        params = types.DidCloseNotebookDocumentParams(types.NotebookDocumentIdentifier(self.uri), cells)
        self.notify(types.NOTEBOOK_DOCUMENT_DID_CLOSE, params)


async def test_the_other_cells_are_context(engine: EngineServer, tmp_path: Path) -> None:
    engine.answer = says("sum(价格)")
    async with editing(engine, tmp_path, client=able()) as editor:
        assert editor.session.result is not None
        assert editor.session.result.capabilities.notebook_document_sync is not None
        book = Book(editor, tmp_path / "prices.ipynb")
        book.open()
        suggested = await editor.suggest_at(book.cell(3), 1, 8)
        assert suggested is not None
        text, range_ = suggested
        assert text == "sum(价格)"
        assert range_ == types.Range(types.Position(1, 8), types.Position(1, 8))
        prompt = engine.last.prompt
        suffix, prefix = prompt.partition("<|fim_middle|>")[::2]
        assert "def gross_price" in prefix
        assert "价格 = [1, 2]" in prefix
        assert "print(total)" in suffix
        assert "# Prices" not in prompt
        assert "ls -l" not in prompt
        assert "prices.ipynb" in prefix
        explained = await within(editor.session.request(EXPLAIN, {"textDocument": {"uri": book.cell(3)}}))
        assert explained.outcome == "shown"


async def test_changes_of_cells_are_followed(engine: EngineServer, tmp_path: Path) -> None:
    engine.answer = says("1")
    async with editing(engine, tmp_path, client=able()) as editor:
        book = Book(editor, tmp_path / "prices.ipynb")
        book.open()
        change = types.TextDocumentContentChangePartial(
            types.Range(types.Position(3, 4), types.Position(3, 15)), "net_price"
        )
        content = types.NotebookDocumentCellContentChanges(
            types.VersionedTextDocumentIdentifier(2, book.cell(1)), [change]
        )
        book.change(types.NotebookDocumentCellChanges(text_content=[content]))
        await editor.suggest_at(book.cell(3), 1, 8)
        assert "def net_price(net, rate)" in engine.last.prompt
        # The last cell goes, and a new one comes in front of the others.
        new = types.TextDocumentItem("untitled:new-cell", "python", 1, "import new_module")
        for array, opened, closed in (
            (types.NotebookCellArrayChange(4, 1), [], [types.TextDocumentIdentifier(book.cell(4))]),
            (types.NotebookCellArrayChange(0, 0, [types.NotebookCell(CODE, new.uri)]), [new], []),
        ):
            structure = types.NotebookDocumentCellChangeStructure(array, opened, closed)
            book.change(types.NotebookDocumentCellChanges(structure=structure))
        await editor.suggest_at(book.cell(3), 1, 8)
        assert "import new_module" in engine.last.prompt
        assert "print(total)" not in engine.last.prompt
        # A cell that becomes prose is no code any more.
        book.change(types.NotebookDocumentCellChanges(data=[types.NotebookCell(MARKUP, new.uri)]))
        await editor.suggest_at(book.cell(3), 1, 8)
        assert "import new_module" not in engine.last.prompt
        book.close()
        assert await editor.suggest_at(book.cell(3), 1, 8) is None


async def test_an_open_notebook_stands_for_its_file(engine: EngineServer, tmp_path: Path) -> None:
    """Its unsaved cells are what other files are shown of it."""
    file = tmp_path / "prices.ipynb"
    cell = {"cell_type": "code", "source": "def old_name(a): pass", "metadata": {}, "outputs": []}
    file.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}))
    (tmp_path / "use.py").write_text("x = 1\n")
    engine.answer, engine.model = says("(1)"), "some-7b"
    async with editing(engine, tmp_path, client=able()) as editor:
        index = Index(tmp_path)
        await until(lambda: bool(index.definitions_named(["old_name"])), "it is indexed", 60)
        index.close()
        Book(editor, file).open()
        place = await editor.open("gross = gross_price║", uri=(tmp_path / "use.py").as_uri())

        await editor.suggest(place)
        # Where nothing was found, because the folder was not indexed yet, a pause looks again.
        await until(lambda: "gross_price(net, rate)" in engine.last.prompt, "it is shown", 60)
        assert "<|file_sep|>prices.ipynb\n" in engine.last.prompt
