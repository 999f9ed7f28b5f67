"""`qwenLsp.commitMessage`: the command that writes a commit message for what is staged."""

from __future__ import annotations

import asyncio
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp.client import Client, plain
from qwen_lsp.lsp.session import Session

COMMIT_MESSAGE = "qwenLsp.commitMessage"


def register(server: LanguageServer, session: Session, client: Client) -> None:
    """Add the command."""

    @server.command(COMMIT_MESSAGE)
    async def commit_message(*arguments: Any) -> dict[str, str]:
        """Write a message for what is staged where `{uri?}` is: `{message}`, empty if there is none."""
        # Reading a review's code is not for the start.
        from qwen_lsp.lsp.review_scope import folder_of
        from qwen_lsp.review.message.staged import message

        asked = plain(arguments[0]) if arguments else {}
        uri = str(asked.get("uri") or "") if isinstance(asked, dict) else ""
        try:
            written = await asyncio.to_thread(message, folder_of(uri, session.folders))
        except QwenLspError as error:
            client.show_message(str(error), types.MessageType.Error)
            return {"message": ""}
        return {"message": written}
