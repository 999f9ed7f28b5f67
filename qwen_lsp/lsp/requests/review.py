"""`qwenLsp.review`: the command that reviews a change set, a file or a selection."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp.client import Client, plain
from qwen_lsp.lsp.progress import Progress
from qwen_lsp.lsp.review_shown import REVIEW
from qwen_lsp.lsp.reviewing import Reviewing
from qwen_lsp.lsp.session import Session
from qwen_lsp.messages import text

_numbers = itertools.count(1)


def register(server: LanguageServer, session: Session, client: Client, reviewing: Reviewing) -> None:
    """Add the command."""

    @server.command(REVIEW)
    async def review(*arguments: Any) -> dict[str, Any]:
        """Review `{scope: "workspace"|"file", uri?, base?, range?}`: findings, coverage, summary, status."""
        asked = plain(arguments[0]) if arguments else {}
        title = text("words.running", client.locale)
        progress = Progress(client, f"qwen-lsp/action/review-{next(_numbers)}", title)

        def on_progress(done: int, total: int, path: str) -> None:
            progress.report(f"{done}/{total} {path}", 100 * done // max(total, 1))

        options = asked if isinstance(asked, dict) else {}
        work = asyncio.ensure_future(reviewing.review(options, on_progress))
        session.spawn(progress.begin(text("action.waiting", client.locale), work=work))
        try:
            return await work
        except QwenLspError as error:
            client.show_message(str(error), types.MessageType.Error)
            return {"findings": [], "coverage": None, "summary": str(error), "status": "failed"}
        finally:
            work.cancel()
            progress.end()
