"""textDocument/inlineCompletion, and the notification that streams an answer to clients that ask for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.completion.completer import Completion, Trigger
from qwen_lsp.completion.rebase import rebase
from qwen_lsp.lsp import convert
from qwen_lsp.text import Cursor

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

log = logging.getLogger(__name__)

PARTIAL = "qwenLsp/inlineCompletion/partial"
FOCUS = "qwenLsp/didFocus"


def register(server: Server) -> None:
    """Add the handler."""

    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline_completion(params: types.InlineCompletionParams) -> types.InlineCompletionList:
        nothing = types.InlineCompletionList(items=[])
        uri = params.text_document.uri
        document = server.documents.get(uri)
        if document is None:
            log.warning("completion in a document that is not open: %s", uri)
            return nothing
        encoding = server.encoding
        cursor = Cursor(document, convert.offset(document, params.position, encoding))

        def send_partial(text: str) -> None:
            message = {
                "uri": uri,
                "version": document.version,
                "position": {"line": params.position.line, "character": params.position.character},
                "text": text,
            }
            server.protocol.notify(PARTIAL, message)

        try:
            outcome = await server.completer.complete(
                cursor,
                _trigger(params.context.trigger_kind),
                server.relative_path(document),
                send_partial if server.wants_stream else None,
            )
        except Exception:
            log.exception("completion failed in %s", uri)
            return nothing
        if not isinstance(outcome, Completion):
            log.info("no suggestion: %s: %s", outcome.reason, outcome.detail)
            return nothing
        log.info("suggestion after %.0f ms", outcome.trace.total_ms)
        now = server.documents.get(uri, document)
        edits = [outcome.edit, *outcome.alternatives]
        if now.version != document.version:  # typed on, and this client has not asked again
            edits = [moved for edit in edits if (moved := rebase(edit, document, now))]
        return types.InlineCompletionList(
            items=[
                types.InlineCompletionItem(
                    insert_text=edit.new_text, range=convert.lsp_range(now, edit.span, encoding)
                )
                for edit in edits
            ]
        )

    @server.feature(FOCUS)
    async def did_focus(params: Any) -> None:
        """Read the prompt of the place where the cursor has settled, so that the first key is warm."""
        document = server.documents.get(params.textDocument.uri)
        if document is not None:
            place = types.Position(int(params.position.line), int(params.position.character))
            cursor = Cursor(document, convert.offset(document, place, server.encoding))
            await server.completer.prefill(cursor, server.relative_path(document))


def _trigger(kind: types.InlineCompletionTriggerKind | int) -> Trigger:
    """Read the trigger kind; older clients send VS Code's own 0 for Invoked."""
    return "automatic" if kind == types.InlineCompletionTriggerKind.Automatic else "invoked"
