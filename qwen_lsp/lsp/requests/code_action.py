"""textDocument/codeAction and codeAction/resolve: what every feature offers at a selection, in one list.

A provider is a function of one feature that answers at once, without the model. What costs time is
left out of its actions and filled in by the feature's resolver, which finds all it needs in the
action's `data`: between the two requests the server keeps nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from lsprotocol import types

from qwen_lsp.lsp import action_list, action_run, convert
from qwen_lsp.lsp.action_list import Asked
from qwen_lsp.lsp.requests import review

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

log = logging.getLogger(__name__)


Provider = Callable[["Server", Asked], Sequence[types.CodeAction]]
# Returns None for an action of another feature.
Resolver = Callable[["Server", types.CodeAction], Awaitable[types.CodeAction | None]]

PROVIDERS: tuple[Provider, ...] = (
    review.review_actions,
    action_list.model_actions,
    review.selection_action,
)
RESOLVERS: tuple[Resolver, ...] = (action_run.resolve,)


def register(server: Server) -> None:
    """Add the handlers."""
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
        document = server.documents.get(params.text_document.uri)
        if document is None:
            log.warning("code actions in a document that is not open: %s", params.text_document.uri)
            return []
        asked = Asked(
            document,
            convert.span(document, params.range, server.encoding),
            params.context.diagnostics,
            [str(getattr(kind, "value", kind)) for kind in params.context.only or ()],
            params.context.trigger_kind == types.CodeActionTriggerKind.Automatic,
        )
        if asked.span.start == asked.span.end:
            server.read_ahead.rested(document, asked.span.start)
        actions = [action for provider in PROVIDERS for action in provider(server, asked)]
        return [action for action in actions if asked.wants(kind_of(action))]

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        for resolver in RESOLVERS:
            resolved = await resolver(server, action)
            if resolved is not None:
                return resolved
        return action


def kind_of(action: types.CodeAction) -> str:
    """Return the kind of an action as text."""
    return str(getattr(action.kind, "value", action.kind) or "")
