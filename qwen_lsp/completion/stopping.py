"""When a generation is long enough. Pure functions over the text written so far.

Instruct models hardly ever stop by themselves, so stopping matters as much as the prompt. `mode` decides
before the request what is wanted; `cut` is asked after each chunk and says where the answer ends;
`finish` cuts what ended by itself or by the token limit.

A block answer has two possible ends: the first whole unit (the statement, or the rest of the block that
the cursor opened) and the end of the enclosing function. The far end is taken only where the answer
proves it: it has written the line that follows the cursor, or has left a function that ends here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.parsing import PlaceKind
from qwen_lsp.text import Cursor, normalize_line_ends

Mode = Literal["line", "block"]

_BLOCK_CLOSER = re.compile(r"\s*([)\]}]++[;,)]*+|end|fi|done|esac)\s*\Z")
_OPENER = re.compile(r"(?:[:{(\[]|\bthen|\bdo|=>)\s*\Z")
_OPENER_CHARS = 5  # `then` and what makes it a word
_WORD_CHAR = re.compile(r"\w")
# The head of a function in the languages we know, on one line, by its looks: code at the cursor is
# broken more often than not, so a parser would miss it.
_FUNCTION_HEAD = re.compile(
    r"\s*(?!(?:if|for|while|switch|catch|else|with|elif|return|do)\b)"
    r"(?:.*\b(?:def|function|func|fn|fun|sub)\b.*[:{(,]|.*\)\s*(?:->.*|:\s*\S.*|throws\s.*|const\s*)?\{|.*=>\s*\{)\s*\Z"
)
# So much of the next line, written again, shows that the answer has arrived there.
_MIN_ARRIVED_CHARS = 8
_MIN_TELLING_CHARS = 3  # a shorter line repeats by chance
_LOOP_LINES = 3
# Further than this an answer hardly ever finds back to what follows.
_MOST_LINES = 12
_MOST_LINES_BEYOND = 5  # the first whole unit, when the function goes on after the cursor
# What lies further from the cursor on an overlong line (minified code, data) decides nothing here.
_MAX_LINE_CHARS = 2000
_MAX_HEAD_CHARS = 400  # a longer line is no head of a function
_INDENT = re.compile(r"[^\S\r\n]*")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stopping needs to know of the cursor; all texts have LF line ends.

    Shape: of an overlong line `line_prefix` is the end and `line_suffix` the beginning.
    Units: indentation counts characters of leading white space, a tab as one. `function_indent` is that of
    the head of the enclosing function, -1 outside of one. `comment_mark` opens a line comment, empty
    where the language has none.
    """

    line_prefix: str
    line_suffix: str
    indent: int
    next_line: str
    opens_block: bool
    function_indent: int = -1
    place: PlaceKind = "code"
    comment_mark: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing but white space stands before the cursor on its line."""
        return not self.line_prefix.strip()

    @property
    def goes_on(self) -> bool:
        """Whether the enclosing function goes on after the cursor."""
        return bool(self.next_line) and _indent(self.next_line) > self.function_indent


@dataclass(frozen=True, slots=True)
class Cut:
    """The answer so far, and why it is complete, if it is."""

    text: str
    reason: str | None


def surroundings(cursor: Cursor, language: Language | None = None, place: PlaceKind = "code") -> Surroundings:
    """Read the cursor's surroundings from the document."""
    document, offset = cursor.document, cursor.offset
    line = document.line_of(offset)
    line_start, line_end = document.starts[line], document.line_end(line)
    line_prefix = document.text[max(line_start, offset - _MAX_LINE_CHARS) : offset]
    line_suffix = document.text[offset : min(line_end, offset + _MAX_LINE_CHARS)]
    following = normalize_line_ends(document.text[line_end : line_end + 4000]).split("\n")
    before = normalize_line_ends(document.text[max(line_start - 8000, 0) : line_start]).split("\n")
    mark = language.comment if language and isinstance(language.comment, str) else ""
    next_line = next((line for line in following if line.strip()), "")
    match = _INDENT.match(document.text, line_start, offset)
    assert match is not None  # it may be empty
    indent = match.end() - line_start
    if not line_prefix:  # nothing typed yet: the indentation will come with the answer
        last = next((line for line in reversed(before) if line.strip()), "")
        inner = max(_indent(last) + _opens(last), _indent(next_line))
    else:
        inner = indent + _opens(line_prefix)
    return Surroundings(
        line_prefix=line_prefix,
        line_suffix=line_suffix,
        indent=indent,
        next_line=next_line,
        opens_block=_opens(line_prefix),
        function_indent=_function_indent([*before, line_prefix], inner),
        place=place,
        comment_mark=mark,
    )


