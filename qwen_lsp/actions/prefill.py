"""Have the engine read the code of a selection before anybody has chosen what to do with it."""

from __future__ import annotations

from qwen_lsp.actions import prompts, rewrite
from qwen_lsp.actions.target import choose
from qwen_lsp.actions.task import RepositoryContext, Task
from qwen_lsp.model import tokens
from qwen_lsp.model.chat import ask
from qwen_lsp.model.client import Client
from qwen_lsp.model.generation import ChatRequest

# Reading must not keep a small machine busy for long.
_MAX_TOKENS = 1500
_TIMEOUT_MS = 20_000


async def read_ahead(task: Task, client: Client, context_tokens: int, context: RepositoryContext) -> None:
    """Read the beginning that all questions about the selection share.

    Raises: EndpointError.
    """
    if not (client.can.prompt_cache and client.can.slots):
        return  # nobody knows what reading costs there, or whether it is kept
    target = choose(task, "selection")
    if target is None or tokens.estimate(target.shown) > min(_MAX_TOKENS, context_tokens // 2):
        return
    messages = prompts.context(target, rewrite.signatures_of(target, context))
    await ask(client, ChatRequest(messages, 0, timeout_ms=_TIMEOUT_MS))
