"""Prose that runs over several lines of a comment: which lines are one text, and the text over lines again.

Pure. A sentence that is broken over lines cannot be translated line by line; what comes back takes as many
lines as there were, so no line of the file comes or goes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.actions import marks
from qwen_lsp.messages import Locale
from qwen_lsp.text import HAN, Document, Span, han_count, has_han

_MAX_LINES, _MAX_CHARS = 20, 1600
# Between two lines of one text: a line end and the marks of a comment, no words and no tag.
_BETWEEN = re.compile(r"[ \t]*(?:\r\n|\r|\n)[ \t]*(\*|///?!?|#+|--+)?[ \t]*")
_MARK_ALONE = re.compile(r"[ \t]*(?:\*|///?!?|#+|--+)?[ \t]*")
_OPENED = re.compile(r"([ \t]*)(/\*\*?|[rRuUbB]*(?:\"\"\"|'''))[ \t]*")
# A line that leaves so much room is not broken, it is over; less room, where a small letter goes on.
_WIDTH, _WIDTH_GOING_ON = 70, 48
_ENDS = re.compile(r"[.!?:;。！？：；][)\]\"'”’）*`]*$")
# Sentences of a longer text are translated one by one: the shorter, the better a small model does.
_MIN_CHARS_TO_CUT = 60
_SENTENCE = re.compile(
    r"(?<=[.!?;])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\betc\.)(?<!\bvs\.)[ \t]+(?=[\w`:{*(\"'])|(?<=[。！？；])(?=.)"
)
_PAUSE = "，。；：、！？,;:.!?"
# How many characters further a line may end, to end at a pause; and to end beside a small word, which is no
# part of a longer one.
_REACH, _SHORT_REACH = 10, 4
_ENDING_WORDS = "的了着"
# What stands first, and what stands last in words of two characters.
_OPENING_WORDS, _CLOSING_WORDS = "不没未无可内应需能", "会以能置们性器化者"
_BEGINNING_WORDS = "并和或但将从被而让把"
# What an example or a literal block of documentation opens with; a Javadoc's ends with its element.
_PROMPT = re.compile(r">>> |>>>$|\.\.\. ?\S")
_FENCE = re.compile(r"(```|~~~)")
_DIRECTIVE = re.compile(r"\.\. \S")
_CODE = re.compile(
    r"(?a:[\w.$]+\([^()]*\);?|[\w.$\[\]]+ ?(?:>=|<=|==|!=|:=|&&|\|\|) ?\S+;?"
    r"|[\w.$\[\]]+ ?= ?[\w.$]+\(.*\);?|.*[;)] ?\{|.*\);|return\b[^.,;。]*;|\})$"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comment: the place of its words, empty ones too, and the column they stand in.

    `is_set_off`: they stand as far behind the mark of a line comment as code does in Markdown and Go.
    """

    place: Span
    column: int
    is_set_off: bool = False


def prose(document: Document, lines: Sequence[Line]) -> list[Span]:
    """Leave out the lines that are no prose: examples, literal blocks, directives and code."""
    found: list[Span] = []
    fence, literal, last = "", -1, -2
    is_example, is_code = False, True
    for line in lines:
        words = document.text[line.place.start : line.place.end].strip()
        number = document.line_of(line.place.start)
        if number != last + 1:  # another comment
            fence, literal, is_example, is_code = "", -1, False, True
        last = number
        if not words:
            is_example, is_code = False, True
            continue
        if opened := _FENCE.match(words):
            fence = "" if fence else opened[1]
            continue
        is_example = is_example or _PROMPT.match(words) is not None
        literal = literal if line.column > literal else -1
        is_literal, is_directive = literal >= 0, _DIRECTIVE.match(words) is not None
        if is_directive or (words.endswith("::") and not is_literal):
            literal = line.column
        is_code = (is_code and line.is_set_off) or (_CODE.match(words) is not None and not has_han(words))
        if not (fence or is_example or is_literal or is_directive or is_code):
            found.append(line.place)
    return found


