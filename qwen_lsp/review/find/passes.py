"""Which passes of a model a review gets, and the model that they ask.

Review by completion is on for the models that it measured well for, narrow questions only on demand;
docs/review.md has the figures. Nothing is started before something is asked, so a review that is known
already needs no model.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from qwen_lsp.config import Config
from qwen_lsp.errors import ModelNotFound
from qwen_lsp.messages import Locale
from qwen_lsp.model import likelihood
from qwen_lsp.model.catalog import ControlTokens
from qwen_lsp.model.chat import ask
from qwen_lsp.model.engine import CHAT_SLOT
from qwen_lsp.model.fim import render
from qwen_lsp.model.generation import ChatRequest, Message
from qwen_lsp.model.hosts import Host, ModelHosts, open_host
from qwen_lsp.model.likelihood import Passage
from qwen_lsp.model.select import chosen_model
from qwen_lsp.review.find.asking import Pass
from qwen_lsp.review.find.infill import Model
from qwen_lsp.review.find.questions import question_pass
from qwen_lsp.review.find.repository import NOTHING, Repository
from qwen_lsp.review.find.unlikely import BARS, unlikely_pass

_ANSWER_TOKENS = 300
_TIMEOUT_MS = 120_000


@dataclass(frozen=True, slots=True)
class Shared:
    """Models that serve others, too: `turn` returns when nobody else waits for them.

    `host` reads lines, `chat` answers questions.
    """

    host: Host
    chat: Host
    turn: Callable[[], Awaitable[None]]


@asynccontextmanager
async def opened(
    config: Config,
    wanted: bool | None,
    locale: Locale = "en",
    repository: Repository = NOTHING,
    shared: Callable[[], Shared] | None = None,
) -> AsyncIterator[Sequence[Pass]]:
    """Yield the passes for these settings, and end what they started.

    `wanted` True adds the questions, False takes everything away. A `shared` model is not ended.
    Raises: ModelNotFound when a pass is wanted and the settings name no model of the catalog.
    """
    if wanted is False:
        yield ()
        return
    try:
        model = chosen_model(config)
    except ModelNotFound:
        if wanted:
            raise
        yield ()
        return
    # An endpoint serves what it likes, under any name: only what was measured is asked unasked.
    bar = BARS.get(model.profile.name) if config.endpoint.of("completion").is_engine else None
    if bar is None and not wanted:
        yield ()
        return
    if shared:
        own, used = None, shared()
    else:
        own = ModelHosts(config, model.path, lambda use, state: None)
        used = Shared(own.completion, own.chat, _at_once)
    name = config.endpoint.of("completion").model or model.profile.name
    chat_name = config.endpoint.of("chat").model or model.profile.name
    passes = []
    if bar is not None:
        asked = EngineModel(used, model.profile.tokens)
        passes.append(unlikely_pass(asked, name, bar, locale, repository))
    if wanted:
        passes.append(_questions(used, chat_name, locale, repository))
    try:
        yield passes
    finally:
        if own is not None:
            await own.close()


async def _at_once() -> None:
    """Wait for nobody."""


@asynccontextmanager
async def asked_model(config: Config, *, wanted: bool) -> AsyncIterator[Model | None]:
    """Yield what reads lines with the model of the settings, None if it is not wanted; end it at the end."""
    if not wanted:
        yield None
        return
    model = chosen_model(config)
    host = open_host(config, model.path, lambda state: None)
    try:
        yield EngineModel(Shared(host, host, _at_once), model.profile.tokens)
    finally:
        await host.close()


def _questions(used: Shared, name: str, locale: Locale, repository: Repository) -> Pass:
    async def answer(messages: Sequence[tuple[str, str]], schema: dict[str, Any] | None, path: str) -> str:
        turns = [Message("system" if role == "system" else "user", text) for role, text in messages]
        request = ChatRequest(
            turns,
            _ANSWER_TOKENS,
            json_schema=schema,
            timeout_ms=_TIMEOUT_MS,
            sources=(path,) if path else (),
            is_background=True,
        )
        await used.turn()
        return (await ask(await used.chat.ready(), request)).text

    return question_pass(answer, name, locale, repository)


@dataclass(frozen=True, slots=True)
class EngineModel:
    """The model of a host, started at the first question; completion's slot keeps its cache."""

    used: Shared
    tokens: ControlTokens

    async def read(self, layout: str, before: str, after: str, text: str) -> Passage:
        """Return how likely a text is between two others."""
        prompt = render(self.tokens, layout, before, after)
        await self.used.turn()
        return await likelihood.read(await self.used.host.ready(), prompt, text, CHAT_SLOT)

    async def line(self, layout: str, before: str, after: str, begins: str) -> Passage:
        """Return the line that the model writes there."""
        prompt = render(self.tokens, layout, before, after)
        await self.used.turn()
        return await likelihood.line(await self.used.host.ready(), prompt, begins, CHAT_SLOT)
