"""One action from beginning to end: which way it goes, and what is refused before it begins.

Raises only EndpointError and CancelledError; whatever a model writes ends as an Outcome.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from qwen_lsp.actions import (
    annotate,
    docstring,
    explain,
    extract,
    fix,
    handling,
    native_parsers,
    rename,
    rewrite,
    simplify,
    translate,
    unit_test,
)
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.task import Outcome, Proposal, Refused, RepositoryContext, Task

Way = Callable[[Task, ModelSession, RepositoryContext], Awaitable[Outcome]]

_WAYS: dict[str, Way] = {
    "explain": explain.run,
    "docstring": docstring.run,
    "test": unit_test.run,
    "extract": extract.run,
    "fix": fix.run,
    "rename": rename.run,
    "types": annotate.run,
    "translate": translate.run,
    "simplify": simplify.run,
    "optimise": simplify.run,
    "errors": handling.run,
}


async def run(task: Task, session: ModelSession, context: RepositoryContext | None = None) -> Outcome:
    """Run one action.

    Raises: EndpointError.
    """
    if task.kind == "edit" and not task.instruction.strip():
        return Refused("no_instruction")
    session.sources = (task.path,) if task.path else ()
    way = _WAYS.get(task.kind, rewrite.run)
    if task.custom is not None:
        way = explain.run if task.is_for_reading else rewrite.run
    outcome = await way(task, session, context or RepositoryContext())
    if isinstance(outcome, Proposal):
        return await native_parsers.refused(task, outcome) or outcome
    return outcome
