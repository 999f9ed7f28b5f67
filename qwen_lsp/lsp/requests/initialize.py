"""initialize: what the client is, can do and has open."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.capabilities import CLIENT_KEY, capabilities, client_options
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.requests.completion import Popup
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.settings import INITIAL, Settings
from qwen_lsp.messages import locale_of


def register(
    server: LanguageServer, session: Session, client: Client, settings: Settings, popup: Popup
) -> None:
    """Add the handler."""

    @server.feature(types.INITIALIZE)
    async def initialize(params: types.InitializeParams) -> None:
        options = params.initialization_options
        values = dict(options) if isinstance(options, dict) else {}
        client.introduce(
            capabilities(params.capabilities),
            client_options(values.pop(CLIENT_KEY, None)),
            locale_of(params.locale),
        )
        folders = convert.folder_paths(params.workspace_folders or ())
        if not folders and (root := server.workspace.root_path):
            folders = [root]
        session.open_folders(folders)
        await settings.take(INITIAL, values)
        popup.advertise()
