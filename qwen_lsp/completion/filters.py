"""What is done to an answer before it is shown: an ordered tuple of small pure functions.

Each filter takes the text and its Case and returns the text to go on with, or a Reject with the
reason why nothing is shown. Golden cases are files in fixtures/completion, one folder a filter;
`clean` records each step in the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from qwen_lsp.completion.stopping import Mode, Surroundings
from qwen_lsp.trace import FilterStep

# Shorter lines repeat by chance (`}`, `else:`), longer ones do not.
_MIN_REPEAT_CHARS = 6


@dataclass(frozen=True, slots=True)
class Case:
    """What the filters know of the request; texts have LF line ends."""

    prefix: str
    suffix: str
    mode: Mode
    around: Surroundings
    stop: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reject:
    """Show nothing, and why."""

    reason: str


Filter = Callable[[str, Case], "str | Reject"]


def control_tokens(text: str, case: Case) -> str | Reject:
    """Cut at a control token that came through as text (endpoints that take only a few stop strings)."""
    cuts = [at for token in case.stop if (at := text.find(token)) >= 0]
    return text[: min(cuts)] if cuts else text


def markdown_fence(text: str, case: Case) -> str | Reject:
    """Cut at a Markdown fence: the model has begun to talk about the code."""
    if text.lstrip().startswith("```"):
        return Reject("the model answered with Markdown")
    at = text.find("\n```")
    return text[:at] if at >= 0 else text


def trailing_space(text: str, case: Case) -> str | Reject:
    """Remove white space at the end of the answer; one space stays before a word right of the cursor."""
    kept = text.rstrip()
    is_parting = text[len(kept) :].startswith(" ") and _is_word(case.around.line_suffix[:1])
    return f"{kept} " if is_parting and "\n" not in text[len(kept) :] else kept


def line_suffix_overlap(text: str, case: Case) -> str | Reject:
    """Remove from the end of the answer what already stands right of the cursor, mostly closing brackets."""
    after = case.around.line_suffix.rstrip()
    if not after or "\n" in text:
        return text
    for size in range(min(len(after), len(text)), 0, -1):
        cuts_word = _is_word(after[0]) and _is_word(text[: len(text) - size][-1:])  # `is` of `this`
        if text.endswith(after[:size]) and not cuts_word and _is_surplus(text, after[:size], case):
            return text[:-size]
    return text


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


_PAIRS = {")": "(", "]": "[", "}": "{"}


def _is_surplus(text: str, tail: str, case: Case) -> bool:
    """Whether the tail closes or ends something opened left of the cursor rather than in the answer."""
    opener = _PAIRS.get(tail[0])
    if opener is None:
        return len(tail) > 1 or tail in "\"'`;,:"
    opened = case.around.line_prefix + text[: -len(tail)]
    body = text[: -len(tail)]
    if body.count(opener) > body.count(tail[0]):
        return False  # the answer opened it itself, so it is its own to close
    return opened.count(opener) > 0


def repeats_suffix(text: str, case: Case) -> str | Reject:
    """Drop an answer whose lines are the lines that follow the cursor anyway; cut one that runs into them."""
    answer = [line.strip() for line in text.split("\n") if line.strip()]
    following = [line.strip() for line in case.suffix.split("\n") if line.strip()][: max(len(answer), 3)]
    if not answer or not following:
        return text
    is_telling = len("".join(answer)) >= _MIN_REPEAT_CHARS
    if is_telling and following[: len(answer)] == answer:
        return Reject("the answer repeats the lines after the cursor")
    lines = text.split("\n")
    for number in range(1, len(lines)):
        if len(lines[number].strip()) < _MIN_REPEAT_CHARS:
            continue
        rest = [line.strip() for line in lines[number:] if line.strip()]
        if following[: len(rest)] == rest:
            return "\n".join(lines[:number]).rstrip()
    return text


def repeats_line_above(text: str, case: Case) -> str | Reject:
    """Drop an answer of one line that is a copy of the line above the cursor."""
    if "\n" in text or not case.around.is_blank:
        return text
    above = next((line for line in reversed(case.prefix.split("\n")[:-1]) if line.strip()), "")
    # At another indentation the same words may well be meant (`return False` after an `if`).
    if len(text.strip()) >= _MIN_REPEAT_CHARS and above.rstrip() == case.around.line_prefix + text:
        return Reject("the answer repeats the line above")
    return text


def empty(text: str, case: Case) -> str | Reject:
    """Drop an answer without a visible character."""
    return text if text.strip() else Reject("the model wrote nothing")


FILTERS: tuple[Filter, ...] = (
    control_tokens,
    markdown_fence,
    trailing_space,
    line_suffix_overlap,
    repeats_suffix,
    repeats_line_above,
    empty,
)


def clean(text: str, case: Case, disabled: Collection[str] = ()) -> tuple[str | Reject, list[FilterStep]]:
    """Pass the answer through the filters in order; stop at the first that rejects it."""
    steps: list[FilterStep] = []
    for step in FILTERS:
        name = step.__name__
        if name in disabled:
            continue
        outcome = step(text, case)
        if isinstance(outcome, Reject):
            steps.append(FilterStep(name, None, outcome.reason))
            return outcome, steps
        steps.append(FilterStep(name, outcome))
        text = outcome
    return text, steps
