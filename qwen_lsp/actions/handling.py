"""Add error handling to a function, where something can fail and nobody looks at it.

`syntax.failures` says what can; where nothing is found, no model is asked. What a model writes may only put a
`try` around such a call, or turn away a parameter that is missing and would be used: everything that the
function does with what it takes, it still does.
"""

from __future__ import annotations

from qwen_lsp.actions import rewrite
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.target import choose
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task
from qwen_lsp.syntax import failures

_MAX_SHOWN = 60  # of a call


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Handle what can fail in a region.

    Raises: EndpointError.
    """
    target = choose(task, "selection")
    if target is None:
        return Refused("no_code")
    source, definition = target.source, target.definition
    is_known = source is not None and definition is not None and definition.is_function
    if task.instruction.strip() or not is_known:
        return await rewrite.run(task, session, context)
    assert source is not None
    assert definition is not None
    risks = failures.risks(source, definition)
    unchecked = failures.unchecked_parameters(source, definition)
    if not risks and not unchecked:
        return Refused("nothing_to_handle")
    return await rewrite.run(task, session, context, _narrowed(risks, unchecked))


def _narrowed(risks: list[str], unchecked: list[str]) -> str:
    """Say what is to be handled, so that nothing else is; what reads on past an error would hide it."""
    parts = []
    if risks:
        calls = ", ".join(f"`{' '.join(one.split())[:_MAX_SHOWN]}`" for one in dict.fromkeys(risks))
        parts.append(f"What can fail: {calls}.")
    if unchecked:
        parts.append(f"What may be missing: {', '.join(f'`{name}`' for name in unchecked)}.")
    parts.append(
        "Handle only that, pass errors on to the caller with a message of what went wrong, never go on as "
        "if nothing had happened."
    )
    return " ".join(parts)
