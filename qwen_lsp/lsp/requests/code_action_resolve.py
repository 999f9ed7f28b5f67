"""codeAction/resolve: the edit of an action that was listed, made by the model now.

All that it needs is in the action's `data`: between the two requests the server keeps nothing.
"""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.actions.task import Explanation
from qwen_lsp.lsp.action_explanation import Explanations
from qwen_lsp.lsp.action_run import CANCELLED, ActionRunner, NotDone
from qwen_lsp.lsp.client import Client, plain
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.workspace_edit import workspace_edit


def register(
    server: LanguageServer,
    session: Session,
    client: Client,
    runner: ActionRunner,
    explanations: Explanations,
) -> None:
    """Add the handler."""

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        """Fill in the edit; clients of ours get an error where there is none, others a message."""
        data = plain(action.data)
        if not isinstance(data, dict) or not {"id", "kind", "uri", "version", "range"} <= set(data):
            return action
        try:
            run = runner.run_of(data, action.title)
            outcome = await runner.run(run)
        except NotDone as error:
            if client.options.stream_actions or error.code == CANCELLED:
                raise
            client.show_message(str(error.message), types.MessageType.Warning)
            return action
        if isinstance(outcome, Explanation):
            await explanations.show(outcome)
        else:
            action.edit = workspace_edit(
                session, client, run.task.document, outcome, run.title, run.task.root
            )
        return action
