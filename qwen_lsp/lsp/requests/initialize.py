"""initialize, initialized, shutdown: what the client brings, and a clean end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.lsp.requests import completion, did_change_configuration
from qwen_lsp.messages import locale_of

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

log = logging.getLogger(__name__)

# Beside the settings, a client's initializationOptions may say what it can do.
_CLIENT_KEY = "client"


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What a client of ours can do beyond the standard; nothing unless it says so.

    `stream_completion`: it shows `qwenLsp/inlineCompletion/partial`. `status`: it shows `qwenLsp/status`.
    `explain`: it shows what `qwenLsp.explain` returns, so that no message need pop up.
    `stream_actions`: it draws `qwenLsp/stream`. `apply_actions`: it applies the edit that `qwenLsp.action`
    returns. `render_markdown`: it shows the Markdown that `qwenLsp.action` returns.
    """

    stream_completion: bool = False
    status: bool = False
    explain: bool = False
    stream_actions: bool = False
    apply_actions: bool = False
    render_markdown: bool = False


_OPTION_NAMES = {
    "streamCompletion": "stream_completion",
    "status": "status",
    "explain": "explain",
    "streamActions": "stream_actions",
    "applyActions": "apply_actions",
    "renderMarkdown": "render_markdown",
}


def client_options(value: Any) -> ClientOptions:
    """Read the options of a client; what is not `true` or not known is no option."""
    options = value if isinstance(value, dict) else {}
    if unknown := sorted(set(options) - set(_OPTION_NAMES)):
        log.warning("unknown client options: %s", ", ".join(unknown))
    return ClientOptions(**{name: options.get(key) is True for key, name in _OPTION_NAMES.items()})


def register(server: Server) -> None:
    """Add the handlers."""

    @server.feature(types.INITIALIZE)
    async def initialize(params: types.InitializeParams) -> None:
        options = params.initialization_options
        values = dict(options) if isinstance(options, dict) else {}
        server.client_options = client_options(values.pop(_CLIENT_KEY, None))
        server.locale = locale_of(params.locale)
        await server.configure("initializationOptions", values)
        completion.advertise(server)

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        try:
            await did_change_configuration.watch(server)
            await did_change_configuration.pull(server)
            await completion.follow(server)
        finally:
            server.status.open()
        await server.indexing.open()

    @server.feature(types.SHUTDOWN)
    async def shutdown(params: None) -> None:
        server.is_shut_down = True
        server.status.close()
        server.offers.close()
        await server.stats.flush()
        server.context.close()
        server.read_ahead.close()
        await server.indexing.close()
        await server.close_host()
