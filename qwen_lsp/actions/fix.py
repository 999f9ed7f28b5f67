"""Fix what is wrong in a function: a certain repair first, else the model copies the code and changes it.

What need not be written is not: the header is given and, where a diagnostic names a place, the lines above it
and what is below once the answer goes on as the code did. A model that has copied all of it hesitated here
and there, and would have written something else next; those places are tried, the likeliest first.
"""

from __future__ import annotations

import math

from qwen_lsp.actions import prompts, repairs, reply, rewrite
from qwen_lsp.actions.model import ModelSession
from qwen_lsp.actions.target import Target, choose
from qwen_lsp.actions.task import Proposal, Refused, RepositoryContext, Task
from qwen_lsp.messages import text
from qwen_lsp.model.chat import Reply
from qwen_lsp.model.generation import Message

# Lines above a diagnostic's that may be where it goes wrong.
_LINES_ABOVE = 2
# So many lines that say what the code says mean that the answer goes on as the code does.
_LINES_ALIKE = 3
_N_OTHERS = 5
_MAX_DOUBTS = 6
_DOUBT_TOKENS = 64
# How much it counts that the model is sure of what it writes after a change, beside how likely the change
# was; and what is too unlikely. Source: 18 programs of QuixBugs, 1.5B.
_WEIGHT_OF_REST, _MIN_SCORE = 3.0, -3.5


async def run(task: Task, session: ModelSession, context: RepositoryContext) -> Proposal | Refused:
    """Repair the function around the selection, or what the task's diagnostics say of it.

    Raises: EndpointError.
    """
    if (edits := repairs.certain(task, context)) is not None:
        session.tell(edits[0].span, edits[0].new_text)
        return Proposal(edits)
    target = choose(task, "function")
    if target is None:
        return Refused("no_code")
    max_tokens = rewrite.room(target, session)
    if max_tokens is None:
        return Refused("too_large")
    messages = prompts.rewrite(target, rewrite.signatures_of(target, context))
    given = _given(target) if session.client.can.grammar else ""
    answer = await _asked(target, session, messages, given, max_tokens)
    result = _judged(target, answer, _LINES_ALIKE, context)
    if isinstance(result, Refused) and result.reason == "unchanged":
        return await _low_confidence_tokens(target, session, messages, answer, given, context) or result
    if isinstance(result, Proposal) or result.reason in rewrite.FINAL:
        return result
    fence = prompts.fence(target.shown)
    problem = text(f"refused.{result.reason}", "en", detail=result.detail)
    messages = prompts.again(messages, f"{answer.text}\n{fence}", problem)
    answer = await _asked(target, session, messages, given, max_tokens)
    again = _judged(target, answer, _LINES_ALIKE, context)
    return again if isinstance(again, Proposal) else result


async def _asked(
    target: Target, session: ModelSession, messages: list[Message], given: str, max_tokens: int
) -> Reply:
    lines = target.shown.split("\n")
    # Above that line there is something left to repair; where no place is named, there may be anywhere.
    least = max(_located(target), default=len(lines))

    def is_whole(written: str) -> bool:
        own = _whole_lines(written)
        at = resumed(own, lines, _LINES_ALIKE)
        return at > least if at is not None else _is_copied(own, lines) and len(own) > least + _LINES_ALIKE

    return await session.ask(
        messages,
        max_tokens,
        begins=prompts.opening(target) + given,
        stop=(f"\n{prompts.fence(target.shown)}",),
        original=target.shown,
        region=target.span,
        shown=reply.so_far,
        should_stop=is_whole,
        n_others=_N_OTHERS,
    )


def _judged(target: Target, answer: Reply, n_alike: int, context: RepositoryContext) -> Proposal | Refused:
    written, lines = answer.text, target.shown.split("\n")
    if answer.stop_reason == "left":
        own = _whole_lines(written)
        if _is_copied(own, lines):
            return Refused("unchanged")
        at = resumed(own, lines, n_alike)
        if at is not None:
            written = f"{prompts.opening(target)}" + "\n".join([*own, *lines[at:]])
    return rewrite.judged(target, written, context, is_cut_off=answer.is_cut_off)


def _whole_lines(answer: str) -> list[str]:
    """Return the code of an answer as far as its lines are whole, without the fence before it."""
    return answer.split("\n")[1:-1]


def _is_copied(written: list[str], lines: list[str]) -> bool:
    return [line.rstrip() for line in written] == [line.rstrip() for line in lines[: len(written)]]


