"""vLLM: the OpenAI API with structured outputs, token numbers and the log-probabilities of prompts.

From vllm/entrypoints/openai/completion/protocol.py: `structured_outputs` took the place of `guided_*` with
0.12; `suffix` is refused; at most four stops; control tokens are left out of texts, and so do not stop an
answer, unless `skip_special_tokens` is false; `prompt_logprobs` are not streamed.
"""

from __future__ import annotations

from typing import Any

from qwen_lsp.model.dialects import openai
from qwen_lsp.model.dialects.dialect import AskJson, Capabilities, Dialect, Post, aligned, beginning
from qwen_lsp.model.generation import ChatRequest, Chunk, Request


def _completion(request: Request, model: str) -> Post:
    body = openai.text_body(request, model, request.prompt)
    body |= {"logprobs": request.n_alternatives, "skip_special_tokens": False}
    if request.forced:
        body["structured_outputs"] = {"regex": beginning(request.forced)}
    return Post(openai.COMPLETIONS, body, openai.read_completion)


async def _chat(request: ChatRequest, model: str, ask: AskJson) -> Post:
    body = openai.begun_body(request, model)
    if request.begins:
        body["add_generation_prompt"] = False
    if request.grammar:
        body["structured_outputs"] = {"grammar": request.grammar}
    return Post(openai.CHAT, body, openai.read_chat, request.begins)


async def _tokenize(text: str, model: str, ask: AskJson) -> list[int]:
    body = {"model": model, "prompt": text, "add_special_tokens": False}
    return list((await ask("POST", "/tokenize", body))["tokens"])


async def _likelihood(prompt: str, text: str, n_alternatives: int, model: str, ask: AskJson) -> list[Chunk]:
    # As numbers, because the end of one text and the beginning of the next may be one token.
    before, tokens = await _tokenize(prompt, model, ask), await _tokenize(text, model, ask)
    body = {
        "model": model,
        "prompt": before + tokens,
        "max_tokens": 1,
        "temperature": 0.0,
        "prompt_logprobs": n_alternatives,
    }
    answer = (await ask("POST", openai.COMPLETIONS, body))["choices"][0]["prompt_logprobs"]
    places = answer[len(before) :] if tokens else ()
    return aligned(text, [_scored(one, token) for one, token in zip(places, tokens, strict=True)])


def _scored(place: dict[str, Any], token: int) -> Chunk:
    """Read one place: the token that stands there, by its number, and what else could have."""
    own = place[str(token)]
    others = [
        (str(one["decoded_token"]), float(one["logprob"]))
        for number, one in place.items()
        if number != str(token)
    ]
    ranked = tuple(sorted(others, key=lambda one: -one[1]))
    return Chunk(str(own["decoded_token"]), (float(own["logprob"]),), ranked)


VLLM = Dialect(
    name="vllm",
    # Its cache holds the beginnings of many prompts, and it works on many requests at once.
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
    served=openai.served,
    completion=_completion,
    chat=_chat,
    tokenize=_tokenize,
    likelihood=_likelihood,
)
