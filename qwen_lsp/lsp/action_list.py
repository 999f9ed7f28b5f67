"""The actions that the model can do at a selection, as LSP code actions: listed at once, done later.

Each carries all that its run needs in `data`. Clients that cannot resolve lazily get a command instead.
A selection that lasts has its code read ahead by the engine, so that an action answers sooner.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types

from qwen_lsp.actions import listing
from qwen_lsp.actions.listing import Offer
from qwen_lsp.actions.task import Diagnostic
from qwen_lsp.lsp import convert, exclusion
from qwen_lsp.lsp.action_prefill import ReadAhead
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.session import Session
from qwen_lsp.syntax import languages
from qwen_lsp.text import Document, Span

COMMAND = "qwenLsp.action"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client has selected, and what it wants to see; `only` is empty when it wants all kinds."""

    document: Document
    span: Span
    diagnostics: Sequence[types.Diagnostic]
    only: Sequence[str]
    is_automatic: bool

    def wants(self, kind: str) -> bool:
        """Whether actions of this kind are asked for; `refactor` asks for `refactor.rewrite` too."""
        return not self.only or any(kind == wanted or kind.startswith(f"{wanted}.") for wanted in self.only)


class ActionList:
    """The provider of the model's actions; see `requests/code_action.py`."""

    def __init__(self, session: Session, client: Client, read_ahead: ReadAhead) -> None:
        self._session = session
        self._client = client
        self._read_ahead = read_ahead

    def __call__(self, asked: Asked) -> list[types.CodeAction]:
        """List the actions at a selection."""
        document, encoding = asked.document, self._client.encoding
        if exclusion.is_excluded(self._session, document):
            return []
        diagnostics = [diagnostic_of(document, entry, encoding) for entry in asked.diagnostics]
        found = listing.offers(
            document,
            asked.span,
            languages.find(document.language, document.path),
            diagnostics,
            self._client.locale,
            self._session.config.actions,
            self._session.relative_path(document) or "",
        )
        if found and asked.span.start < asked.span.end:
            self._read_ahead.selected(document, asked.span)
        return [self._action(asked, offer) for offer in found]

    def _action(self, asked: Asked, offer: Offer) -> types.CodeAction:
        document, span, able = asked.document, asked.span, self._client.capabilities
        data: dict[str, Any] = {
            "id": secrets.token_hex(6),
            "kind": offer.kind,
            "uri": document.uri,
            "version": document.version,
            "range": range_json(document, span, able.encoding),
        }
        if offer.instruction:
            data["instruction"] = offer.instruction
        if offer.locale:
            data["locale"] = offer.locale
        own = [asked.diagnostics[offer.diagnostic]] if offer.diagnostic is not None else None
        if own:
            data["diagnostics"] = [_diagnostic_json(own[0])]
        is_lazy = offer.is_edit and able.resolves_edits
        return types.CodeAction(
            title=offer.title,
            kind=offer.lsp_kind,
            diagnostics=own,
            command=None if is_lazy else types.Command(offer.title, COMMAND, arguments=[data]),
            data=data if is_lazy else None,
            tags=[types.CodeActionTag.LlmGenerated] if able.tags_actions else None,
        )


def diagnostic_of(document: Document, entry: types.Diagnostic, encoding: str) -> Diagnostic:
    """Turn the client's diagnostic into ours."""
    message = entry.message if isinstance(entry.message, str) else entry.message.value
    related = tuple(info.message for info in entry.related_information or ())
    return Diagnostic(convert.span(document, entry.range, encoding), message, entry.source or "", related)


def _diagnostic_json(entry: types.Diagnostic) -> dict[str, Any]:
    """Write down what `fix` needs of a diagnostic, in the client's own positions."""
    return {
        "range": _plain_range(entry.range),
        "message": entry.message if isinstance(entry.message, str) else entry.message.value,
        "source": entry.source or "",
        "related": [info.message for info in entry.related_information or ()],
    }


def range_json(document: Document, span: Span, encoding: str) -> dict[str, Any]:
    """Return a span as the JSON of an LSP range."""
    return _plain_range(convert.lsp_range(document, span, encoding))


def _plain_range(range_: types.Range) -> dict[str, Any]:
    start, end = range_.start, range_.end
    return {
        "start": {"line": start.line, "character": start.character},
        "end": {"line": end.line, "character": end.character},
    }
