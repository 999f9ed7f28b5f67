"""The OpenAI-compatible API as most servers have it: `/v1/completions` and `/v1/chat/completions`.

`OPENAI` writes the model's own markers into the prompt; `INFILL` is for gateways that take the suffix in a
field of its own and write the markers themselves. The functions are shared by the dialects of single servers.
Servers differ in what they do with a prompt that was read before, and none says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from qwen_lsp.errors import EndpointRejected, EndpointUnavailable
from qwen_lsp.model.dialects.dialect import (
    AskJson,
    Capabilities,
    Dialect,
    Post,
    Served,
    coder_of,
    echo_of,
    probabilities,
    raise_for,
    text_of,
    turns,
)
from qwen_lsp.model.generation import ChatRequest, Chunk, Request, Timings

COMPLETIONS, CHAT, MODELS = "/v1/completions", "/v1/chat/completions", "/v1/models"
# Servers refuse longer lists (OpenAI itself, and vLLM unless told otherwise); the rest is cut by us.
_MAX_STOPS = 4
ALWAYS = {"temperature": 0.0, "stream": True, "stream_options": {"include_usage": True}}


async def served(named: str, ask: AskJson) -> Served:
    """Read the list of models. Gateways that have none serve what is named."""
    cards: list[dict[str, Any]] = []
    try:
        cards = list((await ask("GET", MODELS))["data"])
    except (EndpointRejected, LookupError, TypeError):
        if not named:
            raise
    names = [str(card["id"]) for card in cards]
    if not named and not names:
        raise EndpointUnavailable("it serves no model")
    model = named or coder_of(names) or names[0]
    card = next((card for card in cards if card["id"] == model), cards[0] if cards else {})
    context = 0
    with suppress(ValueError, TypeError):  # a foreign field, which others may use for something else
        context = int(card.get("max_model_len") or 0)
    return Served(model, context, str(card.get("owned_by") or ""), tuple(names))


def stops(wanted: Sequence[str]) -> list[str]:
    """Return as many as a server takes: texts first, because most control tokens end an answer anyway."""
    return sorted(wanted, key=lambda stop: stop.startswith("<|"))[:_MAX_STOPS]


def text_body(request: Request, model: str, prompt: str) -> dict[str, Any]:
    """Write the body of a completion."""
    return {
        "model": model,
        "prompt": prompt,
        "max_tokens": max(request.max_tokens, 1),  # 0 is refused
        "stop": stops(request.stop),
        "logprobs": 1,
        **ALWAYS,
    }


def completion(request: Request, model: str) -> Post:
    """Write a completion for a server that can force nothing.

    A word that is typed half is left to the model from its beginning, because its tokens are others than
    those of its half; where it writes another word, it gets the half at the end of its prompt.
    """
    forced = echo_of(request)
    post = Post(COMPLETIONS, text_body(request, model, request.prompt + forced), read_completion, forced)
    if not forced:
        return post
    return Post(
        COMPLETIONS,
        text_body(request, model, request.prompt),
        read_completion,
        expected=forced,
        otherwise=post,
    )


def chat_body(request: ChatRequest, model: str) -> dict[str, Any]:
    """Write the body of a chat."""
    body: dict[str, Any] = {
        "model": model,
        "messages": turns(request),
        "max_tokens": max(request.max_tokens, 1),
        "stop": stops(request.stop),
        **ALWAYS,
    }
    if request.n_probs:
        body |= {"logprobs": True, "top_logprobs": request.n_probs}
    if request.json_schema is not None:
        schema = {"name": "answer", "schema": request.json_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def begun_body(request: ChatRequest, model: str) -> dict[str, Any]:
    """Write a chat whose answer goes on from `request.begins`, as vLLM and SGLang can."""
    body = chat_body(request, model)
    if request.begins:
        body["messages"] = [*body["messages"], {"role": "assistant", "content": request.begins}]
        body["continue_final_message"] = True
    return body


async def chat(request: ChatRequest, model: str, ask: AskJson) -> Post:
    """Write a chat."""
    return Post(CHAT, chat_body(request, model), read_chat)


def read_completion(data: dict[str, Any]) -> Chunk:
    """Read one event of `/v1/completions`."""
    raise_for(data)
    timings = _usage(data)
    if not data["choices"]:  # the last message of `include_usage` has no choice
        return Chunk("", timings=timings, stop_reason="stop" if data.get("usage") else None)
    choice = data["choices"][0]
    logprobs, others = _logprobs(choice.get("logprobs") or {})
    return Chunk(text_of(choice.get("text") or ""), logprobs, others, choice.get("finish_reason"), timings)


def _logprobs(
    logprobs: dict[str, Any],
) -> tuple[tuple[float, ...], tuple[tuple[str, float], ...]]:
    """Read them as llama.cpp's server writes them (`content`), or in OpenAI's older form, as others do."""
    if content := logprobs.get("content"):
        return probabilities(content)
    values = [value for value in logprobs.get("token_logprobs") or () if value is not None]
    others: list[tuple[str, float]] = []
    tops = logprobs.get("top_logprobs") or ()
    if len(values) == 1 and tops and isinstance(tops[0], dict):
        own = (logprobs.get("tokens") or ("",))[0]
        others = [(str(token), float(value)) for token, value in tops[0].items() if token != own]
    return tuple(map(float, values)), tuple(sorted(others, key=lambda one: -one[1]))


def read_chat(data: dict[str, Any]) -> Chunk:
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
        prompt_tokens=int(usage.get("prompt_tokens") or 0),
        cached_tokens=int(details.get("cached_tokens") or 0),
        generated_tokens=int(usage.get("completion_tokens") or 0),
    )


def _infill(request: Request, model: str) -> Post:
    """Write a completion whose markers the server puts in."""
    before, after = request.around
    echo = echo_of(request)
    return Post(
        COMPLETIONS, text_body(request, model, before + echo) | {"suffix": after}, read_completion, echo
    )


OPENAI = Dialect(
    name="openai",
    can=Capabilities(logprobs=True, schema=True, cancels_on_disconnect=True),
    health=MODELS,
    served=served,
    completion=completion,
    chat=chat,
)

# It is not shown pieces of other files, because its markers are the server's.
INFILL = Dialect(
    name="suffix",
    can=Capabilities(raw_prompt=False, suffix=True, logprobs=True, schema=True, cancels_on_disconnect=True),
    health=MODELS,
    served=served,
    completion=_infill,
    chat=chat,
)
