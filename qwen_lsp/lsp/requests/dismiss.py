"""`qwenLsp.dismiss`: the command that sets a finding, a rule or a path aside in the repository."""

from __future__ import annotations

from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp.client import Client, plain
from qwen_lsp.lsp.review_shown import DISMISS
from qwen_lsp.lsp.reviewing import Reviewing


def register(server: LanguageServer, client: Client, reviewing: Reviewing) -> None:
    """Add the command."""

    @server.command(DISMISS)
    async def dismiss(*arguments: Any) -> bool:
        """Set `{fingerprint | rule | path, uri}` aside; return whether it was done."""
        asked = plain(arguments[0]) if arguments else None
        try:
            await reviewing.dismiss(asked if isinstance(asked, dict) else {})
        except QwenLspError as error:
            client.show_message(str(error), types.MessageType.Error)
            return False
        return True
