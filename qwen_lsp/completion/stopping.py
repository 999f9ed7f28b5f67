"""When a generation is long enough. Pure functions over the text written so far.

Instruct models hardly ever stop by themselves, so stopping matters as much as the prompt. `mode` decides
before the request what is wanted; `cut` is asked after each chunk and says where the answer ends;
`finish` cuts what ended by itself or by the token limit.

A block answer has two possible ends: the first whole unit (units.py) and the end of the enclosing function.
The far end is taken only where the answer proves it: it has written the line that follows the cursor, or
has left a function that ends here. Outside of functions the first unit is all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from qwen_lsp.completion import chatter, part_ends
from qwen_lsp.completion.surroundings import Surroundings, indent_of, opens_block, surroundings
from qwen_lsp.completion.units import balance_of, unit_end
from qwen_lsp.syntax import brackets
from qwen_lsp.syntax.brackets import Balance

__all__ = ["Cut", "Mode", "Surroundings", "cut", "finish", "mode", "surroundings", "whole_words"]

# `pair`: between two halves of a pair, where one line goes between them or a block that pushes them apart.
Mode = Literal["line", "block", "pair"]

_BLOCK_CLOSER = re.compile(r"\s*([)\]}]++[;,)]*+|end|fi|done|esac)\s*\Z")
_WORD_CHAR = re.compile(r"\w")
# So much of the next line, written again, shows that the answer has arrived there.
_MIN_ARRIVED_CHARS = 8
_MIN_TELLING_CHARS = 3  # a shorter line repeats by chance
_LOOP_LINES = 3
# Strings one after another, or options that have one each. Nobody knows how a list goes on that the limit has
# ended: months and weekdays end before it. Its first ones show what it is made of.
_QUOTED = r"""(?:[\w-]++=)?(?:"[^"\n]*+"|'[^'\n]*+')"""
_ENDLESS_LIST = re.compile(
    rf"(?<![\w-])((?:{_QUOTED}(?:,\s*+|\s++)){{2}}{_QUOTED})(?:(?:,\s*+|\s++){_QUOTED}){{4,}}+.*\Z"
)
# Further than this an answer hardly ever finds back to what follows.
_MAX_LINES = 12
_MAX_LINES_BEYOND = 5  # the first whole unit, when the function goes on after the cursor


@dataclass(frozen=True, slots=True)
class Cut:
    """The answer so far, and why it is complete, if it is."""

    text: str
    reason: str | None


def mode(around: Surroundings) -> Mode:
    """Choose one line when text follows on the line, and inside strings and comments; else a block."""
    if around.is_pair:
        return "pair"
    return "line" if around.line_suffix.strip() or around.place != "code" else "block"


def cut(text: str, mode: Mode, around: Surroundings) -> Cut:
    """Say where the answer ends, given everything written so far.

    Cost: linear in the answer, of which a flight keeps MAX_ANSWER_CHARS.
    """
    ways = {"line": _cut_line, "pair": _cut_pair, "block": _cut_block}
    found = ways[mode](text, around)
    if found.reason is None and any(chatter.repeats_a_phrase(line) for line in found.text.split("\n")):
        return Cut(found.text, "loop")  # the filter of that name decides what is kept
    return found


def _cut_block(text: str, around: Surroundings) -> Cut:
    lines = text.split("\n")
    around = _with_indent(lines, around)
    balance = balance_of(text, around)
    unit: int | None = None  # the number of lines of the first whole unit, once it is over
    for number in range(_first_line(lines), len(lines)):
        line = lines[number]
        is_open = number == len(lines) - 1  # still being written: judged only by what it shows for sure
        if unit is None and not (is_open and not _is_telling(line)):
            unit = unit_end(line, number, lines, balance, around)
            if unit is not None and around.wants_one_entry:
                return Cut(_joined(lines[:unit]), "entry")
        reason = _far_end(line, number, lines, balance, around, is_open)
        if reason == "loop":
            first = number - _LOOP_LINES + 2
            return Cut(_joined(lines[: first if unit is None else min(unit, first)]), reason)
        if reason == "suffix" or (reason and not around.goes_on and reason != "fence"):
            return Cut(_without_dangling(lines[:number], around, reason), reason)
        if reason:
            return Cut(_joined(lines[: number if unit is None else unit]), reason)
        if unit is not None and around.goes_on and number - unit > _MAX_LINES_BEYOND:
            return Cut(_joined(lines[:unit]), "long")
    return Cut(text, None)


