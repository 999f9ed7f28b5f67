"""Ollama's own API: `/api/generate` with `raw`, so that no template is put around a prompt, and `/api/chat`.

Its OpenAI-compatible API would wrap a prompt in the model's template, which eats the FIM markers. Answers are
lines of JSON. From https://docs.ollama.com/api/generate; log-probabilities came with 0.12.11 and are missing
before. A context other than the loaded one loads the model again, so every request names the same.
"""

from __future__ import annotations

import re
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

# Ollama's own default of 4,096 cuts what is longer at its beginning, without a word.
_CONTEXT_TOKENS = 8192
# Ollama's own default is five minutes, and loading a model again takes seconds.
_KEEP_ALIVE = "30m"


async def _model(named: str, ask: AskJson) -> str:
    names = [str(one["name"]) for one in (await ask("GET", "/api/tags"))["models"]]
    if named:
        known = {name.removesuffix(":latest") for name in names} | set(names)
        if named not in known:
            there = ", ".join(names) or "none"
            raise EndpointUnavailable(
                f"it has no model {named!r} (there are: {there}); `ollama pull {named}`"
            )
        return named
    coders = [name for name in names if re.search(r"qwen.*coder", name, re.IGNORECASE)]
    if not coders:
        raise EndpointUnavailable("it has no Qwen Coder model; `ollama pull qwen2.5-coder:1.5b`")
    return coders[0]


def _completion(request: Request, model: str) -> Post:
    echo = echo_of(request)
    body: dict[str, Any] = {
        "model": model,
        "prompt": request.prompt + echo,
        "raw": True,
        "stream": True,
        "keep_alive": _KEEP_ALIVE,
        "logprobs": True,
        "options": _options(request.max_tokens, request.stop),
    }
    if request.n_alternatives > 1:
        body["top_logprobs"] = request.n_alternatives
    return Post("/api/generate", body, _read, echo, is_lines=True)


async def _chat(request: ChatRequest, model: str, ask: AskJson) -> Post:
    body: dict[str, Any] = {
        "model": model,
        "messages": turns(request),
        "stream": True,
        "keep_alive": _KEEP_ALIVE,
        "options": _options(request.max_tokens, request.stop),
    }
    if request.n_probs:
        body |= {"logprobs": True, "top_logprobs": request.n_probs}
    if request.json_schema is not None:
        body["format"] = request.json_schema
    return Post("/api/chat", body, _read, is_lines=True)


def _options(max_tokens: int, stop: Any) -> dict[str, Any]:
    # 0 would mean "without a limit".
    return {
        "temperature": 0.0,
        "num_predict": max(max_tokens, 1),
        "stop": list(stop),
        "num_ctx": _CONTEXT_TOKENS,
    }


def _read(data: dict[str, Any]) -> Chunk:
    raise_for(data)
    text = data["message"].get("content", "") if "message" in data else data.get("response", "")
    logprobs, others = probabilities(data.get("logprobs") or ())
    return Chunk(
        text_of(text),
        logprobs,
        others,
        str(data.get("done_reason") or "stop") if data.get("done") else None,
        Timings(
            prompt_tokens=int(data.get("prompt_eval_count") or 0),
            generated_tokens=int(data.get("eval_count") or 0),
            prompt_ms=float(data.get("prompt_eval_duration") or 0) / 1e6,
            generated_ms=float(data.get("eval_duration") or 0) / 1e6,
        ),
    )


OLLAMA = Dialect(
    name="ollama",
    # One slot, unless its owner asks for more: a chat pushes the completion's prompt out of its cache.
    can=Capabilities(logprobs=True, prompt_cache=True, cancels_on_disconnect=True),
    health="/api/version",
    model=_model,
    completion=_completion,
    chat=_chat,
)
