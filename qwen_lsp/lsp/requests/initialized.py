"""initialized: the client is ready, so it can be asked for its settings and shown progress."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.requests.completion import Popup
from qwen_lsp.lsp.settings import Settings
from qwen_lsp.lsp.status import Reporter


def register(
    server: LanguageServer, settings: Settings, popup: Popup, status: Reporter, indexing: Indexing
) -> None:
    """Add the handler."""

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        try:
            await settings.watch()
            await settings.pull()
            await popup.follow()
        finally:
            status.open()
        await indexing.open()
