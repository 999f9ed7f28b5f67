"""One request for a suggestion, whichever LSP method it came by: ask, fit to the text of now, take note.

It is what `textDocument/inlineCompletion` and the popup's `textDocument/completion` share. It
never raises but for a cancellation, because nobody has asked for an error message while typing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lsprotocol import types

from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.completion.offers import Offers
from qwen_lsp.completion.outcome import Completion, OnText, Rejected, Trigger
from qwen_lsp.completion.stats.recorder import Recorder
from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp import exclusion
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.notebooks import Notebooks
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.status import Reporter
from qwen_lsp.messages import text
from qwen_lsp.text import Change, Cursor, Document, Edit, Span
from qwen_lsp.trace import Trace

log = logging.getLogger(__name__)

DID_ACCEPT_COMMAND = "qwenLsp.didAccept"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One candidate: an edit of `document`, and the command that tells us when it was accepted."""

    document: Document
    edit: Edit
    command: types.Command | None = None


class Suggester:
    """Asks for suggestions. State: the places of the requests under way, and some records."""

    def __init__(
        self,
        session: Session,
        client: Client,
        notebooks: Notebooks,
        indexing: Indexing,
        status: Reporter,
        offers: Offers,
        stats: Recorder,
    ) -> None:
        self._session = session
        self._client = client
        self._notebooks = notebooks
        self._indexing = indexing
        self._status = status
        self._offers = offers
        self._stats = stats
        self._points: dict[str, list[InsertionPoint]] = {}
        self._failed: dict[str, Trace] = {}
        self.last_uri = ""
        self.has_inline = False  # the client sends `textDocument/inlineCompletion`, whatever it has announced

    def is_asking(self, uri: str) -> bool:
        """Whether a request of the document is under way."""
        return bool(self._points.get(uri))

    def follow(self, change: Change) -> None:
        """Follow the text of a document or of a cell: what is asked for now may be offered later."""
        for point in self._points.get(change.after.uri, ()):
            point.follow(change)

    def last_trace(self, uri: str) -> Trace | None:
        """Return the record of the document's last request."""
        return self._failed.get(uri) or self._session.last_trace(self._notebooks.owner(uri))

    def forget(self, uri: str) -> None:
        """Drop what is kept of a closed document, and end its request."""
        self._failed.pop(uri, None)
        self._offers.forget(uri)
        self._session.forget(uri)

    async def suggest(
        self,
        cursor: Cursor,
        trigger: Trigger,
        on_text: OnText | None = None,
        selected: Edit | None = None,
    ) -> list[Suggestion]:
        """Return the candidates at a cursor, the best first.

        `selected` is the item that the editor's list of completions would put in: a suggestion then goes on
        from it and replaces what it replaces.
        """
        document, uri = cursor.document, cursor.document.uri
        whole = self._notebooks.whole(cursor)
        shift = whole.offset - cursor.offset
        asked = whole if selected is None else _accepted(whole, _moved(selected, shift))
        with self._following(cursor) as point:
            outcome = await self._outcome(uri, asked, trigger, on_text)
        self._status.noted(outcome.trace)
        if not isinstance(outcome, Completion):
            log.info("no suggestion: %s: %s", outcome.reason, outcome.detail)
            # A request that was overtaken or never wanted was not held back.
            if outcome.reason not in ("superseded", "cancelled", "off", "excluded"):
                self._stats.held_back(document.language, outcome.trace.rule or outcome.reason)
            return []
        log.info("suggestion after %.0f ms", outcome.trace.total_ms)
        now = self._session.documents.get(uri, document)
        edits = [_moved(edit, -shift) for edit in (outcome.edit, *outcome.alternatives)]
        if selected is not None:
            is_same = now is document
            edits = [Edit(selected.span, selected.new_text + edit.new_text) for edit in edits if is_same]
        elif now is not document:  # typed on, and this client has not asked again
            is_followed = now is point.document
            edits = [moved for edit in edits if is_followed and (moved := point.rebase(edit))]
        if not edits:
            trace = outcome.trace
            trace.reason, trace.detail = "superseded", "the text went another way while the model wrote"
            return []
        self._stats.latency(document.language, outcome.trace.total_ms)
        return [Suggestion(now, edit, self._offer(now, edit, edit is edits[0])) for edit in edits]

    async def _outcome(
        self, uri: str, asked: Cursor, trigger: Trigger, on_text: OnText | None
    ) -> Completion | Rejected:
        """Ask; whatever goes wrong is a reason, and has its record."""
        self.last_uri = uri
        self._failed.pop(uri, None)
        try:
            with self._status.working(), self._indexing.paused():
                completer, path = self._session.completer, self._session.relative_path(asked.document)
                if exclusion.is_excluded(self._session, asked.document):
                    return self._failure(uri, Rejected.excluded(Trace(path=path or "", trigger=trigger)))
                return await completer.complete(asked, trigger, path, on_text)
        except QwenLspError as error:  # no completer at all: the settings name no model that exists
            return self._failure(uri, Rejected("model", str(error), Trace(trigger=trigger)))
        except Exception as error:
            return self._failure(uri, Rejected.failed(error, Trace(trigger=trigger)))

    @contextmanager
    def _following(self, cursor: Cursor) -> Iterator[InsertionPoint]:
        """Follow the place of a request for as long as it runs."""
        uri, point = cursor.document.uri, InsertionPoint(cursor.document, cursor.offset)
        self._points.setdefault(uri, []).append(point)
        try:
            yield point
        finally:
            self._points[uri].remove(point)
            if not self._points[uri]:
                del self._points[uri]

    def _failure(self, uri: str, outcome: Rejected) -> Rejected:
        outcome.trace.end(outcome.reason, outcome.detail)
        self._failed[uri] = outcome.trace
        return outcome

    def _offer(self, document: Document, edit: Edit, is_first: bool) -> types.Command | None:
        """Note the offer; return the command to run on its acceptance, for clients that can."""
        offer = self._offers.offered if is_first else self._offers.alternative
        id_ = offer(document, edit)
        if not self._session.config.stats.enabled or not self._client.capabilities.execute_command:
            return None
        return types.Command(
            text("command.accepted", self._client.locale), DID_ACCEPT_COMMAND, arguments=[id_]
        )


def _accepted(cursor: Cursor, item: Edit) -> Cursor:
    """Return the cursor as it would be with an item of the list put in."""
    document = cursor.document
    return Cursor(document.with_edit(item, document.version), item.span.start + len(item.new_text))


def _moved(edit: Edit, by: int) -> Edit:
    return Edit(Span(edit.span.start + by, edit.span.end + by), edit.new_text) if by else edit
