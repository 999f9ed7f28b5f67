"""What of reviews a session needs from its start: following the text, and the providers of code actions.

All else is loaded at the first review: a session without one must not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.actions.fits import NO_CODE
from qwen_lsp.lsp.action_list import Asked, range_json
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.review_shown import REVIEW, Reviews
from qwen_lsp.lsp.session import Session
from qwen_lsp.messages import text
from qwen_lsp.syntax import languages
from qwen_lsp.text import Change, Document, whole_text_change

if TYPE_CHECKING:
    from qwen_lsp.review.find.asking import Progress


class Reviewing:
    """The reviews of one session. State: what the client shows of them, in `Reviews`."""

    def __init__(self, session: Session, client: Client, indexing: Indexing) -> None:
        self._session = session
        self._client = client
        self._indexing = indexing
        self._reviews = Reviews()

    async def review(self, options: dict[str, Any], on_progress: Progress) -> dict[str, Any]:
        """Review `{scope, uri?, base?, range?}`; return findings, coverage, summary and status."""
        from qwen_lsp.lsp import review_run

        return await review_run.review(
            self._session, self._client, self._indexing, self._reviews, options, on_progress
        )

    async def dismiss(self, options: dict[str, Any]) -> None:
        """Set `{fingerprint | rule | path, uri}` aside in the repository."""
        from qwen_lsp.lsp import review_dismiss

        for uri in await review_dismiss.dismiss(self._reviews, self._session.folders, options):
            self._publish(uri)

    def forget(self) -> None:
        """Take everything away that was found."""
        for uri in list(self._reviews.shown):
            self._reviews.shown[uri] = {}
            self._publish(uri)

    def follow(self, change: Change) -> None:
        """Move what was found in a document by a change; take away what was edited.

        Editors move diagnostics by themselves: they get new ones only when some are gone.
        """
        if self._reviews.follow(change):
            self._publish(change.after.uri)

    def opened(self, document: Document) -> None:
        """Place what was found in a file into the text that an editor has of it."""
        if shown := self._reviews.shown.get(document.uri):
            self.follow(whole_text_change(next(iter(shown.values())).document, document))

    def actions(self, asked: Asked) -> Sequence[types.CodeAction]:
        """Offer the fix of each finding at the selection, and to dismiss it. A provider of code_action."""
        if not any(self._reviews.shown.values()):
            return ()
        from qwen_lsp.lsp.review_actions import review_actions

        return review_actions(self._client, self._reviews, asked)

    def selection_action(self, asked: Asked) -> Sequence[types.CodeAction]:
        """Offer to review the selection. A provider of code_action."""
        document, span = asked.document, asked.span
        language = languages.find(document.language, document.path)
        is_code = language is not None and language.id not in NO_CODE
        if not is_code or not document.text[span.start : span.end].strip():
            return []
        title = text("command.review", self._client.locale)
        range_ = range_json(document, span, self._client.encoding)
        options = {"scope": "file", "uri": document.uri, "range": range_}
        return [types.CodeAction(title, command=types.Command(title, REVIEW, arguments=[options]))]

    def _publish(self, uri: str) -> None:
        from qwen_lsp.lsp.review_diagnostics import publish

        publish(self._client, self._reviews, self._session.documents, uri)
