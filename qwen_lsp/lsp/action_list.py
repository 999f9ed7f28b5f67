"""The actions that the model can do at a selection, as LSP code actions: listed at once, done later.

Each carries all that its run needs in `data`. Clients that cannot resolve lazily get a command instead.
A selection that lasts has its code read ahead by the engine, so that an action answers sooner.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.actions import listing
from qwen_lsp.actions.listing import Offer
from qwen_lsp.actions.task import Diagnostic
from qwen_lsp.lsp import action_prefill, convert, exclusion
from qwen_lsp.syntax import languages
from qwen_lsp.text import Document, Span

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

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


def model_actions(server: Server, asked: Asked) -> list[types.CodeAction]:
    """List the model's actions; a provider of code_action."""
    document, encoding = asked.document, server.encoding
    if exclusion.is_excluded(server, document):
        return []
    diagnostics = [diagnostic_of(document, entry, encoding) for entry in asked.diagnostics]
    found = listing.offers(
        document,
        asked.span,
        languages.find(document.language, document.path),
        diagnostics,
        server.locale,
        server.config.actions,
        server.relative_path(document) or "",
    )
    if found and asked.span.start < asked.span.end:
        action_prefill.selection_listed(server, document, asked.span)
    return [_action(server, asked, offer) for offer in found]


def _action(server: Server, asked: Asked, offer: Offer) -> types.CodeAction:
    document, span = asked.document, asked.span
    data: dict[str, Any] = {
        "id": uuid.uuid4().hex[:12],
        "kind": offer.kind,
        "uri": document.uri,
        "version": document.version,
        "range": range_json(document, span, server.encoding),
    }
    if offer.instruction:
        data["instruction"] = offer.instruction
    if offer.locale:
        data["locale"] = offer.locale
    own = [asked.diagnostics[offer.diagnostic]] if offer.diagnostic is not None else None
    if own:
        data["diagnostics"] = [_diagnostic_json(own[0])]
    is_lazy = offer.is_edit and can_resolve(server)
    return types.CodeAction(
        title=offer.title,
        kind=offer.lsp_kind,
        diagnostics=own,
        command=None if is_lazy else types.Command(offer.title, COMMAND, arguments=[data]),
        data=data if is_lazy else None,
        tags=[types.CodeActionTag.LlmGenerated] if _can_tag(server) else None,
    )


def can_resolve(server: Server) -> bool:
    """Whether the client asks for an action's edit when it is chosen."""
    text_document = server.client_capabilities.text_document
    action = text_document.code_action if text_document else None
    return bool(action and action.resolve_support and "edit" in action.resolve_support.properties)


def _can_tag(server: Server) -> bool:
    text_document = server.client_capabilities.text_document
    support = getattr(text_document.code_action, "tag_support", None) if text_document else None
    return bool(support and types.CodeActionTag.LlmGenerated in support.value_set)


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
