"""textDocument/inlineCompletion, and the notification that streams an answer to clients that ask for it."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.completion.completer import Trigger
from qwen_lsp.errors import ModelError
from qwen_lsp.lsp import convert, exclusion
from qwen_lsp.lsp.suggest import suggest
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
        server.has_asked_inline = True
        uri = params.text_document.uri
        document = server.documents.get(uri)
        if document is None:
            log.warning("completion in a document that is not open: %s", uri)
            return types.InlineCompletionList(items=[])
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

        suggestions = await suggest(
            server,
            cursor,
            _trigger(params.context.trigger_kind),
            send_partial if server.client_options.stream_completion else None,
        )
        return types.InlineCompletionList(
            items=[
                types.InlineCompletionItem(
                    insert_text=suggestion.edit.new_text,
                    range=convert.lsp_range(suggestion.document, suggestion.edit.span, encoding),
                    command=suggestion.command,
                )
                for suggestion in suggestions
            ]
        )

    @server.feature(FOCUS)
    async def did_focus(params: Any) -> None:
        """Read the prompt of the place where the cursor has settled, so that the first key is warm."""
        document = server.documents.get(params.textDocument.uri)
        if document is not None:
            place = types.Position(int(params.position.line), int(params.position.character))
            cursor = Cursor(document, convert.offset(document, place, server.encoding))
            cursor = server.notebooks.whole(cursor)
            if exclusion.is_excluded(server, cursor.document):
                return
            messages = getattr(params, "diagnostics", None) or []
            server.context.focused(cursor, [str(message) for message in messages])
            with contextlib.suppress(ModelError):  # told when something is asked
                server.completer.prefill(cursor, server.relative_path(cursor.document))


def _trigger(kind: types.InlineCompletionTriggerKind | int) -> Trigger:
    return "automatic" if kind == types.InlineCompletionTriggerKind.Automatic else "invoked"
