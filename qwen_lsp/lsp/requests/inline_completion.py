"""textDocument/inlineCompletion, and the notification that streams an answer to clients that ask for it."""

from __future__ import annotations

import logging

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.completion.outcome import Trigger
from qwen_lsp.lsp import convert
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.suggest import Suggester
from qwen_lsp.text import Cursor, Edit, Span

log = logging.getLogger(__name__)

PARTIAL = "qwenLsp/inlineCompletion/partial"


def register(server: LanguageServer, session: Session, client: Client, suggester: Suggester) -> None:
    """Add the handler."""

    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline_completion(params: types.InlineCompletionParams) -> types.InlineCompletionList:
        suggester.has_inline = True
        uri = params.text_document.uri
        document = session.documents.get(uri)
        if document is None:
            log.warning("completion in a document that is not open: %s", uri)
            return types.InlineCompletionList(items=[])
        encoding = client.encoding
        cursor = Cursor(document, convert.offset(document, params.position, encoding))
        selected = _selected(params.context.selected_completion_info, cursor, encoding)
        if selected is not None and not selected.span.start <= cursor.offset <= selected.span.end:
            return types.InlineCompletionList(items=[])  # nothing can continue an item that stands elsewhere

        def send_partial(text: str) -> None:
            message = {
                "uri": uri,
                "version": document.version,
                "position": {"line": params.position.line, "character": params.position.character},
                "text": text,
            }
            client.notify(PARTIAL, message)

        suggestions = await suggester.suggest(
            cursor,
            _trigger(params.context.trigger_kind),
            # The text of a partial answer is put in at the cursor, so it cannot replace an item.
            send_partial if client.options.stream_completion and selected is None else None,
            selected,
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


def _selected(info: types.SelectedCompletionInfo | None, cursor: Cursor, encoding: str) -> Edit | None:
    """Return the item selected in the list of completions as an edit; None where no list is open."""
    if info is None:
        return None
    start, end = (convert.offset(cursor.document, at, encoding) for at in (info.range.start, info.range.end))
    return Edit(Span(start, end), info.text)


def _trigger(kind: types.InlineCompletionTriggerKind | int) -> Trigger:
    return "automatic" if kind == types.InlineCompletionTriggerKind.Automatic else "invoked"
