"""textDocument/completion with one item, the fallback for clients that have no inline completion.

Advertised only to clients without `textDocument.inlineCompletion`, and silent from the moment such a
client sends inline requests all the same, so a suggestion never comes both ways.

Every request counts as automatic: clients send `Invoked` also while a word is typed, and none says
which of the two it was.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lsprotocol import types

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.suggest import Suggestion, suggest
from qwen_lsp.text import Cursor, Edit, Span, normalize_line_ends

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

# After these a suggestion is wanted although no word has begun. Not after an opening brace or a colon:
# Return comes next there, and in some editors it would accept the item.
_TRIGGERS = (".", "(", ",", "=", " ")
_LABEL_CHARS = 60
_ID = "qwen-lsp-popup"
_LAST = "~"  # sorts after every identifier
_WORD = re.compile(r"\w*$")


def advertise(server: Server) -> None:
    """Offer the method with `initialize` if this client needs it and can't be told of it later."""
    if _is_wanted(server) and not _can_be_told(server):
        _add_handler(server)


async def follow(server: Server) -> None:
    """Offer the method to a client that can be told, or take it back, as the settings now say."""
    is_wanted = _is_wanted(server)
    if not _can_be_told(server) or is_wanted == server.has_popup:
        return
    server.has_popup = is_wanted
    if not is_wanted:
        gone = types.Unregistration(_ID, types.TEXT_DOCUMENT_COMPLETION)
        await server.client_unregister_capability_async(types.UnregistrationParams([gone]))
        return
    if types.TEXT_DOCUMENT_COMPLETION not in server.protocol.fm.features:
        _add_handler(server)
    options = types.CompletionRegistrationOptions(trigger_characters=list(_TRIGGERS))
    registration = types.Registration(_ID, types.TEXT_DOCUMENT_COMPLETION, options)
    await server.client_register_capability_async(types.RegistrationParams([registration]))


def _is_wanted(server: Server) -> bool:
    text_document = server.client_capabilities.text_document
    has_inline = text_document is not None and text_document.inline_completion is not None
    return not has_inline and server.config.completion.popup != "off"


def _can_be_told(server: Server) -> bool:
    text_document = server.client_capabilities.text_document
    completion = text_document.completion if text_document is not None else None
    return completion is not None and bool(completion.dynamic_registration)


def _add_handler(server: Server) -> None:
    """Add the method; the framework offers with `initialize` what is there by then."""

    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=list(_TRIGGERS)),
    )
    async def completion(params: types.CompletionParams) -> types.CompletionList:
        # Incomplete: the next key may well bring another suggestion, or the rest of this one.
        nothing = types.CompletionList(is_incomplete=True, items=[])
        document = server.documents.get(params.text_document.uri)
        if document is None or server.has_asked_inline or server.config.completion.popup == "off":
            return nothing
        cursor = Cursor(document, convert.offset(document, params.position, server.encoding))
        suggestions = await suggest(server, cursor, "automatic")
        items = [_item(suggestion, server.encoding) for suggestion in suggestions]
        return types.CompletionList(is_incomplete=True, items=items)


def _item(suggestion: Suggestion, encoding: str) -> types.CompletionItem:
    """Write the item so that the client neither filters it away nor puts it before its own."""
    document, edit = suggestion.document, _from_word_start(suggestion)
    lines = normalize_line_ends(edit.new_text).split("\n")
    first = next((line for line in lines if line.strip()), "").strip()
    is_whole = len(lines) == 1 and len(first) <= _LABEL_CHARS
    return types.CompletionItem(
        label=first if is_whole else f"{first[: _LABEL_CHARS - 1].rstrip()}…",
        kind=types.CompletionItemKind.Text if len(lines) == 1 else types.CompletionItemKind.Snippet,
        detail="qwen-lsp",
        documentation=None if is_whole else edit.new_text,
        preselect=False,
        sort_text=_LAST,
        filter_text=lines[0] or first,
        # The text has its indentation already.
        insert_text_mode=types.InsertTextMode.AsIs,
        insert_text_format=types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(convert.lsp_range(document, edit.span, encoding), edit.new_text),
        command=suggestion.command,
    )


def _from_word_start(suggestion: Suggestion) -> Edit:
    """Widen an insertion to the word under the cursor, which clients compare with what is typed."""
    document, span = suggestion.document, suggestion.edit.span
    line_start = document.starts[document.line_of(span.start)]
    word = _WORD.search(document.text, line_start, span.start)
    assert word is not None  # it may be empty
    return Edit(Span(word.start(), span.end), word.group() + suggestion.edit.new_text)
