"""One answer of an instruct model on the chat slot, streamed, with a deadline.

`ask` sends messages and returns the whole Reply; `on_text` hears the text so far. On llama.cpp the
model's own template is applied by the engine and the answer comes from `/completion`, because only
there may an answer begin with given text, keep to a grammar or a JSON schema, and use its own slot.
OpenAI-compatible endpoints get `/v1/chat/completions`. The deadline, a cancellation and `on_text`
returning True all leave the stream, which frees the slot (invariant 5). It knows no LSP.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from qwen_lsp.errors import EndpointTimeout
from qwen_lsp.model.client import Chunk, Client, Timings, broken_off, read_llama, usage_of
from qwen_lsp.model.engine import CHAT_SLOT

# OpenAI-compatible servers refuse longer lists.
_OPENAI_STOP_LIMIT = 4

# Hears the answer so far; returning True ends it there.
OnText = Callable[[str], bool | None]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One answer to ask for. Greedy: the same messages give the same answer.

    Units: `max_tokens` 0 only reads the messages into the cache. `begins` is what the answer begins
    with and the reply contains it; endpoints that cannot continue a text ignore it. `json_schema`
    and `grammar` (GBNF, llama.cpp only) exclude each other. `n_probs` above 0 asks for the
    log-probability of each token and of so many others.
    """

    messages: Sequence[Message]
    max_tokens: int
    begins: str = ""
    stop: Sequence[str] = ()
    json_schema: Mapping[str, Any] | None = None
    grammar: str = ""
    n_probs: int = 0
    timeout_ms: int = 120_000


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished answer. `stop_reason` is the endpoint's, or "left" where `on_text` ended it.

    Shape: one log-probability for each token, and for each chunk the likeliest others of its token and
    the place in `text` where they would stand; all empty where they were not asked for.
    """

    text: str
    stop_reason: str
    timings: Timings = field(default_factory=Timings)
    logprobs: tuple[float, ...] = ()
    others: tuple[tuple[tuple[str, float], ...], ...] = field(default=(), repr=False)
    places: tuple[int, ...] = field(default=(), repr=False)

    @property
    def is_cut_off(self) -> bool:
        """Whether the answer ended only because it had grown too long."""
        return self.stop_reason in ("limit", "length")


async def ask(client: Client, request: ChatRequest, on_text: OnText | None = None) -> Reply:
    """Ask and return the whole answer.

    Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
    """
    try:
        return await asyncio.wait_for(_ask(client, request, on_text), request.timeout_ms / 1000)
    except TimeoutError:
        seconds = request.timeout_ms / 1000
        raise EndpointTimeout(f"the model gave no whole answer within {seconds:g} s") from None


async def _ask(client: Client, request: ChatRequest, on_text: OnText | None) -> Reply:
    text, reason, timings = "", "", Timings()
    logprobs: list[float] = []
    others: list[tuple[tuple[str, float], ...]] = []
    places: list[int] = []
    async with stream(client, request) as chunks:
        async for chunk in chunks:
            text += chunk.text
            timings = chunk.timings if chunk.timings != Timings() else timings
            reason = reason or chunk.stop_reason or ""  # what comes after the first only counts tokens
            logprobs += chunk.logprobs
            if chunk.logprobs:
                others.append(chunk.others)
                places.append(len(text) - len(chunk.text))
            if chunk.text and on_text is not None and on_text(text):
                reason = "left"
                break
    return Reply(text, reason, timings, tuple(logprobs), tuple(others), tuple(places))


@asynccontextmanager
async def stream(client: Client, request: ChatRequest) -> AsyncIterator[AsyncIterator[Chunk]]:
    """Ask and yield the chunks as they are written; leaving early frees the slot. No deadline of its own.

    Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
    """
    if client.endpoint.kind == "llama":
        opened = await _open_llama(client, request)
    else:
        opened = client.stream_post("/v1/chat/completions", _openai_body(client, request), _read_delta)
    async with opened as chunks:
        yield chunks


async def _open_llama(
    client: Client, request: ChatRequest
) -> AbstractAsyncContextManager[AsyncIterator[Chunk]]:
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    if request.begins:
        messages.append({"role": "assistant", "content": request.begins})
    body: dict[str, Any] = {
        "prompt": await client.apply_template(messages),
        "n_predict": request.max_tokens,
        "stop": list(request.stop),
        "id_slot": CHAT_SLOT,
        "temperature": 0.0,
        "cache_prompt": True,
        "stream": True,
        "timings_per_token": True,
    }
    if request.n_probs:
        body["n_probs"] = request.n_probs
    if request.json_schema is not None:
        body["json_schema"] = request.json_schema
    elif request.grammar:
        body["grammar"] = request.grammar
    return client.stream_post("/completion", body, read_llama, request.begins)


def _openai_body(client: Client, request: ChatRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": client.endpoint.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "max_tokens": max(request.max_tokens, 1),
        "stop": list(request.stop[:_OPENAI_STOP_LIMIT]),
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.n_probs:
        body |= {"logprobs": True, "top_logprobs": request.n_probs}
    if request.json_schema is not None:
        schema = {"name": "answer", "schema": request.json_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def _read_delta(data: dict[str, Any]) -> Chunk:
    """Read one event of `/v1/chat/completions`."""
    if "error" in data:
        raise broken_off(data["error"])
    timings = usage_of(data)
    if not data["choices"]:  # the last message of `include_usage` has no choice
        return Chunk("", timings=timings, stop_reason="stop" if data.get("usage") else None)
    choice = data["choices"][0]
    tokens: list[dict[str, Any]] = (choice.get("logprobs") or {}).get("content") or []
    others = (
        tuple((str(one["token"]), float(one["logprob"])) for one in tokens[0].get("top_logprobs") or ())
        if len(tokens) == 1
        else ()
    )
    text = choice["delta"].get("content") or ""
    if not isinstance(text, str):
        raise TypeError("a text that is not one")
    return Chunk(
        text,
        tuple(float(token["logprob"]) for token in tokens),
        tuple(one for one in others if one[0] != tokens[0]["token"]),
        choice.get("finish_reason"),
        timings,
    )
