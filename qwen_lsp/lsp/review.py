"""`qwenLsp.review` and `qwenLsp.dismiss`: what of a review the server knows from its start.

All else is in `review_run`, which is loaded at the first review: a session without one must not wait for it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp.action_list import Asked
from qwen_lsp.lsp.action_progress import Progress
from qwen_lsp.lsp.configuration import plain
from qwen_lsp.lsp.review_shown import DISMISS, REVIEW
from qwen_lsp.messages import text

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

_numbers = itertools.count(1)


def register(server: Server) -> None:
    """Add the commands."""

    @server.command(REVIEW)
    async def review(*arguments: Any) -> dict[str, Any]:
        """Review `{scope: "workspace"|"file", uri?, base?}`: `{findings, coverage, summary, status}`."""
        asked = plain(arguments[0]) if arguments else {}
        options = asked if isinstance(asked, dict) else {}
        progress = Progress(server, f"review-{next(_numbers)}", text("words.running", server.locale))
        from qwen_lsp.lsp import review_run

        work = asyncio.ensure_future(review_run.review(server, options, progress.counted))
        progress.begin(work)
        try:
            report, uris = await work
        except QwenLspError as error:
            message = f"qwen-lsp: {error}"
            server.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))
            return {"findings": [], "coverage": None, "summary": str(error), "status": "failed"}
        finally:
            work.cancel()
            progress.end()
        return review_run.published(server, report, uris, options)

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


def review_actions(server: Server, asked: Asked) -> Sequence[types.CodeAction]:
    """Offer the fix of each finding at the selection, and to dismiss it. A provider of code_action."""
    if not any(server.reviews.shown.values()):
        return ()
    from qwen_lsp.lsp import review_run

    return review_run.actions(server, asked)
