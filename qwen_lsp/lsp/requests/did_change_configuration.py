"""workspace/configuration and workspace/didChangeConfiguration: settings under the key `qwenLsp`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.lsp.requests import completion

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

log = logging.getLogger(__name__)

SECTION = "qwenLsp"
_SOURCE = "workspace/configuration"


def register(server: Server) -> None:
    """Add the handlers."""

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        # Clients that can be asked send null or a stale part here: what they answer is what counts.
        if not await pull(server):
            settings = plain(params.settings)
            section = settings.get(SECTION, settings) if isinstance(settings, dict) else None
            if isinstance(section, dict):
                await server.configure(_SOURCE, section)
        await completion.follow(server)


async def watch(server: Server) -> None:
    """Ask the client to announce changed settings, if it takes such a wish."""
    workspace = server.client_capabilities.workspace
    announces = workspace and workspace.did_change_configuration
    if announces and announces.dynamic_registration:
        registration = types.Registration(
            id="qwen-lsp-settings",
            method=types.WORKSPACE_DID_CHANGE_CONFIGURATION,
            register_options=types.DidChangeConfigurationRegistrationOptions(section=SECTION),
        )
        await server.client_register_capability_async(types.RegistrationParams([registration]))


async def pull(server: Server) -> bool:
    """Ask the client for the settings; False when it cannot be asked."""
    workspace = server.client_capabilities.workspace
    if not (workspace and workspace.configuration):
        return False
    params = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
    answer = plain(await server.workspace_configuration_async(params))
    values = answer[0] if isinstance(answer, list) and answer else None
    await server.configure(_SOURCE, values if isinstance(values, dict) else {})
    return True


def plain(value: Any) -> Any:
    """Turn the framework's generic objects back into dictionaries and lists."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
