"""Ollama's own API: `/api/generate` with `raw`, so that no template is put around a prompt, and `/api/chat`.

Its OpenAI-compatible API would wrap a prompt in the model's template, which eats the FIM markers. Answers are
lines of JSON. From https://docs.ollama.com/api/generate; log-probabilities came with 0.12.11 and are missing
before. A context other than the loaded one loads the model again, so every request names the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qwen_lsp.errors import EndpointUnavailable
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

# Ollama's own default of 4,096 cuts what is longer at its beginning, without a word.
_CONTEXT_TOKENS = 8192
# Ollama's own default is five minutes, and loading a model again takes seconds.
_KEEP_ALIVE = "30m"


async def _served(named: str, ask: AskJson) -> Served:
    names = [str(one["name"]) for one in (await ask("GET", "/api/tags"))["models"]]
    if named:
        known = {name.removesuffix(":latest") for name in names} | set(names)
        if named not in known:
            there = ", ".join(names) or "none"
            raise EndpointUnavailable(
                f"it has no model {named!r} (there are: {there}); `ollama pull {named}`"
            )
    model = named or coder_of(names)
    if not model:
        raise EndpointUnavailable("it has no Qwen Coder model; `ollama pull qwen2.5-coder:1.5b`")
    return Served(model, _CONTEXT_TOKENS, models=tuple(names))


def _completion(request: Request, model: str) -> Post:
    forced = echo_of(request)
    if not forced:
        return _raw(request, model)
    return replace(_raw(request, model), expected=forced, otherwise=_raw(request, model, forced))


def _raw(request: Request, model: str, echo: str = "") -> Post:
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
    can=Capabilities(logprobs=True, schema=True, prompt_cache=True, cancels_on_disconnect=True),
    health="/api/version",
    served=_served,
    completion=_completion,
    chat=_chat,
)
