"""Which passes of a model a review gets, and the model that they ask.

A pass is on by default only where it measured better than the rules alone; docs/review.md has the figures.
`wanted` overrides that. Without a pass no model is started.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from qwen_lsp.config import Config
from qwen_lsp.messages import Locale
from qwen_lsp.model.chat import ChatRequest, Message, ask
from qwen_lsp.model.engine import open_host
from qwen_lsp.model.select import chosen_model
from qwen_lsp.review.questions import question_pass
from qwen_lsp.review.reviewer import Pass

_ANSWER_TOKENS = 300
_TIMEOUT_MS = 120_000


@asynccontextmanager
async def opened(config: Config, wanted: bool | None, locale: Locale = "en") -> AsyncIterator[Sequence[Pass]]:
    """Yield the passes for these settings, and end what they use.

    Raises: ModelError, EndpointError when a pass is wanted and its model cannot be had.
    """
    if not wanted:
        yield ()
        return
    model = chosen_model(config)
    host = open_host(config, model.path, lambda state: None)
    try:
        client = await host.ready()

        async def answer(messages: Sequence[tuple[str, str]], schema: dict[str, Any]) -> str:
            said = [Message("system" if role == "system" else "user", text) for role, text in messages]
            request = ChatRequest(said, _ANSWER_TOKENS, json_schema=schema, timeout_ms=_TIMEOUT_MS)
            return (await ask(client, request)).text

        name = config.endpoint.model or model.profile.name
        yield (question_pass(answer, name, locale),)
    finally:
        await host.close()
