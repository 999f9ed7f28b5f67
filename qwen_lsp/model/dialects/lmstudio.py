"""LM Studio: the OpenAI API without log-probabilities; its own API says how long a loaded model's context is.

From https://lmstudio.ai/docs/developer/rest: the list has every model on the disk, loaded or not, embeddings
among them. A path that it does not know gets the status 200 and an `error`.
"""

from __future__ import annotations

from typing import Any

from qwen_lsp.errors import EndpointUnavailable
from qwen_lsp.model.dialects import openai
from qwen_lsp.model.dialects.dialect import AskJson, Capabilities, Dialect, Post, Served, coder_of
from qwen_lsp.model.generation import Request

_LIST = "/api/v0/models"


async def _served(named: str, ask: AskJson) -> Served:
    cards: list[dict[str, Any]] = [
        card for card in (await ask("GET", _LIST))["data"] if card.get("type") != "embeddings"
    ]
    # One that is loaded answers at once.
    cards.sort(key=lambda card: card.get("state") != "loaded")
    names = [str(card["id"]) for card in cards]
    if not named and not names:
        raise EndpointUnavailable("it has no model; download a Qwen Coder model in LM Studio")
    model = named or coder_of(names) or names[0]
    card = next((card for card in cards if card["id"] == model), {})
    context = card.get("loaded_context_length") or card.get("max_context_length") or 0
    return Served(model, int(context), models=tuple(names))


def _completion(request: Request, model: str) -> Post:
    post = openai.completion(request, model)
    return _plain(post)


def _plain(post: Post) -> Post:
    """Leave out what it does not know."""
    body = {name: value for name, value in post.body.items() if name != "logprobs"}
    otherwise = _plain(post.otherwise) if post.otherwise is not None else None
    return Post(post.path, body, post.read, post.echo, expected=post.expected, otherwise=otherwise)


LM_STUDIO = Dialect(
    name="lmstudio",
    # A model has one cache unless its owner asks for more.
    can=Capabilities(schema=True, prompt_cache=True, cancels_on_disconnect=True),
    health=_LIST,
    served=_served,
    completion=_completion,
    chat=openai.chat,
)
