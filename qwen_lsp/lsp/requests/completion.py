"""textDocument/completion with one item, the fallback for clients that have no inline completion.

Advertised only to clients without `textDocument.inlineCompletion`, and silent from the moment such a
client sends inline requests all the same, so a suggestion never comes both ways.

Every request counts as automatic: clients send `Invoked` also while a word is typed, and none says
which of the two it was.
"""

from __future__ import annotations

import re

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.suggest import Suggester, Suggestion
from qwen_lsp.text import Cursor, Edit, Span, normalize_line_ends

# After these a suggestion is wanted although no word has begun. Not after an opening brace or a colon:
# Return comes next there, and in some editors it would accept the item.
_TRIGGERS = (".", "(", ",", "=", " ")
_LABEL_CHARS = 60
_ID = "qwen-lsp-popup"
_LAST = "~"  # sorts after every identifier
_WORD = re.compile(r"\w*$")


class Popup:
    """Offers the method to the clients that need it."""

    def __init__(
        self, server: LanguageServer, session: Session, client: Client, suggester: Suggester
    ) -> None:
        self._server = server
        self._session = session
        self._client = client
        self._suggester = suggester

    def advertise(self) -> None:
        """Offer the method with `initialize` if this client needs it and takes no registration later."""
        if self._is_wanted() and not self._client.capabilities.registers_completion:
            self._add_handler()

    async def follow(self) -> None:
        """Offer the method to a client that takes registrations, or take it back, as the settings now say."""
        if not self._client.capabilities.registers_completion:
            return
        if not self._is_wanted():
            await self._client.unregister(_ID, types.TEXT_DOCUMENT_COMPLETION)
            return
        if types.TEXT_DOCUMENT_COMPLETION not in self._server.protocol.fm.features:
            self._add_handler()
        options = types.CompletionRegistrationOptions(trigger_characters=list(_TRIGGERS))
        await self._client.register(_ID, types.TEXT_DOCUMENT_COMPLETION, options)

    def _is_wanted(self) -> bool:
        has_inline = self._client.capabilities.inline_completion
        return not has_inline and self._session.config.completion.popup != "off"

    def _add_handler(self) -> None:
        """Add the method; the framework offers with `initialize` what is there by then."""
        options = types.CompletionOptions(trigger_characters=list(_TRIGGERS))

        @self._server.feature(types.TEXT_DOCUMENT_COMPLETION, options)
        async def completion(params: types.CompletionParams) -> types.CompletionList:
            return await self._completion(params)

    async def _completion(self, params: types.CompletionParams) -> types.CompletionList:
        # Incomplete: the next key may well bring another suggestion, or the rest of this one.
        nothing = types.CompletionList(is_incomplete=True, items=[])
        document = self._session.documents.get(params.text_document.uri)
        is_off = self._suggester.has_inline or self._session.config.completion.popup == "off"
        if document is None or is_off:
            return nothing
        encoding = self._client.encoding
        cursor = Cursor(document, convert.offset(document, params.position, encoding))
        suggestions = await self._suggester.suggest(cursor, "automatic")
        return types.CompletionList(
            is_incomplete=True, items=[_item(suggestion, encoding) for suggestion in suggestions]
        )


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
