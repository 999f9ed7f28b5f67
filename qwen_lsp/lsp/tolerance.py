"""What clients send that is not quite the protocol, and what the framework makes of it.

The framework drops a message that it cannot read: a request is never answered, and an answer that the
server waits for never comes. Here such requests get an error and such answers are taken as they are.
It also leaves a command running whose request is cancelled; here it ends.
"""

from __future__ import annotations

import asyncio
from typing import Any

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, default_converter


def converter() -> Converter:
    """Return the framework's converter, which also reads what older clients send."""
    tolerant: Converter = default_converter()  # type: ignore[no-untyped-call]
    tolerant.register_structure_hook(types.InlineCompletionTriggerKind, _trigger_kind)
    return tolerant


def _trigger_kind(value: Any, _: Any) -> types.InlineCompletionTriggerKind:
    """Read the trigger kind; vscode-languageclient 9 sends VS Code's own 0 (by hand) and 1 (automatic)."""
    kinds = types.InlineCompletionTriggerKind
    return kinds.Automatic if value == kinds.Automatic.value else kinds.Invoked


class TolerantProtocol(LanguageServerProtocol):
    """The framework's protocol, in which every message has a consequence."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Read one message.

        Raises: JsonRpcException, for the log; a request has got its answer by then.
        """
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=error.to_response_error())
            elif "id" in data and "error" not in data:
                return super().structure_message(data)  # its type is forgotten by now: as it is
            raise

    def _execute_handler(
        self,
        msg_id: Any,
        handler: Any,
        callback: Any,
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Run a command that takes time as the request itself, so that both are cancelled as one."""
        params = args[0] if args else None
        if isinstance(params, types.ExecuteCommandParams):
            command = self.fm.commands.get(params.command)
            if asyncio.iscoroutinefunction(command):
                handler, args = command, tuple(params.arguments or ())
        super()._execute_handler(msg_id, handler, callback, args, kwargs)
