"""`qwenLsp.action`: the command that runs one of the model's actions and has its edit applied."""

from __future__ import annotations

from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.actions.task import Explanation
from qwen_lsp.lsp.action_explanation import Explanations
from qwen_lsp.lsp.action_list import COMMAND
from qwen_lsp.lsp.action_run import CANCELLED, INVALID_PARAMS, ActionRunner, NotDone
from qwen_lsp.lsp.client import Client, plain
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.workspace_edit import workspace_edit
from qwen_lsp.messages import text


def register(
    server: LanguageServer,
    session: Session,
    client: Client,
    runner: ActionRunner,
    explanations: Explanations,
) -> None:
    """Add the command."""

    @server.command(COMMAND)
    async def action(*arguments: Any) -> dict[str, Any]:
        """Run the action that the first argument describes; return `{title, edit?, markdown?, message?}`."""
        data = plain(arguments[0]) if arguments else None
        answer: dict[str, Any] = {"title": ""}
        try:
            run = runner.run_of(data, "")
            answer["title"] = run.title
            outcome = await runner.run(run)
        except NotDone as error:
            if error.code in (CANCELLED, INVALID_PARAMS):
                raise
            answer["message"] = str(error.message)
            if not client.options.apply_actions:
                client.show_message(str(error.message), types.MessageType.Warning)
            return answer
        if isinstance(outcome, Explanation):
            return {**answer, **await explanations.show(outcome)}
        edit = workspace_edit(session, client, run.task.document, outcome, run.title, run.task.root)
        answer["edit"] = client.to_json(edit)
        if not client.options.apply_actions:
            result = await client.apply_edit(edit, run.title)
            if not result.applied:
                answer["message"] = result.failure_reason or text("refused.stale", client.locale)
        return answer
