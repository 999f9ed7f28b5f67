"""textDocument/codeAction: what every feature offers at a selection, in one list.

A provider is a function of one feature that answers at once, without the model. What costs time is left
out of its actions and filled in by `code_action_resolve.py` or by a command.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.action_list import Asked
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.resting import RestingCursor
from qwen_lsp.lsp.session import Session

log = logging.getLogger(__name__)

Provider = Callable[[Asked], Sequence[types.CodeAction]]


def register(
    server: LanguageServer,
    session: Session,
    client: Client,
    resting: RestingCursor,
    providers: Sequence[Provider],
) -> None:
    """Add the handler."""
    options = types.CodeActionOptions(
        code_action_kinds=[
            types.CodeActionKind.QuickFix,
            types.CodeActionKind.RefactorRewrite,
            types.CodeActionKind.RefactorExtract,
        ],
        resolve_provider=True,
    )

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = session.documents.get(params.text_document.uri)
        if document is None:
            log.warning("code actions in a document that is not open: %s", params.text_document.uri)
            return []
        asked = Asked(
            document,
            convert.span(document, params.range, client.encoding),
            params.context.diagnostics,
            [str(getattr(kind, "value", kind)) for kind in params.context.only or ()],
            params.context.trigger_kind == types.CodeActionTriggerKind.Automatic,
        )
        if asked.span.start == asked.span.end:
            resting.rested(document, asked.span.start)
        actions = [action for provider in providers for action in provider(asked)]
        return [action for action in actions if asked.wants(_kind_of(action))]


def _kind_of(action: types.CodeAction) -> str:
    return str(getattr(action.kind, "value", action.kind) or "")
