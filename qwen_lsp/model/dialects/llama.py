"""llama.cpp's own API: `/completion` with grammars, slots, a prompt cache and probabilities.

A chat goes to `/completion`, too, its messages written by the model's own template, because only there may an
answer begin with given text, keep to a grammar or a JSON schema, and use a slot of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from qwen_lsp.model.dialects.dialect import (
    AskJson,
    Capabilities,
    Dialect,
    Post,
    Served,
    probabilities,
    raise_for,
    text_of,
    turns,
)
from qwen_lsp.model.generation import ChatRequest, Chunk, Request, Slot, Timings

# The field of a request that names its slot, and ours, which only the shared engine's relay reads; its answer
# to one that is renewable and has waited.
SLOT = "id_slot"
BACKGROUND = "is_background"
RENEWABLE = "is_renewable"
STALE = 409


async def _served(named: str, ask: AskJson) -> Served:
    properties = await ask("GET", "/props")
    path = (
        properties.get("model_alias") or properties["model_path"]
    )  # LM Studio answers with an error and 200
    settings = properties.get("default_generation_settings") or {}
    return Served(named or str(path).replace("\\", "/").rpartition("/")[2], int(settings.get("n_ctx") or 0))


def _completion(request: Request, model: str) -> Post:
    forced = _grammar_of_tokens(request.tokens) if request.tokens else _grammar(request.forced)
    body = {
        **({"grammar": forced} if request.tokens or request.forced else {}),
        "prompt": request.prompt,
        "n_predict": request.max_tokens,
        "stop": list(request.stop),
        SLOT: request.slot,
        "n_probs": request.n_alternatives,
        **({BACKGROUND: True} if request.is_background else {}),
        **({RENEWABLE: True} if request.is_renewable else {}),
        **_ALWAYS,
    }
    return Post("/completion", body, _read)


async def _chat(request: ChatRequest, model: str, ask: AskJson) -> Post:
    messages = turns(request)
    if request.begins:  # a last message of the assistant is left open, so that the answer goes on from it
        messages.append({"role": "assistant", "content": request.begins})
    written = await ask("POST", "/apply-template", {"messages": messages})
    body: dict[str, Any] = {
        "prompt": str(written["prompt"]),
        "n_predict": request.max_tokens,
        "stop": list(request.stop),
        SLOT: request.slot,
        **({BACKGROUND: True} if request.is_background else {}),
        **_ALWAYS,
    }
    if request.n_probs:
        body["n_probs"] = request.n_probs
    if request.json_schema is not None:
        body["json_schema"] = request.json_schema
    elif request.grammar:
        body["grammar"] = request.grammar
    return Post("/completion", body, _read, request.begins)


# `timings_per_token`: so that an answer we leave early has its figures too. `return_progress`: so that the
# server looks after each batch of a prompt whether it was given up; without it, it looks once a second.
_ALWAYS = {
    "temperature": 0.0,
    "cache_prompt": True,
    "stream": True,
    "timings_per_token": True,
    "return_progress": True,
}
PROGRESS = b'"prompt_progress"'
"""What marks the line of a stream that says how much of the prompt is read, and has no text."""


def _read(data: dict[str, Any]) -> Chunk | None:
    raise_for(data)
    if "prompt_progress" in data:
        return None
    # By number, because two tokens may have the same text.
    logprobs, others = probabilities(data.get("completion_probabilities") or (), "id")
    timings = data.get("timings") or {}
    return Chunk(
        text_of(data["content"]),
        logprobs,
        others,
        str(data.get("stop_type") or "stop") if data.get("stop") else None,
        Timings(
            prompt_tokens=int(timings.get("cache_n", 0)) + int(timings.get("prompt_n", 0)),
            cached_tokens=int(timings.get("cache_n", 0)),
            generated_tokens=int(timings.get("predicted_n", 0)),
            prompt_ms=float(timings.get("prompt_ms", 0.0)),
            generated_ms=float(timings.get("predicted_ms", 0.0)),
        ),
    )


def _grammar(forced: str) -> str:
    """Write a GBNF grammar for a text that begins with `forced`."""
    # A JSON string and a GBNF literal escape quotes, backslashes, tabs and line ends alike.
    return f'root ::= {msgspec.json.encode(forced).decode()} ( . | "\\n" )*'


def _grammar_of_tokens(tokens: Sequence[int]) -> str:
    """Write a GBNF grammar for these tokens and nothing else."""
    return "root ::= " + " ".join(f"<[{token}]>" for token in tokens)


async def _tokenize(text: str, model: str, ask: AskJson) -> list[int]:
    answer = await ask("POST", "/tokenize", {"content": text, "parse_special": True})
    return list(answer["tokens"])


async def _slots(ask: AskJson) -> list[Slot]:
    return [Slot(int(slot["id"]), bool(slot["is_processing"])) for slot in await ask("GET", "/slots")]


# What a window may ask of an engine that it shares: nothing that shows or changes what others have in it.
RELAYED: dict[tuple[str, str], Literal["generation", "question"]] = {
    ("POST", "/completion"): "generation",
    ("POST", "/apply-template"): "question",
    ("POST", "/tokenize"): "question",
    ("GET", "/health"): "question",
}

LLAMA = Dialect(
    name="llama",
    can=Capabilities(
        logprobs=True,
        likelihood=True,
        grammar=True,
        schema=True,
        prompt_cache=True,
        slots=True,
        cancels_on_disconnect=True,
    ),
    health="/health",
    served=_served,
    completion=_completion,
    chat=_chat,
    tokenize=_tokenize,
    list_slots=_slots,
)
