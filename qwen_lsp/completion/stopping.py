"""When a generation is long enough. Pure functions over the text written so far.

Instruct models hardly ever stop by themselves, so stopping matters as much as the prompt. `mode` decides
before the request what is wanted; `cut` is asked after each chunk and says where the answer ends;
`finish` cuts what ran into the token limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.parsing import PlaceKind
from qwen_lsp.text import Cursor, normalize_line_ends

# line: to the end of the line. statement: in the middle of a block, up to the text that follows, or one
# statement where the answer does not find back to it. block: to the end of the block.
Mode = Literal["line", "statement", "block"]

_BLOCK_CLOSER = re.compile(r"\s*([)\]}]+[;,)]*|end|fi|done|esac)\s*\Z")
_OPENER = re.compile(r"(?:[:{(\[]|\bthen|\bdo|=>)\s*\Z")
_OPEN_WORD = re.compile(r"\w+\Z")
# A line that gives no evidence of a repetition: too short to be more than punctuation.
_MIN_TELLING_CHARS = 3
# So much of the next line, written again, shows that the answer has arrived there.
_MIN_ARRIVED_CHARS = 8
_LOOP_LINES = 3
# Further than this an answer in the middle of a block hardly ever finds back to what follows.
_MOST_STATEMENT_LINES = 12


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stopping needs to know of the cursor; all texts have LF line ends.

    Units: `indent` counts characters of leading white space, a tab as one. `comment_mark` opens a line
    comment, empty where the language has none.
    """

    line_prefix: str
    line_suffix: str
    indent: int
    next_line: str
    opens_block: bool
    place: PlaceKind = "code"
    comment_mark: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing but white space stands before the cursor on its line."""
        return not self.line_prefix.strip()


@dataclass(frozen=True, slots=True)
class Cut:
    """The answer so far, and why it is complete, if it is."""

    text: str
    reason: str | None


def surroundings(cursor: Cursor, language: Language | None = None, place: PlaceKind = "code") -> Surroundings:
    """Read the cursor's surroundings from the document."""
    line_prefix = cursor.line_prefix
    after_line = cursor.document.text[cursor.offset + len(cursor.line_suffix) :][:4000]
    following = normalize_line_ends(after_line).split("\n")
    mark = language.comment if language and isinstance(language.comment, str) else ""
    return Surroundings(
        line_prefix=line_prefix,
        line_suffix=cursor.line_suffix,
        indent=_indent(line_prefix),
        next_line=next((line for line in following if line.strip()), ""),
        opens_block=bool(_OPENER.search(line_prefix)),
        place=place,
        comment_mark=mark,
    )


def mode(around: Surroundings) -> Mode:
    """Choose how much is wanted.

    One line when text follows on the line, and inside strings and comments. A statement when the next
    line belongs to the same block as the cursor's; a block when it does not.
    """
    if around.line_suffix.strip() or around.place != "code":
        return "line"
    is_within = around.next_line and _indent(around.next_line) >= max(around.indent, 1)
    return "statement" if is_within and not around.opens_block else "block"


def cut(text: str, mode: Mode, around: Surroundings) -> Cut:
    """Say where the answer ends, given everything written so far.

    Cost: linear in the answer, which is at most a few hundred tokens.
    """
    if mode == "line":
        head, line_end, _ = text.partition("\n")
        if (at := _trailing_comment(head, around)) is not None:
            return Cut(head[:at].rstrip(), "comment")
        return Cut(head, "line") if line_end else Cut(text, None)
    lines = text.split("\n")
    if around.is_blank and lines[0].strip():
        # Indentation that the answer brings along counts as if the user had typed it.
        around = replace(around, indent=len(around.line_prefix) + _indent(lines[0]))
    kept: list[str] = []
    for number, line in enumerate(lines[:-1]):
        if reason := _ends_before(line, number, kept, around):
            if reason == "closer":
                kept.append(line)
            return _ended(kept, reason, mode)
        kept.append(line)
    if mode == "statement" and len(kept) > _MOST_STATEMENT_LINES:
        return _ended(kept, "long", mode)
    # The last line is still being written: it is judged only by what it already shows for sure.
    open_line = lines[-1]
    if kept and open_line.strip():
        if _has_arrived(open_line, around.next_line) and any(line.strip() for line in kept):
            return _ended(kept, "suffix", mode)
        reason = _ends_before(open_line, len(kept), kept, around)
        if reason in ("dedent", "fence"):
            return _ended(kept, reason, mode)
    return Cut(text, None)


def finish(text: str, mode: Mode) -> str:
    """Cut an answer that ran into the token limit back to what is whole."""
    lines = text.split("\n")
    if mode == "statement" and len(lines) > 1:
        return _first_statement(lines[:-1])
    if mode == "block" and len(lines) > 1:
        return _joined(lines[:-1])
    return whole_words(text)


def whole_words(text: str) -> str:
    """Cut the word at the end of an unfinished answer: its rest may still be coming."""
    return _OPEN_WORD.sub("", text).rstrip()


def _ended(kept: list[str], reason: str, mode: Mode) -> Cut:
    """In the middle of a block only an answer that found back to what follows is taken as a whole."""
    if mode == "statement" and reason != "suffix":
        return Cut(_first_statement(kept), reason)
    return Cut(_joined(kept), reason)


def _first_statement(lines: list[str]) -> str:
    """Return the first line with text, and the lines below that are indented deeper if it opens a block."""
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return ""
    end = first + 1
    if _OPENER.search(lines[first]):
        while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > _indent(lines[first])):
            end += 1
    return _joined(lines[:end])


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


def _ends_before(line: str, number: int, kept: list[str], around: Surroundings) -> str | None:
    """Return why the answer ends before this line, `closer` to end just after it, None to go on."""
    if line.lstrip().startswith("```"):
        return "fence"
    if number == 0:  # continues the cursor's own line
        return None
    has_text = any(part.strip() for part in kept)
    if not line.strip():
        # Between statements a blank line is style; at the outermost level it ends the definition.
        return "blank line" if has_text and (around.indent == 0 or not kept[-1].strip()) else None
    if has_text and _is_same_line(line, around.next_line):
        return "suffix"
    if has_text and _indent(line) < _floor(around):
        if _BLOCK_CLOSER.match(line) and around.opens_block and _indent(line) == around.indent:
            return "suffix" if _is_same_line(line, around.next_line) else "closer"
        return "dedent"
    if kept[-(_LOOP_LINES - 1) :] == [line] * (_LOOP_LINES - 1) and len(line.strip()) >= _MIN_TELLING_CHARS:
        del kept[-(_LOOP_LINES - 2) :]
        return "loop"
    return None


def _floor(around: Surroundings) -> int:
    """The least indentation that still belongs to the answer."""
    return around.indent + 1 if around.opens_block and not around.is_blank else around.indent


def _is_same_line(line: str, other: str) -> bool:
    if len(line.strip()) >= _MIN_TELLING_CHARS:
        return line.strip() == other.strip()
    return line.rstrip() == other.rstrip()


def _has_arrived(open_line: str, next_line: str) -> bool:
    """Tell whether a line still being written is plainly the next line of the suffix."""
    written = open_line.rstrip()
    enough = len(written.strip()) >= _MIN_ARRIVED_CHARS or written == next_line.rstrip()
    return enough and bool(next_line) and next_line.startswith(written)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _joined(lines: list[str]) -> str:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return "\n".join(lines)