def finish(text: str, mode: Mode, around: Surroundings, *, hit_limit: bool) -> str:
    """Cut an answer that ended by itself or ran into the token limit back to what is whole."""
    if mode == "line" or (mode == "pair" and "\n" not in text):
        return part_ends.ended(whole_words(_first_of_list(text)), around) if hit_limit else text
    lines = text.split("\n")
    if mode == "block" and not hit_limit and not around.goes_on and not around.wants_one_entry:
        return text
    around = _with_indent(lines, around)
    balance = balance_of(text, around)
    numbers = range(_first_line(lines), len(lines))
    ends = (unit_end(lines[number], number, lines, balance, around) for number in numbers)
    unit = next((end for end in ends if end is not None), None)
    if unit is not None and mode == "block":
        return _joined(lines[:unit])
    if not hit_limit:
        return text
    return _joined(lines[:-1]) if len(lines) > 1 else whole_words(_first_of_list(text))


def _first_of_list(line: str) -> str:
    """Return a line that ends in a list of seven strings or more with the first three of them."""
    return _ENDLESS_LIST.sub(r"\1 ", line)


def _first_line(lines: list[str]) -> int:
    """Return the number of the first line with a visible character; without one, that of the last."""
    return next((number for number, line in enumerate(lines) if line.strip()), len(lines) - 1)


def _is_telling(open_line: str) -> bool:
    """Whether a line still being written shows what kind of line it is: its first word may yet grow."""
    return bool(open_line.strip()) and not re.fullmatch(r"\s*[})\]]?\s*[\w</{#\\]*", open_line)


def _cut_pair(text: str, around: Surroundings) -> Cut:
    """Between the halves of a pair: what begins on the line ends with it, a block where the pair closes."""
    if not text[:1].isspace() or text.lstrip(" \t")[:1] not in ("\n", ""):
        return _cut_line(text, around)
    lines = text.split("\n")
    balance = balance_of(text, around)
    for number in range(_first_line(lines), len(lines)):
        line = lines[number]
        is_open = number == len(lines) - 1
        if (
            not any(part.strip() for part in islice(lines, number))
            or not line.strip()
            or balance.in_string[number]
        ):
            continue
        if indent_of(line) <= around.indent and balance.depths[number] == 0:
            return Cut(_joined(lines[:number]), "closer")
        if (at := _foreign_on(line, number, lines, balance)) is not None:
            return Cut(_joined([*lines[:number], line[:at].rstrip()]), "closer")
        if around.place == "string" and line.lstrip().startswith(('"""', "'''")):
            return Cut(_joined(lines[:number]), "closer")
        reason = _far_end(line, number, lines, balance, replace(around, indent=around.indent + 1), is_open)
        if reason:
            kept = number - _LOOP_LINES + 2 if reason == "loop" else number
            return Cut(_joined(lines[:kept]), reason)
    return Cut(text, None)


def _foreign_on(line: str, number: int, lines: list[str], balance: Balance) -> int | None:
    """Return the column of the first sign on a line that closes something outside of the answer."""
    start = sum(len(part) + 1 for part in lines[:number])
    return next((at - start for at in balance.foreign if start <= at <= start + len(line)), None)


def _cut_line(text: str, around: Surroundings) -> Cut:
    head, line_end, _ = text.partition("\n")
    if (at := _trailing_comment(head, around)) is not None:
        return Cut(head[:at].rstrip(), "comment")
    if (at := _foreign_closer(head, around)) is not None:
        return Cut(head[:at], "closer")
    return Cut(head, "line") if line_end else Cut(text, None)


def _with_indent(lines: list[str], around: Surroundings) -> Surroundings:
    """Count indentation that the answer brings along as if the user had typed it."""
    if around.is_blank and lines[0].strip():
        return replace(around, indent=len(around.line_prefix) + indent_of(lines[0]))
    return around


