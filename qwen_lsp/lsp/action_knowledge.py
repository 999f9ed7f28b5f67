"""What the session knows that an action may use: the folder's index, and the documents that are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen_lsp.actions import repository
from qwen_lsp.actions.task import Knowledge
from qwen_lsp.text import Document

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server


def knowledge(server: Server, document: Document) -> Knowledge:
    """Return what is known around a document."""
    by_path = {one.path: one for one in server.documents.values() if one.path}
    known = Knowledge(open_document=lambda path: by_path.get(str(path)))
    place = server.indexing.place(document)
    return known if place is None else repository.informed(known, *place)
