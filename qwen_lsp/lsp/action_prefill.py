"""Read a selection ahead: when the light bulb is listed for one that lasts, its code goes into the chat slot.

All questions about a region begin alike (actions/prompts.py), so whichever action is chosen then has only
its order left to be read. Nothing starts for this: the engine must be loaded and the chat slot idle.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from qwen_lsp.actions import prefill
from qwen_lsp.actions.task import Task
from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp.action_knowledge import knowledge
from qwen_lsp.text import Document, Span

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

# A selection that is being drawn or passed by is none that lasts.
_LASTS_S = 0.6


def selection_listed(server: Server, document: Document, span: Span) -> None:
    """Take note of a selection; the newest one wins."""
    if server.reading_ahead is not None:
        server.reading_ahead.cancel()
    server.reading_ahead = asyncio.get_running_loop().create_task(_read_ahead(server, document, span))


def stop(server: Server) -> None:
    """End the reading: something is to be done now, and it waits for the slot."""
    if server.reading_ahead is not None:
        server.reading_ahead.cancel()
        server.reading_ahead = None


async def _read_ahead(server: Server, document: Document, span: Span) -> None:
    await asyncio.sleep(_LASTS_S)
    now = server.documents.get(document.uri)
    client = server.host.idle_client() if server.host is not None else None
    if client is None or server.n_actions or now is None or now.version != document.version:
        return
    with contextlib.suppress(QwenLspError):
        await prefill.read_ahead(
            Task("explain", document, span),
            client,
            server.config.engine.context_tokens,
            knowledge(server, document),
        )