def _far_end(
    line: str, number: int, lines: list[str], balance: Balance, around: Surroundings, is_open: bool
) -> str | None:
    """Return why the answer can't go on with this line: it is what follows, or is outside."""
    if line.lstrip().startswith("```"):
        return "fence"
    has_text = any(part.strip() for part in islice(lines, number))
    if not has_text or balance.in_string[number]:
        return None
    is_inside = balance.depths[number] > 0
    if not line.strip():
        is_outside = around.function_indent < 0 and around.indent == 0
        is_over = (is_outside and not is_inside) or not lines[number - 1].strip()
        return "blank line" if is_over and not is_open else None
    # Its own closing line may look like the one that follows.
    is_own = is_inside and len(line.strip()) < _MIN_ARRIVED_CHARS
    if line.rstrip() == around.next_line.rstrip() and not is_open and not is_own:
        return "suffix"
    if is_open and not is_own and _has_arrived(line, around.next_line):
        return "suffix"
    # Less deep than what follows is no end yet: an `else:` may lead back to it.
    least = around.function_indent + 1
    if around.function_indent < 0:
        least = min(around.floor, indent_of(around.next_line)) if around.goes_on else around.floor
    if indent_of(line) < least and not (is_open and _BLOCK_CLOSER.match(line)):
        if _BLOCK_CLOSER.match(line) and around.opens_block and indent_of(line) == around.indent:
            return None  # closes what the cursor's own line opened; the next line decides
        return "dedent"
    if number >= _MAX_LINES and not is_open:
        return "long"
    before = lines[max(number - _LOOP_LINES + 1, 0) : number]
    is_again = not is_open and before == [line] * (_LOOP_LINES - 1)
    return "loop" if is_again and len(line.strip()) >= _MIN_TELLING_CHARS else None


def _without_dangling(lines: list[str], around: Surroundings, reason: str) -> str:
    """Join the lines, less an `else:` whose body would have been the line that is there already."""
    text = _joined(lines)
    last = text.rsplit("\n", 1)[-1]
    is_dangling = reason == "suffix" and "\n" in text and opens_block(last)
    if is_dangling and indent_of(last) >= indent_of(around.next_line):
        return _joined(text.split("\n")[:-1])
    return text


def whole_words(text: str) -> str:
    """Cut the word at the end of an unfinished answer: its rest may still be coming."""
    # A search for what stands at the end would begin again at each letter of an overlong word.
    end = len(text)
    while end > 0 and _WORD_CHAR.match(text, end - 1):
        end -= 1
    return text[:end].rstrip()


def _trailing_comment(head: str, around: Surroundings) -> int | None:
    """Find where the model begins to comment on its own code; None inside comments and strings."""
    mark = around.comment_mark
    if not mark or around.place != "code" or around.line_prefix.lstrip().startswith(mark):
        return None
    at = head.find(f" {mark}")
    code = around.line_prefix + head[:at]
    if at < 0 or not code.strip() or code.count('"') % 2 or code.count("'") % 2:
        return None
    return at


def _foreign_closer(head: str, around: Surroundings) -> int | None:
    """Find the first sign that closes what the rest of the line closes already.

    Of the brackets open left of the cursor, those without a partner on the line are the answer's to close.
    """
    foreign = list(brackets.balance(head, around.language).foreign)
    if not foreign or not around.line_suffix.strip():
        return None
    n_open = brackets.balance(around.line_prefix.lstrip(), around.language).depth
    n_closed = len(brackets.balance(around.line_suffix.rstrip(), around.language).foreign)
    n_own = max(n_open - n_closed, 0)
    return foreign[n_own] if len(foreign) > n_own else None


def _has_arrived(open_line: str, next_line: str) -> bool:
    """Tell whether a line still being written is plainly the next line of the suffix."""
    written = open_line.rstrip()
    enough = len(written.strip()) >= _MIN_ARRIVED_CHARS or written == next_line.rstrip()
    return enough and bool(next_line) and next_line.startswith(written)


def _joined(lines: list[str]) -> str:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return "\n".join(lines[:end])
