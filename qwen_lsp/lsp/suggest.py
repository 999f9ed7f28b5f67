"""One request for a suggestion, whichever LSP method it came by: ask, fit to the text of now, take note.

`suggest` is what `textDocument/inlineCompletion` and the popup's `textDocument/completion` share. It
never raises but for a cancellation, because nobody has asked for an error message while typing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types

from qwen_lsp.completion.completer import EXCLUDED, Completion, OnText, Rejected, Trigger
from qwen_lsp.completion.rebase import rebase
from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp import exclusion
from qwen_lsp.messages import text
from qwen_lsp.text import Cursor, Document, Edit, Span
from qwen_lsp.trace import Trace

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

log = logging.getLogger(__name__)

DID_ACCEPT_COMMAND = "qwenLsp.didAccept"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One candidate: an edit of `document`, and the command that tells us when it was accepted."""

    document: Document
    edit: Edit
    command: types.Command | None = None


async def suggest(
    server: Server, cursor: Cursor, trigger: Trigger, on_text: OnText | None = None
) -> list[Suggestion]:
    """Return the candidates at a cursor, the best first."""
    document, uri = cursor.document, cursor.document.uri
    asked = server.notebooks.whole(cursor)
    server.asked_uri = uri
    server.asking[uri] += 1
    try:
        with server.status.working(), server.indexing.paused():
            completer, path = server.completer, server.relative_path(asked.document)
            outcome: Completion | Rejected
            if exclusion.is_excluded(server, asked.document):
                trace = Trace(path=path or "", trigger=trigger, reason="excluded", detail=EXCLUDED)
                outcome = Rejected("excluded", EXCLUDED, trace)
                completer.last[asked.document.uri] = trace
            else:
                outcome = await completer.complete(asked, trigger, path, on_text)
    except QwenLspError as error:  # no completer at all: the settings name no model that exists
        server.failed = Trace(trigger=trigger, reason="model", detail=str(error))
        outcome = Rejected("model", str(error), server.failed)
    except Exception:
        log.exception("completion failed in %s", uri)
        return []
    finally:
        server.asking[uri] -= 1
        if not server.asking[uri]:
            del server.asking[uri]
    server.status.noted(outcome.trace)
    if not isinstance(outcome, Completion):
        log.info("no suggestion: %s: %s", outcome.reason, outcome.detail)
        _count_rejected(server, document.language, outcome)
        return []
    log.info("suggestion after %.0f ms", outcome.trace.total_ms)
    now = server.documents.get(uri, document)
    edits = [_moved(edit, cursor.offset - asked.offset) for edit in (outcome.edit, *outcome.alternatives)]
    if now.version != document.version:  # typed on, and this client has not asked again
        edits = [moved for edit in edits if (moved := rebase(edit, document, now))]
    if not edits:
        trace = outcome.trace
        trace.reason, trace.detail = "superseded", "the text went another way while the model wrote"
        return []
    server.stats.latency(document.language, outcome.trace.total_ms)
    return [Suggestion(now, edit, _offer(server, now, edit, edit is edits[0])) for edit in edits]


def _moved(edit: Edit, by: int) -> Edit:
    return Edit(Span(edit.span.start + by, edit.span.end + by), edit.new_text) if by else edit


def _offer(server: Server, document: Document, edit: Edit, is_first: bool) -> types.Command | None:
    """Note the offer; return the command to run on its acceptance, for clients that can."""
    offer = server.offers.offered if is_first else server.offers.alternative
    id_ = offer(document, edit)
    workspace = server.client_capabilities.workspace
    if not server.config.stats.enabled or workspace is None or workspace.execute_command is None:
        return None
    return types.Command(text("command.accepted", server.locale), DID_ACCEPT_COMMAND, arguments=[id_])


def _count_rejected(server: Server, language: str, outcome: Rejected) -> None:
    # A request that was overtaken or never wanted was not held back.
    if outcome.reason not in ("superseded", "cancelled", "off", "excluded"):
        server.stats.held_back(language, outcome.trace.rule or outcome.reason)
