"""The commands of review: what of it the server knows from its start.

All else is in `review_run`, which is loaded at the first review: a session without one must not wait for it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.actions.listing import NO_CODE
from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp.action_list import Asked, range_json
from qwen_lsp.lsp.action_progress import Progress
from qwen_lsp.lsp.requests.did_change_configuration import plain
from qwen_lsp.lsp.review_shown import DISMISS, FORGET, REVIEW
from qwen_lsp.messages import text
from qwen_lsp.syntax import languages
from qwen_lsp.text import Change, Document, whole_text_change

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

_numbers = itertools.count(1)


def register(server: Server) -> None:
    """Add the commands."""

    @server.command(REVIEW)
    async def review(*arguments: Any) -> dict[str, Any]:
        """Review `{scope: "workspace"|"file", uri?, base?, range?}`: findings, coverage, summary, status."""
        asked = plain(arguments[0]) if arguments else {}
        options = asked if isinstance(asked, dict) else {}
        progress = Progress(server, f"review-{next(_numbers)}", text("words.running", server.locale))
        from qwen_lsp.lsp import review_run

        work = asyncio.ensure_future(review_run.review(server, options, progress.counted))
        progress.begin(work)
        try:
            return await work
        except QwenLspError as error:
            message = f"qwen-lsp: {error}"
            server.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))
            return {"findings": [], "coverage": None, "summary": str(error), "status": "failed"}
        finally:
            work.cancel()
            progress.end()

    @server.command(DISMISS)
    async def dismiss(*arguments: Any) -> bool:
        """Set `{fingerprint | rule | path, uri}` aside in the repository; return whether it was done."""
        asked = plain(arguments[0]) if arguments else None
        options = asked if isinstance(asked, dict) else {}
        from qwen_lsp.lsp import review_run

        try:
            await review_run.dismiss(server, options)
        except QwenLspError as error:
            message = f"qwen-lsp: {error}"
            server.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))
            return False
        return True

    @server.command(FORGET)
    def forget(*arguments: Any) -> None:
        """Take everything away that was found."""
        if not server.reviews.shown:
            return
        from qwen_lsp.lsp import review_run

        for uri in list(server.reviews.shown):
            server.reviews.shown[uri] = {}
            review_run.publish(server, uri)


def follow(server: Server, change: Change) -> None:
    """Move what was found in a document by a change; take away what was edited.

    Editors move diagnostics by themselves: they get new ones only when some are gone.
    """
    if server.reviews.follow(change):
        from qwen_lsp.lsp import review_run

        review_run.publish(server, change.after.uri)


def opened(server: Server, document: Document) -> None:
    """Place what was found in a file into the text that an editor has of it."""
    shown = server.reviews.shown.get(document.uri)
    if shown:
        follow(server, whole_text_change(next(iter(shown.values())).document, document))


def review_actions(server: Server, asked: Asked) -> Sequence[types.CodeAction]:
    """Offer the fix of each finding at the selection, and to dismiss it. A provider of code_action."""
    if not any(server.reviews.shown.values()):
        return ()
    from qwen_lsp.lsp import review_run

    return review_run.actions(server, asked)


def selection_action(server: Server, asked: Asked) -> Sequence[types.CodeAction]:
    """Offer to review the selection. A provider of code_action."""
    document, span = asked.document, asked.span
    language = languages.find(document.language, document.path)
    is_code = language is not None and language.id not in NO_CODE
    if not is_code or not document.text[span.start : span.end].strip():
        return []
    title = text("command.review", server.locale)
    options = {"scope": "file", "uri": document.uri, "range": range_json(document, span, server.encoding)}
    return [types.CodeAction(title, command=types.Command(title, REVIEW, arguments=[options]))]
