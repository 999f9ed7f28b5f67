"""Say what a piece of code does, in Markdown; nothing of the file changes."""

from __future__ import annotations

from qwen_lsp.actions import prompts, reply, rewrite
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.prose import in_language
from qwen_lsp.actions.target import choose
from qwen_lsp.actions.task import Explanation, Refused, RepositoryContext, Task
from qwen_lsp.text import normalize_line_ends

_MAX_TOKENS = 400


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Explanation | Refused:
    """Explain the selection, or the function around the cursor.

    Raises: EndpointError.
    """
    target = choose(task, "selection")
    if target is None:
        return Refused("no_code")
    if rewrite.room(target, session) is None:
        return Refused("too_large")
    messages = prompts.explain(target, rewrite.signatures_of(target, context))
    answer = await session.ask(messages, _MAX_TOKENS, original=target.shown, region=target.span)
    text = normalize_line_ends(answer.text).strip()
    if reply.is_refusal(text):
        return Refused("refusal", text.split("\n")[0][:120])
    if not text or reply.is_looping(text, target.shown):
        return Refused("loop" if text else "empty")
    if task.custom is None and not in_language(text, task.locale):
        return Refused("language")
    if answer.is_cut_off:  # whole sentences, and a fence that was left open is closed
        text = _whole(text)
    return Explanation(text)


def _whole(text: str) -> str:
    kept = text[: max(text.rfind(mark) + len(mark) for mark in ("\n", ". ", "。"))].rstrip() or text
    return f"{kept}\n```" if kept.count("```") % 2 else f"{kept} …"
