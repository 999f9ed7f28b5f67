"""What the session knows that an action may use: the folder's index, and the documents that are open."""

from __future__ import annotations

from collections.abc import Callable

from qwen_lsp.actions.task import RepositoryContext
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.session import Session
from qwen_lsp.text import Document

ActionContext = Callable[[Document], RepositoryContext]


def action_context(session: Session, indexing: Indexing) -> ActionContext:
    """Return the function that finds what is known around a document."""

    def known(document: Document) -> RepositoryContext:
        by_path = {one.path: one for one in session.documents.values() if one.path}
        context = RepositoryContext(open_document=lambda path: by_path.get(str(path)))
        place = indexing.place(document)
        if place is None:
            return context
        from qwen_lsp.actions import repository  # for an action that runs: most windows run none

        return repository.enrich(context, *place)

    return known