def _function_indent(lines: list[str], inner: int) -> int:
    """Return the indentation of the nearest function head that encloses text indented by `inner`."""
    for line in reversed(lines):
        if line.strip() and _indent(line) < inner:
            inner = _indent(line)
            if len(line) <= _MAX_HEAD_CHARS and _FUNCTION_HEAD.match(line):
                return inner
    return -1


def mode(around: Surroundings) -> Mode:
    """Choose one line when text follows on the line, and inside strings and comments; else a block."""
    return "line" if around.line_suffix.strip() or around.place != "code" else "block"


def cut(text: str, mode: Mode, around: Surroundings) -> Cut:
    """Say where the answer ends, given everything written so far.

    Cost: linear in the answer, of which a flight keeps MAX_ANSWER_CHARS.
    """
    if mode == "line":
        return _cut_line(text, around)
    lines = text.split("\n")
    around = _with_indent(lines, around)
    unit: int | None = None  # the number of lines of the first whole unit, once it is over
    for number in range(_first_line(lines), len(lines)):
        line = lines[number]
        is_open = number == len(lines) - 1  # still being written: judged only by what it shows for sure
        reason = _far_end(line, number, lines, around, is_open)
        if reason == "suffix" or (reason and not around.goes_on and reason not in ("loop", "fence")):
            return Cut(_without_dangling(lines[:number], around, reason), reason)
        if reason:
            return Cut(_joined(lines[: number if unit is None else unit]), reason)
        if unit is not None and around.goes_on and number - unit > _MOST_LINES_BEYOND:
            return Cut(_joined(lines[:unit]), "long")
        if unit is None and not (is_open and not line.strip()):
            unit = _unit_end(line, number, lines, around)
    return Cut(text, None)


def finish(text: str, mode: Mode, around: Surroundings, *, hit_limit: bool) -> str:
    """Cut an answer that ended by itself or ran into the token limit back to what is whole."""
    if mode == "line":
        return whole_words(text) if hit_limit else text
    lines = text.split("\n")
    if not hit_limit and not around.goes_on:
        return text
    around = _with_indent(lines, around)
    numbers = range(_first_line(lines), len(lines))
    ends = (_unit_end(lines[number], number, lines, around) for number in numbers)
    unit = next((end for end in ends if end is not None), None)
    if unit is not None:
        return _joined(lines[:unit])
    if not hit_limit:
        return text
    return _joined(lines[:-1]) if len(lines) > 1 else whole_words(text)


def _first_line(lines: list[str]) -> int:
    """Return the number of the first line with a visible character; without one, that of the last."""
    return next((number for number, line in enumerate(lines) if line.strip()), len(lines) - 1)


def _cut_line(text: str, around: Surroundings) -> Cut:
    head, line_end, _ = text.partition("\n")
    if (at := _trailing_comment(head, around)) is not None:
        return Cut(head[:at].rstrip(), "comment")
    if (at := _foreign_closer(head, around.line_suffix)) is not None:
        return Cut(head[:at], "closer")
    return Cut(head, "line") if line_end else Cut(text, None)


def _with_indent(lines: list[str], around: Surroundings) -> Surroundings:
    """Count indentation that the answer brings along as if the user had typed it."""
    if around.is_blank and lines[0].strip():
        return replace(around, indent=len(around.line_prefix) + _indent(lines[0]))
    return around


