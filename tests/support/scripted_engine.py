"""A model host for tests in virtual time: the real client and HTTP library over a scripted engine.

The double stands outside, where the engine's port would be. Use it inside `virtual_time.run`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, cast

import httpx
import pytest

from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.llama import RENEWABLE, STALE
from qwen_lsp.model.hosts import Host
from qwen_lsp.model.web import Web
from tests.support.virtual_time import now_ms

PROMPT_MS, TOKEN_MS = 50.0, 30.0

# What an engine writes: each token with its probability.
Tokens = list[tuple[str, float]]


@dataclass
class Generation:
    """One request that the engine got."""

    prompt: str
    forced: str
    asked_ms: float
    sent: list[str] = field(default_factory=list)
    is_left: bool = False


class ScriptedEngine(httpx.AsyncBaseTransport):
    """Answers each completion with the tokens that `script` gives for its prompt.

    It considers `others` for its first token, with their probabilities; forced to begin with one of them, it
    goes on with `after_beginning`. One request has to wait for its turn, for `busy_s`, where that is set.
    """

    def __init__(
        self,
        script: Callable[[str], Tokens],
        *,
        others: Mapping[str, float] = MappingProxyType({}),
        after_beginning: Callable[[str], Tokens] | None = None,
    ) -> None:
        self.script = script
        self.others = others
        self.after_beginning = after_beginning
        self.generations: list[Generation] = []
        self.busy_s = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(await request.aread())
        grammar = body.get("grammar", 'root ::= ""').removeprefix("root ::= ")
        forced, _ = json.JSONDecoder().raw_decode(grammar)
        generation = Generation(body["prompt"], forced, now_ms())
        self.generations.append(generation)
        if self.busy_s and body.get(RENEWABLE):
            busy_s, self.busy_s = self.busy_s, 0.0
            await asyncio.sleep(busy_s)
            return httpx.Response(STALE)
        return httpx.Response(200, stream=_Stream(self, generation, int(body["n_predict"])))

    def host(self) -> Host:
        """Return a host whose model is loaded and which reaches this engine."""
        return cast(Host, _Host(self))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, engine: ScriptedEngine, generation: Generation, most: int) -> None:
        self.engine, self.generation, self.most = engine, generation, most
        self.is_over = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await asyncio.sleep(PROMPT_MS / 1000)
        engine, forced = self.engine, self.generation.forced
        beginning = next((other for other in engine.others if forced.endswith(other)), None)
        tokens = [(forced, 1.0)] if forced else []
        n_forced = len(tokens)
        if beginning is not None and engine.after_beginning is not None:
            tokens += engine.after_beginning(beginning)
        else:
            tokens += engine.script(self.generation.prompt)
        for number, (text, probability) in enumerate(tokens[: self.most]):
            await asyncio.sleep(TOKEN_MS / 1000)
            self.generation.sent.append(text)
            token = {"id": number, "token": text, "logprob": _log(probability)}
            is_first = number == n_forced and beginning is None
            others = sorted(engine.others.items(), key=lambda item: -item[1])  # as llama.cpp sends them
            considered = others if is_first else []
            token["top_logprobs"] = [
                {"id": -1, "token": other, "logprob": _log(p)} for other, p in considered
            ]
            yield _event({"content": text, "stop": False, "completion_probabilities": [token]})
        self.is_over = True
        yield _event({"content": "", "stop": True, "stop_type": "eos"})

    async def aclose(self) -> None:
        self.generation.is_left = not self.is_over


class _Host:
    """A loaded model."""

    model = ""
    is_endpoint = False

    def __init__(self, engine: ScriptedEngine) -> None:
        self.client = Client(Endpoint("http://127.0.0.1:1", is_ours=True))
        url = "http://127.0.0.1:1"
        self.client._transport = Web(url, httpx.AsyncClient(base_url=url, transport=engine))

    async def ready(self) -> Client:
        return self.client

    def idle_client(self) -> Client:
        return self.client

    async def close(self) -> None:
        await self.client.close()


def _log(probability: float) -> float:
    import math

    return math.log(probability)


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def use_virtual_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything that asks for the time see that of the loop."""
    for name in ("perf_counter", "monotonic"):
        monkeypatch.setattr(time, name, lambda: asyncio.get_running_loop().time())
