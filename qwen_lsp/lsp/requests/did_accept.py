"""What clients tell of a suggestion's fate: a command that editors run by themselves, and notifications.

`qwenLsp.didAccept [id]` is attached to each item and run by the editor on acceptance. Thin clients of
ours know more and send `qwenLsp/didAccept`, `qwenLsp/didPartiallyAccept` and `qwenLsp/didDismiss` with
the id from that command. Unknown ids are ignored.
"""

from __future__ import annotations

from typing import Any

from pygls.lsp.server import LanguageServer

from qwen_lsp.completion.offers import Offers
from qwen_lsp.lsp.suggest import DID_ACCEPT_COMMAND

DID_ACCEPT = "qwenLsp/didAccept"
DID_PARTIALLY_ACCEPT = "qwenLsp/didPartiallyAccept"
DID_DISMISS = "qwenLsp/didDismiss"


def register(server: LanguageServer, offers: Offers) -> None:
    """Add the command and the notifications."""

    @server.command(DID_ACCEPT_COMMAND)
    def accepted(*arguments: Any) -> None:
        """Take the id that came with the item."""
        if arguments:
            offers.accepted(str(arguments[0]))

    @server.feature(DID_ACCEPT)
    def did_accept(params: Any) -> None:
        """Take `{id, characters?}`; without `characters` all that was left was accepted."""
        offers.accepted(_id(params), _characters(params))

    @server.feature(DID_PARTIALLY_ACCEPT)
    def did_partially_accept(params: Any) -> None:
        """Take `{id, characters}`: so many more characters were accepted, a word or a line."""
        offers.partly_accepted(_id(params), _characters(params) or 0)

    @server.feature(DID_DISMISS)
    def did_dismiss(params: Any) -> None:
        """Take `{id}`."""
        offers.dismissed(_id(params))


def _id(params: Any) -> str:
    return str(getattr(params, "id", ""))


def _characters(params: Any) -> int | None:
    characters = getattr(params, "characters", None)
    return characters if isinstance(characters, int) else None
