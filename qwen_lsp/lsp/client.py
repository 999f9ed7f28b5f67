"""The client at the other end: everything that is sent to it goes through here.

State: what the client can do (known from `initialize` on), its language, what was registered with it.
Only this module and `server.py` talk to the framework about sending.
"""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.progress import Progress as Tokens

from qwen_lsp import visible
from qwen_lsp.lsp.capabilities import Capabilities, ClientOptions
from qwen_lsp.messages import Locale

log = logging.getLogger(__name__)


class Client:
    """One client: notifications, messages, edits and the requests that the server may make of it."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._registered: set[str] = set()
        self.capabilities = Capabilities()
        self.options = ClientOptions()
        self.locale: Locale = "en"

    def introduce(self, capabilities: Capabilities, options: ClientOptions, locale: Locale) -> None:
        """Take what `initialize` reports of the client."""
        self.capabilities, self.options, self.locale = capabilities, options, locale

    @property
    def encoding(self) -> str:
        """The encoding of positions, as it was agreed."""
        return self.capabilities.encoding

    @property
    def tokens(self) -> Tokens:
        """The framework's progress tokens; for `progress.py`."""
        return self._server.work_done_progress

    def notify(self, method: str, message: dict[str, Any]) -> None:
        """Send a notification that is not of the standard."""
        self._server.protocol.notify(method, message)

    def show_message(self, message: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """Show a message; never for what was only asked automatically (invariant 8)."""
        self._server.window_show_message(
            types.ShowMessageParams(kind, visible.message(f"qwen-lsp: {message}"))
        )

    def publish_diagnostics(self, uri: str, diagnostics: list[types.Diagnostic], version: int | None) -> None:
        """Replace the diagnostics of a document."""
        self._server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, diagnostics, version=version)
        )

    async def apply_edit(self, edit: types.WorkspaceEdit, label: str) -> types.ApplyWorkspaceEditResult:
        """Have the client apply an edit."""
        params = types.ApplyWorkspaceEditParams(edit=edit, label=label)
        return await self._server.workspace_apply_edit_async(params)

    async def show_document(self, uri: str) -> bool:
        """Have the client open a document beside what is being edited; return whether it did."""
        if not self.capabilities.show_document:
            return False
        try:
            shown = await self._server.window_show_document_async(
                types.ShowDocumentParams(uri, take_focus=False)
            )
            return shown.success  # an answer of null has none
        except Exception as error:  # whatever the client says instead, it is shown as a message
            log.warning("the client does not show a document: %s", error)
            return False

    async def configuration(self, section: str) -> Any:
        """Return what the client answers for one section of its settings."""
        params = types.ConfigurationParams([types.ConfigurationItem(section=section)])
        answer = plain(await self._server.workspace_configuration_async(params))
        return answer[0] if isinstance(answer, list) and answer else None

    async def register(self, id_: str, method: str, options: Any) -> None:
        """Announce a method after `initialize`, once."""
        if id_ not in self._registered:
            self._registered.add(id_)
            registration = types.Registration(id_, method, options)
            await self._server.client_register_capability_async(types.RegistrationParams([registration]))

    async def unregister(self, id_: str, method: str) -> None:
        """Take an announced method back."""
        if id_ in self._registered:
            self._registered.discard(id_)
            gone = types.Unregistration(id_, method)
            await self._server.client_unregister_capability_async(types.UnregistrationParams([gone]))

    def to_json(self, value: Any) -> Any:
        """Return a value of the protocol as the JSON that would be sent."""
        return self._server.protocol._converter.unstructure(value)


def plain(value: Any) -> Any:
    """Turn the framework's generic objects back into dictionaries and lists."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value
