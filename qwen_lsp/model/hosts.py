"""What answers with these settings: one host for completion and one for chat, which are often the same.

`open_host` makes the host of one use; `ModelHosts` those of a session. An engine of ours that both need is
started once; with `model.chat` there are two, beside one another. Starts nothing before it is asked; knows
no prompts and no LSP.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import psutil

from qwen_lsp.config import Config
from qwen_lsp.endpoints import ENGINE, EndpointConfig, Use
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.shared import SharedEngine
from qwen_lsp.model.state import Listener, State

if TYPE_CHECKING:
    from qwen_lsp.model.failover import FailOver, Maker
    from qwen_lsp.model.remote import RemoteEndpoint

log = logging.getLogger(__name__)

# What an engine takes besides its model's file: KV cache, buffers, old prompts.
_BESIDE_BYTES = 1_000_000_000
Host: TypeAlias = "Engine | SharedEngine | RemoteEndpoint | FailOver"
# Finds the model's file when an engine starts.
ModelPath = Callable[[], Path]


def open_host(config: Config, model_path: ModelPath, on_state: Listener, use: Use = "completion") -> Host:
    """Return what answers for one use: endpoints where they are configured, else an engine of our own."""
    make = _chat_engine if use == "chat" and has_chat_model(config) else _engine
    return _host(config.endpoint.of(use), partial(make, config, model_path), on_state)


def alone(config: Config) -> Config:
    """Return the settings with an engine of one's own: nobody else's requests are measured with it."""
    return msgspec.structs.replace(config, engine=msgspec.structs.replace(config.engine, shared=False))


def _engine(config: Config, model_path: ModelPath, on_state: Listener) -> Engine | SharedEngine:
    """Return the engine on this machine: that of all windows, but for a program that is the user's own."""
    is_shared = config.engine.shared and not config.engine.program
    return (SharedEngine if is_shared else Engine)(config.engine, model_path, on_state, config.model.lora)


def has_chat_model(config: Config) -> bool:
    """Say whether chats have a model of their own on this machine."""
    is_engine = ENGINE in config.endpoint.of("chat").urls
    return bool(config.model.chat) and is_engine and config.engine.shared and not config.engine.program


def _chat_engine(config: Config, model_path: ModelPath, on_state: Listener) -> Engine | SharedEngine:
    """Return the engine of `model.chat`, or that of completion where there is no memory for two."""
    model = msgspec.structs.replace(config.model, name=config.model.chat, path="", lora="")
    own = msgspec.structs.replace(config, model=model, endpoint=EndpointConfig())

    @cache  # decided once: when the model is loaded, the memory is gone
    def path() -> Path:
        found = chosen_model(own).path()
        if psutil.virtual_memory().available > found.stat().st_size + _BESIDE_BYTES:
            return found
        log.warning("no memory for `model.chat` %s: chats are answered by the other model", found.name)
        return model_path()

    return _engine(own, path, on_state)


def _host(endpoint: EndpointConfig, engine: Maker, on_state: Listener) -> Host:
    makers: list[Maker] = [
        engine if one.urls == (ENGINE,) else partial(_remote, one) for one in endpoint.each()
    ]
    if len(makers) == 1:
        return makers[0](on_state)
    from qwen_lsp.model.failover import FailOver  # for who has named several, as below

    return FailOver(makers, on_state)


def _remote(endpoint: EndpointConfig, on_state: Listener) -> RemoteEndpoint:
    # The dialects of endpoints are loaded where one is named: most windows have the engine alone.
    from qwen_lsp.model.remote import RemoteEndpoint

    return RemoteEndpoint(endpoint, on_state)


class ModelHosts:
    """The hosts of one session. `completion` and `chat` are one and the same where the settings are."""

    def __init__(self, config: Config, model_path: ModelPath, on_state: Callable[[Use, State], None]) -> None:
        self._config = config
        self._model_path = model_path
        self._engine: Engine | SharedEngine | None = None
        completion, chat = config.endpoint.of("completion"), config.endpoint.of("chat")
        self.chat: Host
        self.completion: Host = _host(completion, self._own_engine, partial(on_state, "completion"))
        if has_chat_model(config):
            self.chat = _host(chat, partial(_chat_engine, config, model_path), partial(on_state, "chat"))
        elif chat == completion:
            self.chat = self.completion
        else:
            self.chat = _host(chat, self._own_engine, partial(on_state, "chat"))

    def _own_engine(self, listener: Listener) -> Engine | SharedEngine:
        if self._engine is None:
            self._engine = _engine(self._config, self._model_path, listener)
        else:
            self._engine.listeners.append(listener)
        return self._engine

    async def close(self) -> None:
        """Stop what runs and close every connection."""
        try:
            await self.completion.close()
        finally:
            if self.chat is not self.completion:
                await self.chat.close()
