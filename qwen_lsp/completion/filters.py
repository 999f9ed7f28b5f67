"""What is done to an answer before it is shown: an ordered tuple of small pure functions.

Each filter takes the text and its Case and returns the text to go on with, or a Reject with the
reason why nothing is shown. Golden cases are files in fixtures/completion, one folder a filter;
`clean` records each step in the trace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import SequenceMatcher

from qwen_lsp.completion import chatter as signs
from qwen_lsp.completion import style
from qwen_lsp.completion.stopping import Mode
from qwen_lsp.completion.surroundings import Surroundings, indent_of, opens_block
from qwen_lsp.syntax import brackets
from qwen_lsp.text import has_han
from qwen_lsp.trace import FilterStep

# Shorter lines repeat by chance (`}`, `else:`), longer ones do not.
_MIN_REPEAT_CHARS = 6
# So many lines, all but one in five the same, are a copy with a slip.
_MIN_NEAR_LINES, _MAX_NEAR_LINES, _NEAR = 4, 40, 0.75
# A block of up to so many lines that comes so often in a row is a loop.
_MAX_LOOP_LINES, _ROUNDS = 4, 3


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


def chatter(text: str, case: Case) -> str | Reject:
    """Drop a refusal, and an answer that begins to talk to the user; cut one that does so after the code."""
    if signs.is_refusal(text):
        return Reject("the model refuses instead of writing code")
    # Prose may well say "Here is the list": only where nothing but code is expected is it talk.
    if case.around.place != "code" or not case.around.comment_mark:
        return text
    lines = text.split("\n")
    first = 0 if case.around.is_blank else 1
    numbers = range(first, len(lines))
    at = next((n for n in numbers if signs.is_talk(lines[n]) or signs.is_stand_in(lines[n])), None)
    if at == 0:
        return Reject("the model talks instead of writing code")
    return text if at is None else "\n".join(lines[:at]).rstrip()


def typed_indentation(text: str, case: Case) -> str | Reject:
    """Take back indentation that comes on top of what is typed; the lines below move with the first.

    What the user or the editor has typed is deep enough when it is deeper than the line above that opens a
    block, or as deep as the one above that opens none.
    """
    around = case.around
    extra = len(text) - len(text.lstrip(" \t"))
    if not extra or not around.is_blank or not around.line_prefix or not text.strip():
        return text
    above = next((line for line in reversed(case.prefix.split("\n")[:-1]) if line.strip()), "")
    if around.indent < indent_of(above) + opens_block(above):
        return text
    return style.shifted(text[extra:], around.indent + extra, around.indent)


def indentation(text: str, case: Case) -> str | Reject:
    """Write the indentation in the file's own style: tabs or spaces, and as many."""
    if "\n" not in text and case.around.line_prefix:
        return text
    return style.reindented(text, case.prefix, case.suffix)


def pair(text: str, case: Case) -> str | Reject:
    """Put the closing half of a pair on a line of its own below a block that came between the halves."""
    if case.mode != "pair" or "\n" not in text or not text.strip():
        return text
    line = case.around.line_prefix
    return f"{text.rstrip()}\n{line[: indent_of(line)]}"


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
    if (at := _string_end(text, after, case)) is not None:
        return text[:at]
    for size in range(min(len(after), len(text)), 0, -1):
        cuts_word = _is_word(after[0]) and _is_word(text[: len(text) - size][-1:])  # `is` of `this`
        if text.endswith(after[:size]) and not cuts_word and _is_surplus(text, after[:size], case):
            return text[:-size]
    return text


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _string_end(text: str, after: str, case: Case) -> int | None:
    """Find where the answer closes the string that the quote right of the cursor closes already."""
    quote = after[:3] if after[:3] in ('"""', "'''") else after[0]
    if case.around.place != "string" or quote[0] not in "\"'`":
        return None
    at = text.find(quote)
    # After a brace or a backslash the quote may be part of the string.
    return None if at < 0 or "{" in text[:at] or "\\" in text[:at] else at


_PAIRS = dict(zip(")]}）】」』》”’", "([{（【「『《“‘", strict=True))
_MARKS = "\"'`;,:。，；：、"  # end what stands left of the cursor by themselves


def _is_surplus(text: str, tail: str, case: Case) -> bool:
    """Whether the tail closes or ends something opened left of the cursor rather than in the answer."""
    opener = _PAIRS.get(tail[0]) or ("<" if tail == ">" else None)  # of a type or a header; alone on the line
    if opener is None:
        return len(tail) > 1 or tail in _MARKS
    opened = case.around.line_prefix + text[: -len(tail)]
    body = text[: -len(tail)]
    if body.count(opener) > body.count(tail[0]):
        return False  # the answer opened it itself, so it is its own to close
    return opened.count(opener) > 0


