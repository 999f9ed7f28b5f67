"""workspace/didChangeConfiguration: settings under the key `qwenLsp`."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp.client import plain
from qwen_lsp.lsp.requests.completion import Popup
from qwen_lsp.lsp.settings import PULLED, SECTION, Settings


def register(server: LanguageServer, settings: Settings, popup: Popup) -> None:
    """Add the handler."""

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        # Clients that can be asked send null or a stale part here: what they answer is what counts.
        if not await settings.pull():
            sent = plain(params.settings)
            section = sent.get(SECTION, sent) if isinstance(sent, dict) else None
            if isinstance(section, dict):
                await settings.take(PULLED, section)
        await popup.follow()
