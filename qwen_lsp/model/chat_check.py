"""The self-test of a chat endpoint: one question with one right answer. Used by `doctor` and `endpoint`."""

from __future__ import annotations

from qwen_lsp.model.chat import ask
from qwen_lsp.model.client import Client
from qwen_lsp.model.generation import ChatRequest, Message

_QUESTION = "What is 4 + 3? Answer with the number only."
_ANSWER = "7"
_MAX_TOKENS = 20
_TIMEOUT_MS = 60_000


async def answers(client: Client) -> bool:
    """Tell whether the question gets its answer. Raises: EndpointError."""
    request = ChatRequest([Message("user", _QUESTION)], _MAX_TOKENS, timeout_ms=_TIMEOUT_MS)
    return _ANSWER in (await ask(client, request)).text