def repeats_suffix(text: str, case: Case) -> str | Reject:
    """Drop an answer whose lines are the lines that follow the cursor anyway; cut one that runs into them."""
    lines = text.split("\n")
    keys = [(number, key) for number, line in enumerate(lines) if (key := _key(line))]
    answer = [key for _, key in keys]
    following = [key for line in case.suffix.split("\n") if (key := _key(line))][: max(len(answer), 3)]
    if not answer or not following:
        return text
    is_telling = len("".join(answer)) >= _MIN_REPEAT_CHARS
    if is_telling and (following[: len(answer)] == answer or _is_near(answer, following)):
        return Reject("the answer repeats the lines after the cursor")
    for at, (number, key) in enumerate(keys):
        if number == 0 or len(lines[number].strip()) < _MIN_REPEAT_CHARS or key != following[0]:
            continue
        if _closes_own(text, lines[number], number, case):
            continue
        if following[: len(answer) - at] == answer[at:]:
            return _without_open_clause(lines[:number])
    return text


def _closes_own(text: str, line: str, number: int, case: Case) -> bool:
    """Whether a line closes what the answer itself has opened."""
    is_closer = line.lstrip().startswith(("</", "}", ")", "]"))
    return is_closer and brackets.balance(text, case.around.language).depths[number] > 0


_OPEN_CLAUSE = re.compile(r"(\s*+\}?)\s*+(?:else|elif|elsif|elseif|except|catch|finally|rescue|ensure)\b.*\Z")


def _without_open_clause(lines: list[str]) -> str:
    """Join the lines; an `else` at their end, whose body stands there already, is left out."""
    text = "\n".join(lines).rstrip()
    head, line_end, last = text.rpartition("\n")
    clause = _OPEN_CLAUSE.match(last)
    return (head + line_end + clause[1]).rstrip() if clause and line_end and opens_block(last) else text


def may_still_repeat(text: str, case: Case) -> bool:
    """Tell whether an unfinished answer says so far what follows the cursor, or what stands above it.

    Such an answer may still be dropped as a repetition, so nothing of it is to be shown.
    """
    *whole, last = text.split("\n")
    keys = [key for line in whole if (key := _key(line))]
    following = [key for line in case.suffix.split("\n") if (key := _key(line))][: len(keys) + 1]
    begun = "".join(last.split()).translate(_SAME_QUOTES)
    follows = (
        following[: len(keys)] == keys
        and len(following) > len(keys)
        and following[len(keys)].startswith(begun)
        and not case.around.line_suffix.strip()
    )
    if follows and (keys or begun):
        return True
    if whole or not case.around.is_blank or not begun:
        return False
    above = next((line for line in reversed(case.prefix.split("\n")[:-1]) if line.strip()), "")
    return above.startswith(case.around.line_prefix + text)


_SAME_QUOTES = str.maketrans("'`", '""')


def _key(line: str) -> str:
    """Return what two lines share that differ in white space, quotes or the sign at their end alone.

    A likeness of single lines would not do: code varies lines on purpose (`a.x = x`, `a.y = y`).
    """
    squeezed = "".join(line.split()).translate(_SAME_QUOTES)
    return squeezed.rstrip(";,") or squeezed


def _is_near(answer: list[str], following: list[str]) -> bool:
    """Tell whether several lines are the following ones but for one in five."""
    if len(answer) < _MIN_NEAR_LINES:
        return False
    n = min(len(answer), _MAX_NEAR_LINES)  # comparing costs the square of it
    return SequenceMatcher(None, answer[:n], following[:n], autojunk=False).ratio() >= _NEAR


