"""Actions whose answer is the whole region, rewritten: ask, extract, lay out, check; once more if it failed.

Either the whole answer is fit to be applied, or nothing of it is.
"""

from __future__ import annotations

import re

from qwen_lsp.actions import behaviour, checks, imports, layout, prompts, reply
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.target import Extent, Target, choose, dedented
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task, apply
from qwen_lsp.messages import text
from qwen_lsp.model import tokens
from qwen_lsp.syntax import code
from qwen_lsp.text import Edit, Span, normalize_line_ends

_EXTENTS: dict[str, Extent] = {"extract": "function"}
# What is not worth a second question: the answer would be the same, or the question is too long.
FINAL = {"refusal", "cut_off", "unchanged", "not_better"}
# Where nobody asked for another layout.
_KEEPS_SPACING = ("simplify", "errors", "optimise", "extract")
_ROOM_FOR_SIGNATURES = 12


async def run(
    task: Task, session: ModelSession, context: RepositoryContext, detail: str = ""
) -> Proposal | Refused:
    """Have a region rewritten; `detail` goes with the order.

    Raises: EndpointError.
    """
    target = choose(task, _EXTENTS.get(task.kind, "selection"))
    if target is None:
        return Refused("no_code")
    max_tokens = room(target, session)
    if max_tokens is None:
        return Refused("too_large")
    messages = prompts.rewrite(target, signatures_of(target, context), detail)
    opening = prompts.opening(target)
    fence = prompts.fence(target.shown)
    failed: Refused | None = None
    for _ in range(2):
        answer = await session.ask(
            messages,
            max_tokens,
            begins=opening,
            stop=(f"\n{fence}",),
            original=target.shown,
            region=target.span,
            shown=reply.so_far,
        )
        result = judged(target, answer.text, context, is_cut_off=answer.is_cut_off)
        if isinstance(result, Proposal):
            result = await behaviour.changed(target, _region_after(target, result)) or result
        if isinstance(result, Proposal):
            return result
        failed = failed or result
        if result.reason in FINAL:
            break
        problem = text(f"refused.{result.reason}", "en", detail=result.detail)
        messages = prompts.again(messages, f"{answer.text}\n{fence}", problem)
    assert failed is not None
    return failed


def judged(
    target: Target, answer: str, context: RepositoryContext, *, is_cut_off: bool
) -> Proposal | Refused:
    """Make edits of an answer that is to take the place of the region, or say why it cannot."""
    if is_cut_off:
        return Refused("cut_off")
    found = reply.code_of(answer, target.shown)
    if isinstance(found, Refused):
        return found
    task = target.task
    imported: list[str] = []
    if target.definition is not None:  # imports belong to the top of the file, not to a function
        imported, found = imports.split(found)
    found = _without_others(target, _without_surroundings(target, found))
    new_region = layout.indented(found, target.indent, layout.indent_unit(task.document.text))
    if task.kind in _KEEPS_SPACING and task.custom is None:
        new_region = layout.with_old_spacing(normalize_line_ends(target.text), new_region)
    edits = layout.edits(task.document, target.span, new_region)
    if not edits:
        return Refused("unchanged")
    imported += _needed(target, apply(task.document.text, edits), context)
    if (
        importing := imports.added(task.document, imported, task.language)
    ) and importing.span.end <= target.span.start:
        edits = (importing, *edits)
    refused = checks.rewritten(target, new_region, apply(task.document.text, edits), context)
    if refused is None and task.kind == "extract":
        refused = _not_extracted(target, new_region)
    return refused or Proposal(edits)


def _region_after(target: Target, proposal: Proposal) -> str:
    """Return the rewritten region as the model is shown one: without the indentation of all its lines."""
    start, end = target.span.start, target.span.end
    edits = [
        Edit(Span(edit.span.start - start, edit.span.end - start), edit.new_text)
        for edit in proposal.edits
        if start <= edit.span.start and edit.span.end <= end
    ]
    return dedented(normalize_line_ends(apply(target.text, edits)))[0]


