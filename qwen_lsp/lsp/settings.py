"""The client's settings on their way into the session, and to all that follows them."""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types

from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.status import Reporter

log = logging.getLogger(__name__)

SECTION = "qwenLsp"
# The layers that come from a client.
INITIAL, PULLED = "initializationOptions", "workspace/configuration"
_REGISTRATION = "qwen-lsp-settings"


class Settings:
    """Takes settings from the client."""

    def __init__(self, session: Session, client: Client, indexing: Indexing, status: Reporter) -> None:
        self._session = session
        self._client = client
        self._indexing = indexing
        self._status = status

    async def take(self, source: str, values: dict[str, Any]) -> None:
        """Put one layer into effect, and show what is wrong with it."""
        changed = await self._session.configure(source, values)
        for problem in changed.problems:
            log.warning("%s", problem)
            self._client.show_message(f"settings: {problem}", types.MessageType.Warning)
        if changed.before.context != changed.now.context:
            await self._indexing.refresh()
        if changed.before != changed.now:
            self._status.configured()

    async def watch(self) -> None:
        """Ask the client to announce changed settings, if it takes such a wish."""
        if self._client.capabilities.announces_configuration:
            options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
            method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
            await self._client.register(_REGISTRATION, method, options)

    async def pull(self) -> bool:
        """Ask the client for the settings; False when it cannot be asked."""
        if not self._client.capabilities.answers_configuration:
            return False
        values = await self._client.configuration(SECTION)
        await self.take(PULLED, values if isinstance(values, dict) else {})
        return True
