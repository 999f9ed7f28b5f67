"""Changes of a notebook: each cell's edits, carried into the code of all cells."""

from __future__ import annotations

import pytest
from lsprotocol import types

from qwen_lsp.lsp.notebooks import Changed, Notebooks
from qwen_lsp.text import Document

BOOK = "file:///prices.ipynb"
CODE, MARKUP = types.NotebookCellKind.Code, types.NotebookCellKind.Markup
CELLS = [
    (CODE, "python", "%matplotlib inline\nimport csv"),
    (MARKUP, "markdown", "# Prices\n"),
    (CODE, "python", "价格 = [1, 2]\ntotal = "),
]


def opened() -> tuple[Notebooks, dict[str, Document]]:
    documents: dict[str, Document] = {}
    books = Notebooks(documents)
    cells = [types.NotebookCell(kind, f"cell:{n}") for n, (kind, _, _) in enumerate(CELLS)]
    items = [
        types.TextDocumentItem(f"cell:{n}", language, 1, text) for n, (_, language, text) in enumerate(CELLS)
    ]
    book = types.NotebookDocument(BOOK, "jupyter-notebook", 1, cells)
    books.opened(types.DidOpenNotebookDocumentParams(book, items))
    return books, documents


def change(books: Notebooks, *typed: tuple[int, int, int, str]) -> Changed:
    """Type (cell, line, character, text), each into the text that the ones before it left."""
    contents = [
        types.NotebookDocumentCellContentChanges(
            types.VersionedTextDocumentIdentifier(2, f"cell:{cell}"),
            [
                types.TextDocumentContentChangePartial(
                    types.Range(types.Position(line, character), types.Position(line, character)), text
                )
            ],
        )
        for cell, line, character, text in typed
    ]
    event = types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(text_content=contents))
    book = types.VersionedNotebookDocumentIdentifier(2, BOOK)
    changed = books.changed(types.DidChangeNotebookDocumentParams(book, event), "utf-16")
    assert changed is not None
    return changed


def replayed(changed: Changed) -> str:
    document = changed.source.before
    for edit in changed.source.edits:
        document = document.with_edit(edit, 2)
    return document.text


@pytest.mark.parametrize(
    "typed",
    [
        [(2, 1, 8, "sum")],
        [(0, 1, 0, "# first\n"), (2, 0, 0, "# second\n")],
        [(2, 0, 0, "a"), (0, 0, 0, "b")],
        [(2, 1, 8, "\n")],  # the source ends with this line end already
        [(0, 1, 0, "%")],  # a line that the source shows as a comment
        [(0, 0, 0, "%%bash\n")],  # a cell that leaves the source
        [(1, 0, 0, "no code")],
    ],
)
def test_edits_of_cells_are_edits_of_their_source(typed: list[tuple[int, int, int, str]]) -> None:
    books, documents = opened()
    before = books.source(BOOK)
    changed = change(books, *typed)
    assert changed.source.before is before
    assert changed.source.after is books.source(BOOK)
    assert replayed(changed) == changed.source.after.text
    assert [one.after for one in changed.cells] == [documents[f"cell:{cell}"] for cell, *_ in typed]


def test_an_edit_keeps_its_place_in_its_cell() -> None:
    books, _ = opened()
    changed = change(books, (2, 1, 8, "sum(价格)"))
    (edit,) = changed.source.edits
    (in_cell,) = changed.cells[0].edits
    assert edit.new_text == in_cell.new_text == "sum(价格)"
    assert edit.span.start == in_cell.span.start + len("#matplotlib inline\nimport csv\n")


def test_what_is_closed_is_forgotten() -> None:
    books, documents = opened()
    cells = [types.TextDocumentIdentifier(f"cell:{n}") for n in range(3)]
    params = types.DidCloseNotebookDocumentParams(types.NotebookDocumentIdentifier(BOOK), cells)
    source, gone = books.closed(params)
    assert source is not None
    assert gone == ["cell:0", "cell:1", "cell:2"]
    assert (documents, books.source(BOOK), books.sources()) == ({}, None, [])