def _far_end(line: str, number: int, lines: list[str], around: Surroundings, is_open: bool) -> str | None:
    """Return why the answer can't go on with this line: it is what follows, or is outside."""
    if line.lstrip().startswith("```"):
        return "fence"
    has_text = any(part.strip() for part in islice(lines, number))
    if not has_text:
        return None
    if not line.strip():
        is_outside = around.function_indent < 0 and around.indent == 0
        return "blank line" if not is_open and (is_outside or not lines[number - 1].strip()) else None
    if line.rstrip() == around.next_line.rstrip() and not is_open:
        return "suffix"
    if is_open and _has_arrived(line, around.next_line):
        return "suffix"
    # Less deep than what follows is no end yet: an `else:` may lead back to it.
    least = around.function_indent + 1
    if around.function_indent < 0:
        least = min(_floor(around), _indent(around.next_line)) if around.goes_on else _floor(around)
    if _indent(line) < least and not (is_open and _BLOCK_CLOSER.match(line)):
        if _BLOCK_CLOSER.match(line) and around.opens_block and _indent(line) == around.indent:
            return None  # closes what the cursor's own line opened; the next line decides
        return "dedent"
    if number >= _MOST_LINES and not is_open:
        return "long"
    before = lines[max(number - _LOOP_LINES + 1, 0) : number]
    is_again = not is_open and before == [line] * (_LOOP_LINES - 1)
    return "loop" if is_again and len(line.strip()) >= _MIN_TELLING_CHARS else None


def _unit_end(line: str, number: int, lines: list[str], around: Surroundings) -> int | None:
    """Return the number of lines of the first whole unit, when this line shows that it is over."""
    first = next((at for at, part in enumerate(islice(lines, number)) if part.strip()), None)
    if first is None or not line.strip():
        return None
    if _indent(line) < _floor(around):
        closes = _BLOCK_CLOSER.match(line) and around.opens_block and _indent(line) == around.indent
        return number + 1 if closes and line.rstrip() != around.next_line.rstrip() else number
    if around.goes_on and not around.opens_block and _indent(around.next_line) >= around.indent:
        # In the middle of a block a unit is a statement, with its body if that is not there already.
        has_body = _indent(around.next_line) > around.indent
        is_body = _opens(lines[first]) and _indent(line) > around.indent and not has_body
        return None if is_body else number
    return None


def _without_dangling(lines: list[str], around: Surroundings, reason: str) -> str:
    """Join the lines, less an `else:` whose body would have been the line that is there already."""
    text = _joined(lines)
    last = text.rsplit("\n", 1)[-1]
    is_dangling = reason == "suffix" and "\n" in text and _opens(last)
    if is_dangling and _indent(last) >= _indent(around.next_line):
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


_QUOTE_OR_BRACKET = re.compile(r"[\"'()\[\]{}]")
_CLOSERS = {")": "(", "]": "[", "}": "{"}


def _foreign_closer(head: str, line_suffix: str) -> int | None:
    """Find a bracket that closes nothing in the answer and stands right of the cursor already."""
    following = line_suffix.lstrip()[:1]
    if following not in _CLOSERS:
        return None
    depth = 0
    quote = ""
    for match in _QUOTE_OR_BRACKET.finditer(head):
        at, char = match.start(), match.group()
        if quote:
            quote = "" if char == quote and head[at - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            if depth == 0 and char == following:
                return at
            depth -= 1
    return None


def _floor(around: Surroundings) -> int:
    """The least indentation that still belongs to the answer."""
    return around.indent + 1 if around.opens_block and not around.is_blank else around.indent


def _has_arrived(open_line: str, next_line: str) -> bool:
    """Tell whether a line still being written is plainly the next line of the suffix."""
    written = open_line.rstrip()
    enough = len(written.strip()) >= _MIN_ARRIVED_CHARS or written == next_line.rstrip()
    return enough and bool(next_line) and next_line.startswith(written)


def _opens(line: str) -> bool:
    """Whether a line opens a block."""
    return _OPENER.search(line.rstrip()[-_OPENER_CHARS:]) is not None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _joined(lines: list[str]) -> str:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return "\n".join(lines[:end])
