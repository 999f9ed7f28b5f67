"""Make a function simpler or faster: what is certain first, else what the model writes, if it really is.

Certain are ruff's own fixes in Python and those of `syntax.simplifying`; they need no model. What a model
writes must do the same and be simpler, or do less, by the figures of `syntax.work`. Most functions can be
neither simplified nor made faster in a way that can be shown; then that is the answer.
"""

from __future__ import annotations

import asyncio

from qwen_lsp.actions import behaviour, checks, layout, rewrite, ruff_fixes
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.target import Target, choose, dedented
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.syntax import code, simplifying
from qwen_lsp.text import Edit, Span, normalize_line_ends

# So often one rewrite may make room for the next.
_MAX_STEPS = 12
# Reasons that say that there was nothing better to be had.
_NOTHING_BETTER = {"unchanged", "not_better"}


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Simplify a region, or make it faster.

    Raises: EndpointError.
    """
    target = choose(task, "selection")
    if target is None:
        return Refused("no_code")
    is_plain = not task.instruction.strip()
    if is_plain and (certain := await _certain(target, context)) is not None:
        session.tell(target.span, certain.edits[0].new_text)
        return certain
    outcome = await rewrite.run(task, session, context)
    if isinstance(outcome, Refused) and outcome.reason in _NOTHING_BETTER:
        return Refused("nothing_to_optimise" if task.kind == "optimise" else "nothing_to_simplify")
    return outcome


async def _certain(target: Target, context: RepositoryContext) -> Proposal | None:
    """Make the rewrites that are certain, one after the other."""
    text, span = target.task.document.text, target.span
    for _ in range(_MAX_STEPS):
        edits = await _step(target, text, span)
        if not edits:
            break
        after = apply(text, edits)
        span = Span(span.start, span.end + len(after) - len(text))
        text = after
    if text == target.task.document.text:
        return None
    region = normalize_line_ends(text[span.start : span.end])
    found = layout.edits(target.task.document, target.span, region)
    if not found or checks.rewritten(target, region, text, context) is not None:
        return None
    return Proposal(found)


async def _step(target: Target, text: str, span: Span) -> tuple[Edit, ...]:
    """Return one rewrite of what a text has become; () where there is none left."""
    language = target.task.language
    source = code.parse(text, language)
    if source is None or language is None:
        return ()
    if language.id != "python":
        edit = simplifying.step(source, span) if target.task.kind == "simplify" else None
        return (edit,) if edit is not None else ()
    selected = ruff_fixes.FASTER if target.task.kind == "optimise" else ruff_fixes.SIMPLER
    for edits in await asyncio.to_thread(ruff_fixes.fixes, text, selected, span):
        after = apply(text, edits)
        parsed = code.parse(after, language)
        grown = Span(span.start, span.end + len(after) - len(text))
        if parsed is None or checks.syntax(source, parsed) is not None:
            continue
        region, _ = dedented(normalize_line_ends(after[grown.start : grown.end]))
        if await behaviour.changed(target, region) is None:
            return edits
    return ()
