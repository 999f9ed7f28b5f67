"""Endpoints where code is completed in a chat: gateways that have nothing else, and Alibaba's Model Studio.

Model Studio has `/v1/completions` for Qwen2.5-Coder and qwen-coder-turbo, in the documented order of the
markers only: nothing may be asked for that stands before a suffix alone (its help, "OpenAI compatible -
Completions"). For Qwen3-Coder it has chat, whose last message goes on where `partial` says so ("Partial
mode"). The words of the chat are those of Qwen3-Coder's README. Neither is shown pieces of other files.
"""

from __future__ import annotations

import re
from typing import Any

from qwen_lsp.errors import EndpointRejected
from qwen_lsp.model import catalog, fim
from qwen_lsp.model.dialects import openai
from qwen_lsp.model.dialects.dialect import AskJson, Capabilities, Dialect, Post, Served, echo_of
from qwen_lsp.model.generation import ChatRequest, Request

_SYSTEM = "You are a code completion assistant."
_TEXT_MODEL = re.compile(r"qwen2\.5-coder|qwen-coder-turbo", re.IGNORECASE)


def _documented(request: Request, model: str, typed: str) -> str:
    """Write the prompt anew from what is around the hole, in the documented order."""
    before, after = request.around
    tokens = catalog.endpoint_profile(model).tokens
    return fim.render(tokens, "psm", before + typed, after)


def _in_chat(request: Request, model: str, *, can_go_on: bool) -> Post:
    forced = echo_of(request)
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": _SYSTEM},
        {"role": "user", "content": _documented(request, model, "" if can_go_on else forced)},
    ]
    if can_go_on and forced:
        messages.append({"role": "assistant", "content": forced, "partial": True})
    body = openai.text_body(request, model, "")
    body = {name: value for name, value in body.items() if name not in ("prompt", "logprobs")}
    return Post(openai.CHAT, body | {"messages": messages}, openai.read_chat, forced)


def _completion(request: Request, model: str) -> Post:
    return _in_chat(request, model, can_go_on=False)


def _studio_completion(request: Request, model: str) -> Post:
    if not _TEXT_MODEL.search(model):
        return _in_chat(request, model, can_go_on=True)
    forced = echo_of(request)
    body = openai.text_body(request, model, _documented(request, model, forced))
    return Post(
        openai.COMPLETIONS,
        {name: value for name, value in body.items() if name != "logprobs"},
        openai.read_completion,
        forced,
    )


async def _studio_chat(request: ChatRequest, model: str, ask: AskJson) -> Post:
    body = openai.chat_body(request, model)
    if request.begins:
        last = {"role": "assistant", "content": request.begins, "partial": True}
        body["messages"] = [*body["messages"], last]
    return Post(openai.CHAT, body, openai.read_chat, request.begins)


async def _studio_served(named: str, ask: AskJson) -> Served:
    if not named:  # its list has hundreds, most of them for something else
        raise EndpointRejected("name the model (`endpoint.model`), such as qwen2.5-coder-32b-instruct")
    return Served(named)


CHAT_ONLY = Dialect(
    name="chat",
    can=Capabilities(raw_prompt=False, schema=True, cancels_on_disconnect=True),
    health=openai.MODELS,
    served=openai.served,
    completion=_completion,
    chat=openai.chat,
)

MODEL_STUDIO = Dialect(
    name="modelstudio",
    can=Capabilities(raw_prompt=False, schema=True, lists_models=False),
    health=openai.MODELS,
    served=_studio_served,
    completion=_studio_completion,
    chat=_studio_chat,
)