def _needed(target: Target, after: str, context: RepositoryContext) -> list[str]:
    """List the imports of what is newly used and comes from elsewhere."""
    rewritten = code.parse(after, target.task.language)
    if target.source is None or rewritten is None:
        return []
    new = checks.new_names(target.source, rewritten)
    return [line for name in new if (line := imports.line_for(name, target.task, context))]


def _without_surroundings(target: Target, answer: str) -> str:
    """Take the lines before and after the region out of an answer that repeats them."""
    document, lines = target.task.document, answer.split("\n")
    first = document.line_of(target.span.start)
    last = document.line_of(target.span.end)
    old_first, old_last = document.line(first).strip(), document.line(last).strip()
    for n in range(min(8, first, len(lines) - 1), 0, -1):
        above = [document.line(first - n + i).strip() for i in range(n)]
        if any(above) and [line.strip() for line in lines[:n]] == above and above[0] != old_first:
            lines = lines[n:]
            break
    for n in range(min(8, document.line_count - 1 - last, len(lines) - 1), 0, -1):
        below = [document.line(last + 1 + i).strip() for i in range(n)]
        if any(below) and [line.strip() for line in lines[-n:]] == below and below[-1] != old_last:
            lines = lines[:-n]
            break
    return "\n".join(lines)


def _without_others(target: Target, answer: str) -> str:
    """Take out of an answer what the file defines elsewhere: models write down what they were told."""
    source, parsed = target.source, code.parse(answer, target.task.language)
    region = code.parse(target.shown, target.task.language)
    if source is None or parsed is None or region is None or target.task.kind == "extract":
        return answer
    own = {one.name for one in region.definitions()}
    elsewhere = {one.name for one in source.definitions()} - own
    definitions = parsed.definitions()
    outer = [
        one
        for one in definitions
        if not any(o.span.start <= one.span.start and one.span.end < o.span.end for o in definitions)
    ]
    if not any(one.name in own for one in outer):
        return answer
    for one in reversed(outer):
        if one.name in elsewhere:
            answer = f"{answer[: one.span.start].rstrip()}\n\n{answer[one.span.end :].lstrip()}".strip("\n")
    return answer


def _not_extracted(target: Target, new_region: str) -> Refused | None:
    """One new function, and the old one calls it."""
    language = target.task.language
    old, new = code.parse(target.shown, language), code.parse(new_region, language)
    if old is None or new is None:
        return None
    before = {definition.name for definition in old.definitions()}
    added = [item for item in new.definitions() if item.is_function and item.name not in before]
    for item in added:
        outside = new_region[: item.span.start] + new_region[item.span.end :]
        if f"{item.name}(" in outside.replace(" (", "("):
            return None
    return Refused("not_extracted")


def room(target: Target, session: ModelSession) -> int | None:
    """Return how many tokens an answer may have; None where the region is too large for the model."""
    size = tokens.estimate(target.shown)
    most = size + size // 2 + 160
    question = size + 400
    return most if question + most <= session.context_tokens else None


def signatures_of(target: Target, context: RepositoryContext) -> list[str]:
    """List what the region uses and does not define: from this file first, then from elsewhere."""
    source, document = target.source, target.task.document
    piece = code.parse(target.shown, target.task.language)
    if source is None or piece is None:
        return []
    wanted = piece.identifiers() - piece.bound()
    own = {definition.name: definition for definition in source.definitions()}
    found: list[str] = []
    for name in sorted(wanted & set(own)):
        definition = own[name]
        if not _overlap(definition.span, target.span):
            found.append(" ".join(document.text[definition.header.start : definition.header.end].split()))
    # What is only named behind a dot is some member, which functions of that name elsewhere are not.
    plain = set(re.findall(r"(?<![\w.])[^\W\d]\w*", target.shown))
    found += context.signatures(document, target.span, wanted & plain - set(own))
    return found[:_ROOM_FOR_SIGNATURES]


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end