def resumed(written: list[str], lines: list[str], n_alike: int) -> int | None:
    """Return where in `lines` an answer goes on as they do, after it has changed something.

    Shape: the number of the first line that the answer has not reached; its last `n_alike` lines that are not
    blank are those before it.
    """
    changed = next(
        (i for i, line in enumerate(written) if i >= len(lines) or line.rstrip() != lines[i].rstrip()), None
    )
    if changed is None:
        return None
    own = [line.rstrip() for line in written]
    first, found = len(own), 0
    while found < n_alike and first > changed + 1:
        first -= 1
        found += bool(own[first])
    size = len(own) - first
    if found < n_alike or not own[-1]:
        return None
    tail, old = own[first:], [line.rstrip() for line in lines]
    ends = [end for end in range(changed + size, len(old) + 1) if old[end - size : end] == tail]
    return min(ends, key=lambda end: abs(end - len(own))) if ends else None


# --- what is given ----------------------------------------------------------------------------------


def _given(target: Target) -> str:
    """Return the lines that need not be written: the header, and what is above the first diagnostic."""
    document, lines = target.task.document, target.shown.split("\n")
    first = document.line_of(target.span.start)
    header = 0
    function = target.source.enclosing(target.place, functions_only=True) if target.source else None
    if function is not None and function.span.start >= target.span.start:
        start = function.body.start
        header = document.line_of(start) - first
        header += document.text[start : start + 1] == "{"
        for prose in target.source.prose() if target.source else ():  # documentation is nothing to repair
            if prose.is_docstring and prose.span.start == start:
                header = document.line_of(prose.span.end) - first + 1
    places = _located(target)
    given = max(header, min(places) - _LINES_ABOVE if places else 0)
    return "".join(f"{line}\n" for line in lines[:given]) if given < len(lines) else ""


def _located(target: Target) -> list[int]:
    """List the lines of the region, from 0, that diagnostics name."""
    document, region = target.task.document, target.span
    first = document.line_of(region.start)
    return [
        document.line_of(one.span.start) - first
        for one in target.task.diagnostics
        if one.span.start < one.span.end and region.start <= one.span.start <= region.end
    ]


# --- where the model hesitated ----------------------------------------------------------------------


async def _low_confidence_tokens(
    target: Target,
    session: ModelSession,
    messages: list[Message],
    answer: Reply,
    given: str,
    context: RepositoryContext,
) -> Proposal | None:
    """Try what the model would have written next where it was least sure of what it copied.

    Of what passes the checks, the likeliest is taken: a change that is right leaves no doubt about the rest.
    """
    opening = prompts.opening(target)
    located = _located(target)
    found = doubts(answer, len(opening) + len(given))
    if located:  # there it is wrong for certain, however sure the model was
        found = [one for one in found if answer.text.count("\n", len(opening), one[1]) in located]
    least = -math.inf if located else _MIN_SCORE
    best: tuple[float, Proposal] | None = None
    for logprob, place, other in found[:_MAX_DOUBTS]:
        if logprob < (least if best is None else best[0]):  # no sureness makes up for that
            break
        tried = await _retry(target, session, messages, answer.text[:place] + other)
        result = _judged(target, tried, 1, context)
        score = logprob + _WEIGHT_OF_REST * sum(tried.logprobs)
        is_better = score >= least and (best is None or score > best[0])
        if is_better and isinstance(result, Proposal):
            best = score, result
    return best[1] if best is not None else None


async def _retry(target: Target, session: ModelSession, messages: list[Message], begins: str) -> Reply:
    lines = target.shown.split("\n")
    n_given = begins.count("\n")

    def is_whole(written: str) -> bool:
        own = _whole_lines(written)
        return len(own) > n_given and resumed(own, lines, 1) is not None

    return await session.ask(
        messages,
        _DOUBT_TOKENS,
        begins=begins,
        stop=(f"\n{prompts.fence(target.shown)}",),
        original=target.shown,
        region=target.span,
        shown=reply.so_far,
        should_stop=is_whole,
        n_others=1,
    )


def doubts(answer: Reply, start: int) -> list[tuple[float, int, str]]:
    """List what else was likely behind `start`, and where: log-probability, place and text, best first."""
    found: list[tuple[float, int, str]] = []
    for place, others in zip(answer.places, answer.others, strict=True):
        line = answer.text[answer.text.rfind("\n", 0, place) + 1 : place]
        is_over = not answer.text[place:].strip("`\n ")
        if place < start or is_over or line.lstrip().startswith(("#", "//")):
            continue
        found += [
            (logprob, place, other)
            for other, logprob in others
            if other.strip() and "`" not in other and not _opens_comment(line, other)
        ]
    return sorted(found, key=lambda one: (-one[0], one[1]))


def _opens_comment(line: str, other: str) -> bool:
    return other.lstrip().startswith(("#", "//")) and not line.count('"') % 2
