"""initialize, initialized, shutdown: what the client brings, and a clean end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from qwen_lsp.lsp import configuration

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

# Beside the settings, a client's initializationOptions may say what it can do.
_CLIENT_KEY = "client"


def register(server: Server) -> None:
    """Add the handlers."""

    @server.feature(types.INITIALIZE)
    async def initialize(params: types.InitializeParams) -> None:
        options = params.initialization_options
        values = dict(options) if isinstance(options, dict) else {}
        client = values.pop(_CLIENT_KEY, None)
        server.wants_stream = isinstance(client, dict) and client.get("streamCompletion") is True
        await server.configure("initializationOptions", values)

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        await configuration.watch(server)
        await configuration.pull(server)

    @server.feature(types.SHUTDOWN)
    async def shutdown(params: None) -> None:
        await server.close_host()
