"""TensorRT-LLM's server (`trtllm-serve`): the OpenAI API, which refuses every field that it does not know.

From tensorrt_llm/serve/openai_protocol.py: grammars are forms of `response_format`; `suffix` is refused; more
than one log-probability a token only with some backends.
"""

from __future__ import annotations

from qwen_lsp.model.dialects import openai
from qwen_lsp.model.dialects.dialect import AskJson, Capabilities, Dialect, Post, beginning
from qwen_lsp.model.generation import ChatRequest, Request


def _completion(request: Request, model: str) -> Post:
    body = openai.text_body(request, model, request.prompt) | {"skip_special_tokens": False}
    if request.forced:
        body["response_format"] = {"type": "regex", "regex": beginning(request.forced)}
    return Post(openai.COMPLETIONS, body, openai.read_completion)


async def _chat(request: ChatRequest, model: str, ask: AskJson) -> Post:
    body = openai.chat_body(request, model)
    if request.grammar:
        body["response_format"] = {"type": "ebnf", "ebnf": request.grammar}
    return Post(openai.CHAT, body, openai.read_chat)


TENSORRT = Dialect(
    name="tensorrt",
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
