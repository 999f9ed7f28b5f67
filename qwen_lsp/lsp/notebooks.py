"""Open notebooks: each cell is a document of its own, and the code of all cells together is another one.

State: for each notebook the order of its cells and their common source. A suggestion in a cell is asked for
in the common source, so the other cells are its context, and carried back into the cell. The source stands
for the `.ipynb` file in the index.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lsprotocol import types

from qwen_lsp.lsp import convert
from qwen_lsp.syntax import notebook
from qwen_lsp.syntax.notebook import CellKind
from qwen_lsp.text import Change, Cursor, Document, Edit, Span, whole_text_change

log = logging.getLogger(__name__)

SYNC = types.NotebookDocumentSyncOptions([types.NotebookDocumentFilterWithNotebook("*")])


@dataclass(frozen=True, slots=True)
class _Open:
    """A notebook, its cells (kind and URI) in their order, their source and where each is in it."""

    cells: tuple[tuple[CellKind, str], ...]
    source: Document
    starts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Changed:
    """What one message did to a notebook: to each cell, to the common source, and which cells are gone."""

    source: Change
    cells: tuple[Change, ...] = ()
    gone: tuple[str, ...] = ()


class Notebooks:
    """The notebooks that the client has open. Their cells are among the documents of the session."""

    def __init__(self, documents: dict[str, Document]) -> None:
        self._documents = documents
        self._open: dict[str, _Open] = {}

    def document(self, uri: str) -> Document | None:
        """Return the open document of a URI, or the code of the open notebook of that URI."""
        return self._documents.get(uri) or self.source(uri)

    def source(self, uri: str) -> Document | None:
        """Return the code of all cells of the notebook of that URI."""
        found = self._open.get(uri)
        return found.source if found is not None else None

    def sources(self) -> list[Document]:
        """Return the code of every open notebook."""
        return [found.source for found in self._open.values()]

    def owner(self, uri: str) -> str:
        """Return the URI of the notebook whose source holds a cell; other URIs as they are."""
        return next((name for name, found in self._open.items() if uri in found.starts), uri)

    def whole(self, cursor: Cursor) -> Cursor:
        """Return the same place in the source of its notebook; the cursor itself outside of notebooks."""
        uri = cursor.document.uri
        found = self._open.get(self.owner(uri))
        return Cursor(found.source, found.starts[uri] + cursor.offset) if found is not None else cursor

    def opened(self, params: types.DidOpenNotebookDocumentParams) -> Document:
        """Take a notebook and its cells; return their common source."""
        book = params.notebook_document
        self._take(params.cell_text_documents)
        cells = [(_kind(cell), cell.document) for cell in book.cells]
        return self._join(book.uri, book.version, cells).source

    def changed(self, params: types.DidChangeNotebookDocumentParams, encoding: str) -> Changed | None:
        """Apply a change of the order, the kinds or the texts of cells; None when it is not open."""
        uri, version, changes = (
            params.notebook_document.uri,
            params.notebook_document.version,
            params.change.cells,
        )
        found = self._open.get(uri)
        if found is None:
            log.warning("change of a notebook that is not open: %s", uri)
            return None
        cells, gone = list(found.cells), list[str]()
        if changes is not None and (structure := changes.structure) is not None:
            self._take(structure.did_open or ())
            array = structure.array
            new = [(_kind(cell), cell.document) for cell in array.cells or ()]
            cells[array.start : array.start + array.delete_count] = new
            gone = self._drop(structure.did_close or ())
        if changes is not None and changes.data:
            kinds = {cell.document: _kind(cell) for cell in changes.data}
            cells = [(kinds.get(name, kind), name) for kind, name in cells]
        in_cells: list[Change] = []
        for content in (changes.text_content or ()) if changes is not None else ():
            if (document := self._documents.get(content.document.uri)) is not None:
                in_cell = convert.changed(document, content.changes, content.document.version, encoding)
                self._documents[document.uri] = in_cell.after
                in_cells.append(in_cell)
        after = self._join(uri, version, cells).source
        return Changed(_in_source(found, after, in_cells), tuple(in_cells), tuple(gone))

    def closed(self, params: types.DidCloseNotebookDocumentParams) -> tuple[Document | None, Sequence[str]]:
        """Forget a notebook and its cells; return its source and the URIs of its cells."""
        gone = self._drop(params.cell_text_documents)
        found = self._open.pop(params.notebook_document.uri, None)
        return found.source if found is not None else None, gone

    def _take(self, items: Sequence[types.TextDocumentItem]) -> None:
        # A cell has no path: its text is not that of the file.
        for item in items:
            text = convert.whole_chars(item.text)
            self._documents[item.uri] = Document(item.uri, text, item.version, str(item.language_id))

    def _drop(self, cells: Sequence[types.TextDocumentIdentifier]) -> list[str]:
        return [cell.uri for cell in cells if self._documents.pop(cell.uri, None) is not None]

    def _join(self, uri: str, version: int, cells: Sequence[tuple[CellKind, str]]) -> _Open:
        """Make the common source; the language of most code cells is the notebook's."""
        documents = self._documents
        cells = [(kind, name) for kind, name in cells if name in documents]
        spoken = Counter(documents[name].language for kind, name in cells if kind == "code")
        language = spoken.most_common(1)[0][0] if spoken else "python"
        made = notebook.join(
            [(kind, documents[name].language, documents[name].text) for kind, name in cells], language
        )
        starts = {
            name: cell.start
            for (_, name), cell in zip(cells, made.cells, strict=True)
            if cell.start is not None
        }
        source = Document(uri, made.source, version, language, convert.path_of(uri))
        self._open[uri] = found = _Open(tuple(cells), source, starts)
        return found


def _in_source(before: _Open, after: Document, in_cells: Sequence[Change]) -> Change:
    """Return the change of the common source: the edits of its cells, each where its cell is.

    Cells that come, go or change their kind, and lines that the source shows in another way, make it one
    change of the whole text.
    """
    edits: list[Edit] = []
    starts = dict(before.starts)
    source = before.source
    for change in in_cells:
        start = starts.get(change.before.uri)
        if start is None:
            continue
        moved = [
            Edit(Span(edit.span.start + start, edit.span.end + start), edit.new_text) for edit in change.edits
        ]
        for edit in moved:
            source = source.with_edit(edit, after.version)
        edits += moved
        by = len(change.after.text) - len(change.before.text)
        starts = {name: at + by if at > start else at for name, at in starts.items()}
    is_same = source.text == after.text
    return Change(before.source, after, tuple(edits)) if is_same else whole_text_change(before.source, after)


def _kind(cell: types.NotebookCell) -> CellKind:
    return "code" if cell.kind == types.NotebookCellKind.Code else "markdown"