def repetition(text: str, case: Case) -> str | Reject:
    """Cut a loop after its first round; drop an answer that says one phrase over and over."""
    lines = text.split("\n")
    for first in range(len(lines)):
        if signs.repeats_a_phrase(lines[first]):
            kept = "\n".join(lines[:first]).rstrip()
            return kept if kept else Reject("the model repeats itself")
        for size in range(1, min((len(lines) - first) // _ROUNDS, _MAX_LOOP_LINES) + 1):
            block = lines[first : first + size]
            is_telling = len("".join(block).strip()) >= _MIN_REPEAT_CHARS
            if is_telling and lines[first : first + size * _ROUNDS] == block * _ROUNDS:
                return "\n".join(lines[: first + size]).rstrip()
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


def trailing_comment(text: str, case: Case) -> str | Reject:
    """Cut the comment with which the model explains its last line, in a file that has none beside code."""
    mark = case.around.comment_mark
    if not mark or case.around.place != "code" or case.mode == "line":
        return text  # one line is cut where it is written
    head, line_end, last = text.rpartition("\n")
    before = last if line_end else case.around.line_prefix + last
    at = _comment_beside_code(before, mark)
    lines_above = case.prefix.split("\n")[-_STYLE_LINES:]
    if at is None or any(_comment_beside_code(line, mark) is not None for line in lines_above):
        return text
    return head + line_end + before[:at].removeprefix("" if line_end else case.around.line_prefix).rstrip()


# So many lines above the cursor show whether comments stand beside code in a file.
_STYLE_LINES = 60


def _comment_beside_code(line: str, mark: str) -> int | None:
    """Return where a comment begins behind code on a line; None without one, and where quotes are open."""
    at = line.find(f" {mark}")
    code = line[: max(at, 0)]
    is_quoted = code.count('"') % 2 or code.count("'") % 2 or code.count("`") % 2
    return at if code.strip() and not code.lstrip().startswith(mark) and not is_quoted else None


def unreachable(text: str, case: Case) -> str | Reject:
    """Drop an answer that leaves the block although more steps of the same block follow it."""
    around = case.around
    if around.place != "code" or not around.comment_mark or around.line_suffix.strip():
        return text
    last = (around.line_prefix + text).rstrip().rpartition("\n")[2]
    is_sibling = indent_of(last) == indent_of(around.next_line)
    if is_sibling and _LEAVES.match(last) and not _CONDITION.search(last) and _STEP.match(around.next_line):
        return Reject("what follows would never run")
    return text


_LEAVES = re.compile(r"\s*(?:return|raise|throw|break|continue)(?!\w)")
_CONDITION = re.compile(r"\s(?:if|unless)\b(?!.*\belse\b)")  # `return 0 if empty`
# What can't stand behind the end of a block: labels, clauses, closing lines and definitions can.
_STEP = re.compile(
    r"\s*(?!(?:case|default|when|else|elif|elsif|elseif|except|catch|finally|rescue|ensure|end|fi|done|esac"
    r"|def|function|func|fn|class|async|public|private|protected|static|local\s+function|until)\b)"
    r"[\w$@(*&](?!\w*\s*:(?![=:]))"
)


def names_only(text: str, case: Case) -> str | Reject:
    """Drop a name that cannot be known: a file name for an empty comment, a package with its version.

    The path stands above the prompt as a comment, so an empty comment invites it. A file of packages is
    made of names and versions, which a model invents as soon as it has none to copy.
    """
    around = case.around
    word = text.strip()
    if around.place == "comment" and _is_empty_comment(around.line_prefix) and _FILE_NAME.fullmatch(word):
        return Reject("the answer is a file name and not a comment")
    if around.language is not None and around.language.id == "pip-requirements" and around.is_blank:
        return Reject("which packages a project needs cannot be known from their list")
    return text


_FILE_NAME = re.compile(r"[\w/]+(?:[-./][\w]+)+")


def _is_empty_comment(line_prefix: str) -> bool:
    return not any(char.isalnum() for char in line_prefix)


def prose(text: str, case: Case) -> str | Reject:
    """Drop prose that cannot be the user's: Chinese in a file without any, a stand-in for a person's name.

    Files that were open before prime the language of a comment; training data has had names taken out.
    """
    if signs.has_placeholder(text) and not signs.has_placeholder(case.prefix):
        return Reject("the answer has a placeholder for a name in it")
    if case.around.place == "comment" and has_han(text) and not has_han(case.prefix + case.suffix):
        return Reject("the answer is in another language than the file")
    return text


def empty(text: str, case: Case) -> str | Reject:
    """Drop an answer without a visible character."""
    if text.strip():
        return text
    is_line = case.mode != "block" and case.around.line_suffix.strip()
    return Reject("the model wrote nothing on this line" if is_line else "the model wrote nothing")


FILTERS: tuple[Filter, ...] = (
    control_tokens,
    markdown_fence,
    chatter,
    typed_indentation,
    indentation,
    trailing_space,
    line_suffix_overlap,
    repetition,
    repeats_suffix,
    repeats_line_above,
    trailing_comment,
    unreachable,
    names_only,
    prose,
    pair,
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
