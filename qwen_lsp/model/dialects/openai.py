"""The OpenAI-compatible API: `/v1/completions` and `/v1/chat/completions`, as vLLM and SGLang have it.

The prompt has the model's own markers in it, or the suffix goes into a field of its own (`suffix`).

Its servers differ in what they do with a prompt that was read before, and none says so.
"""

from __future__ import annotations

from typing import Any

from qwen_lsp.errors import EndpointUnavailable
from qwen_lsp.model.dialects.dialect import (
    AskJson,
    Capabilities,
    Dialect,
    Post,
    echo_of,
    probabilities,
    raise_for,
    text_of,
    turns,
)
from qwen_lsp.model.generation import ChatRequest, Chunk, Request, Timings

# Servers refuse longer lists (vLLM and OpenAI itself take four); the rest is cut by us.
_MAX_STOPS = 4


async def _model(named: str, ask: AskJson) -> str:
    if named:
        return named
    models = (await ask("GET", "/v1/models"))["data"]
    if not models:
        raise EndpointUnavailable("it serves no model")
    return str(models[0]["id"])


def _completion(request: Request, model: str) -> Post:
    echo = echo_of(request)
    return Post("/v1/completions", _text_body(request, model, request.prompt + echo), _read_text, echo)


def _text_body(request: Request, model: str, prompt: str) -> dict[str, Any]:
    return {
        "model": model,
        "prompt": prompt,
        "max_tokens": max(request.max_tokens, 1),
        "stop": list(request.stop[:_MAX_STOPS]),
        "logprobs": 1,
        **_ALWAYS,
    }


async def _chat(request: ChatRequest, model: str, ask: AskJson) -> Post:
    body: dict[str, Any] = {
        "model": model,
        "messages": turns(request),
        "max_tokens": max(request.max_tokens, 1),
        "stop": list(request.stop[:_MAX_STOPS]),
        **_ALWAYS,
    }
    if request.n_probs:
        body |= {"logprobs": True, "top_logprobs": request.n_probs}
    if request.json_schema is not None:
        schema = {"name": "answer", "schema": request.json_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return Post("/v1/chat/completions", body, _read_delta)


_ALWAYS = {"temperature": 0.0, "stream": True, "stream_options": {"include_usage": True}}


def _read_text(data: dict[str, Any]) -> Chunk:
    """Read one event of `/v1/completions`."""
    raise_for(data)
    timings = _usage(data)
    if not data["choices"]:  # the last message of `include_usage` has no choice
        return Chunk("", timings=timings, stop_reason="stop" if data.get("usage") else None)
    choice = data["choices"][0]
    logprobs = choice.get("logprobs") or {}
    # llama.cpp's server writes `content`, vLLM and SGLang the older `token_logprobs`.
    values = (
        [token["logprob"] for token in logprobs.get("content") or ()] or logprobs.get("token_logprobs") or ()
    )
    return Chunk(
        text_of(choice.get("text") or ""),
        tuple(float(value) for value in values if value is not None),
        (),
        choice.get("finish_reason"),
        timings,
    )


def _read_delta(data: dict[str, Any]) -> Chunk:
    """Read one event of `/v1/chat/completions`."""
    raise_for(data)
    timings = _usage(data)
    if not data["choices"]:
        return Chunk("", timings=timings, stop_reason="stop" if data.get("usage") else None)
    choice = data["choices"][0]
    logprobs, others = probabilities((choice.get("logprobs") or {}).get("content") or ())
    return Chunk(
        text_of(choice["delta"].get("content") or ""),
        logprobs,
        others,
        choice.get("finish_reason"),
        timings,
    )


def _usage(data: dict[str, Any]) -> Timings:
    usage = data.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    return Timings(
        prompt_tokens=int(usage.get("prompt_tokens", 0)),
        cached_tokens=int(details.get("cached_tokens") or 0),
        generated_tokens=int(usage.get("completion_tokens", 0)),
    )


def _infill(request: Request, model: str) -> Post:
    """Write a completion whose markers the server puts in."""
    before, after = request.around
    echo = echo_of(request)
    return Post(
        "/v1/completions", _text_body(request, model, before + echo) | {"suffix": after}, _read_text, echo
    )


OPENAI = Dialect(
    name="openai",
    can=Capabilities(logprobs=True, cancels_on_disconnect=True),
    health="/v1/models",
    model=_model,
    completion=_completion,
    chat=_chat,
)

# For gateways that put the markers in by themselves; they are not shown pieces of other files.
INFILL = Dialect(
    name="suffix",
    can=Capabilities(logprobs=True, suffix=True, cancels_on_disconnect=True),
    health="/v1/models",
    model=_model,
    completion=_infill,
    chat=_chat,
)