def grouped(document: Document, lines: Sequence[Span]) -> list[list[Span]]:
    """Put lines together that are one text, in order."""
    found: list[list[Span]] = []
    for line in lines:
        if found and _goes_on(document, found[-1], line):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def _goes_on(document: Document, group: Sequence[Span], line: Span) -> bool:
    last, text = group[-1], document.text
    between = _BETWEEN.fullmatch(text, last.end, line.start)
    n_chars = line.end - group[0].start
    if between is None or len(group) >= _MAX_LINES or n_chars > _MAX_CHARS:
        return False
    if _ENDS.search(text[last.start : last.end]) or not _is_full(document, last, line):
        return False
    mark = between[1] or ""
    if not mark or mark == "*":
        return True
    columns = [one.start - document.starts[document.line_of(one.start)] for one in (last, line)]
    before = text[document.starts[document.line_of(last.start)] : last.start]
    return columns[0] == columns[1] and not before.strip(" \t/#-!")


def blocks(document: Document, groups: Sequence[list[Span]]) -> list[list[list[Span]]]:
    """Put texts together that are read as one: each begins on the line below the last, and is no item.

    It is translated in whole or stays: half of it in the other language is worse.
    """
    found: list[list[list[Span]]] = []
    for group in groups:
        number, start = document.line_of(group[0].start), group[0].start
        is_below = bool(found) and document.line_of(found[-1][-1][-1].end) == number - 1
        before = document.text[document.starts[number] : start]
        if is_below and _MARK_ALONE.fullmatch(before) and _column(document, found[-1][0][0]) == len(before):
            found[-1].append(group)
        else:
            found.append([group])
    return found


def _column(document: Document, place: Span) -> int:
    """Return the column of a place; of words behind what opens a string or a block, where the next begin."""
    start = document.starts[document.line_of(place.start)]
    before = document.text[start : place.start]
    opened = _OPENED.fullmatch(before)
    return len(opened[1]) + 3 * opened[2].startswith("/*") if opened is not None else len(before)


def _is_full(document: Document, last: Span, line: Span) -> bool:
    """Whether a line ends because the next word would not have stood on it."""
    before = document.text[document.starts[document.line_of(last.start)] : last.end]
    word = re.split(r"\s", document.text[line.start : line.end], maxsplit=1)[0]
    width = _WIDTH_GOING_ON if word[:1].islower() and not has_han(before) else _WIDTH
    return len(before) + han_count(before) + 1 + len(word) + han_count(word) >= width


def joined(document: Document, group: Sequence[Span], source: Locale) -> str:
    """Return the text of a group in one line."""
    return ("" if source == "zh" else " ").join(document.text[one.start : one.end].strip() for one in group)


def sentences(text: str) -> list[str]:
    """Cut a longer text into its sentences; they are whole, with what ends them."""
    if len(text) < _MIN_CHARS_TO_CUT:
        return [text]
    return [one for one in _SENTENCE.split(text) if one.strip()]


def spread(text: str, sizes: Sequence[int]) -> list[str] | None:
    """Put a text on as many lines as `sizes` says, in their proportion; None where it is too short."""
    if len(sizes) == 1:
        return [text]
    held = [mark.span() for mark in marks.INLINE.finditer(text)]
    places = [
        at for at in range(1, len(text)) if _may_break(text, at) and not any(a < at < b for a, b in held)
    ]
    cuts: list[int] = []
    total, so_far = sum(sizes), 0
    for size in sizes[:-1]:
        so_far += size
        wanted = round(so_far * len(text) / total)
        free = [at for at in places if at > (cuts[-1] if cuts else 0)]
        if not free:
            return None
        cuts.append(min(free, key=lambda at: abs(at - wanted) - _reach(text, at)))
    lines = [text[start:end].strip() for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return lines if all(lines) else None


def _reach(text: str, at: int) -> int:
    """Say how many characters further it is worth to end a line here, rather than within a word."""
    before, after = text[:at].rstrip()[-1:], text[at]
    if before in _PAUSE:
        return _REACH
    if before in _OPENING_WORDS or after in _CLOSING_WORDS:  # within a word of two characters
        return -_SHORT_REACH
    is_between = not (has_han(before) and has_han(after))
    return _SHORT_REACH if is_between or before in _ENDING_WORDS or after in _BEGINNING_WORDS else 0


def _may_break(text: str, at: int) -> bool:
    """Whether a line may end here: at a space, or beside a Chinese character that begins no punctuation."""
    before, after = text[at - 1], text[at]
    if after.isspace() or before.isspace():
        return before.isspace()
    is_han = re.match(rf"[{HAN}，。；：、！？）]", before) and re.match(rf"[{HAN}A-Za-z`（]", after)
    return bool(is_han)
