"""shutdown: a clean end of everything that runs, waits or is to be written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from lsprotocol import types
from pygls.lsp.server import LanguageServer


def register(server: LanguageServer, close: Callable[[], Awaitable[None]]) -> None:
    """Add the handler; `close` ends the session."""

    @server.feature(types.SHUTDOWN)
    async def shutdown(params: None) -> None:
        await close()
