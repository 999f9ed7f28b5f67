"""SGLang: the OpenAI API with `regex`, `ebnf` and a prefix cache (RadixAttention).

From python/sglang/srt/entrypoints/openai/protocol.py: `max_tokens` 0 is refused; `suffix` is ignored unless
the server was started with a completion template; one of `regex`, `ebnf` and a JSON schema at a time.
"""

from __future__ import annotations

from qwen_lsp.model.dialects import openai
from qwen_lsp.model.dialects.dialect import AskJson, Capabilities, Dialect, Post, beginning
from qwen_lsp.model.generation import ChatRequest, Request


def _completion(request: Request, model: str) -> Post:
    body = openai.text_body(request, model, request.prompt)
    body |= {"logprobs": request.n_alternatives, "skip_special_tokens": False}
    if request.forced:
        body["regex"] = beginning(request.forced)
    return Post(openai.COMPLETIONS, body, openai.read_completion)


async def _chat(request: ChatRequest, model: str, ask: AskJson) -> Post:
    body = openai.begun_body(request, model)
    if request.grammar:
        body["ebnf"] = request.grammar
    return Post(openai.CHAT, body, openai.read_chat, request.begins)


SGLANG = Dialect(
    name="sglang",
    can=Capabilities(
        logprobs=True,
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
)
