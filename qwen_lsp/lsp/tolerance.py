"""What clients send that is not quite the protocol, and what the framework makes of it.

The framework drops a message that it cannot read: a request is never answered, and an answer that the
server waits for never comes. Here every message with an id gets exactly one answer, if only an error, and
answers to the server are taken as they are. It also leaves a command running whose request is cancelled;
here it ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterable
from typing import Any

from cattrs import Converter
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol, default_converter

from qwen_lsp.lsp.convert import whole_chars

log = logging.getLogger(__name__)

_Codes = types.ErrorCodes
_NOTIFICATIONS = frozenset(
    method for method, (_, response, *_rest) in types.METHOD_TO_TYPES.items() if response is None
)


# Halves of characters, escaped or as they are: nothing can write them down or pass them on.
_HALVES = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")


# What is nested deeper could be read, but not be written into an answer.
_MAX_LEVELS = 100


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MAX_LEVELS):
        level = [item for one in level for item in _items(one)]
        if not level:
            return False
    return True


def _items(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _is_id(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _whole(value: Any) -> Any:
    """Replace the halves of characters in every string of a message."""
    if isinstance(value, str):
        return whole_chars(value)
    if isinstance(value, dict):
        return {whole_chars(key): _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


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
    """The framework's protocol, in which every message has a consequence.

    State: whether `initialize` has come.
    """

    is_initialized = False

    def receive(self, body: bytes) -> bool:
        """Take the body of one message; return whether it was JSON at all."""
        try:
            data = json.loads(body)
            is_deep = body.count(b"[") + body.count(b"{") > _MAX_LEVELS and _is_deep(data)
            if _HALVES.search(body) and not is_deep:
                data = _whole(data)
        except (ValueError, RecursionError) as error:
            log.warning("a message is no JSON: %s", error)
            self._refuse(None, _Codes.ParseError, f"not JSON: {error}")
            return False
        try:
            if is_deep and isinstance(data, dict):
                self._refused(data, _Codes.InvalidRequest, "it is nested too deeply")
            elif self._is_in_order(data):
                self.handle_message(self.structure_message(data))
        except BrokenPipeError:
            raise
        except JsonRpcException as error:  # the framework has logged it
            log.debug("%s", error)
        except Exception as error:  # of one message; the log has it, and a request its answer
            log.error("a message could not be handled: %s", error, exc_info=error)
        return True

    def _is_in_order(self, data: Any) -> bool:
        """Say whether a message may be read on; if not, and somebody waits for an answer, it is an error."""
        if not isinstance(data, dict):
            self._refuse(None, _Codes.InvalidRequest, "a message is one object")
            return False
        id_, method = data.get("id"), data.get("method")
        is_request, has_id = "id" in data, _is_id(id_)
        wrong = ""
        if data.get("jsonrpc") != self.VERSION:
            wrong = "`jsonrpc` is not 2.0"
        elif is_request and "method" not in data and (has_id and id_ in self._result_types):
            return True  # the answer to a request of ours, with or without a result
        elif "method" not in data and ("result" in data or "error" in data):
            log.warning("an answer to a request that the server has not made")
            return False
        elif is_request and not has_id:
            wrong = "`id` is neither a number nor a string"
        elif not isinstance(method, str):
            wrong = "`method` is not a string"
        elif is_request and method in _NOTIFICATIONS:
            wrong = f"{method} is a notification and has no `id`"
        elif not self.is_initialized and method not in (types.INITIALIZE, types.EXIT):
            return self._refused(data, _Codes.ServerNotInitialized, "`initialize` comes first")
        elif self.is_initialized and method == types.INITIALIZE:
            wrong = "`initialize` comes only once"
        elif self._shutdown and method != types.EXIT:
            wrong = "the server is shutting down"
        return not wrong or self._refused(data, _Codes.InvalidRequest, wrong)

    def _refused(self, data: dict[str, Any], code: types.ErrorCodes, message: str) -> bool:
        if "id" in data:
            self._refuse(data["id"] if _is_id(data["id"]) else None, code, message)
        else:
            log.warning("a message is left out: %s", message)
        return False

    def _refuse(self, id_: Any, code: types.ErrorCodes, message: str) -> None:
        self._send_response(id_, error=types.ResponseError(code.value, message))

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Read one message.

        Raises: JsonRpcException, for the log; a request has got its answer by then.
        """
        if "method" in data and self.get_message_type(data["method"]) is None:
            data.setdefault("params", None)  # of a method that is not of the standard
        try:
            message = super().structure_message(data)
        except JsonRpcException as error:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=error.to_response_error())
            elif "id" in data and "error" not in data:
                return super().structure_message(data)  # its type is forgotten by now: as it is
            raise
        self.is_initialized = self.is_initialized or data.get("method") == types.INITIALIZE
        return message

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
