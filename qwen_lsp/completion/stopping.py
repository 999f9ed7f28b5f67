"""When a generation is long enough. Pure functions over the text written so far.

Instruct models hardly ever stop by themselves (docs/benchmarks.md: multi-line holes 0.45 with these
rules, 0.05 without), so stopping matters as much as the prompt. `mode` decides between one line and
a block before the request; `cut` is asked after each chunk and says where the answer ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.parsing import PlaceKind
from qwen_lsp.text import Cursor, normalize_line_ends

Mode = Literal["line", "block"]

_BLOCK_CLOSER = re.compile(r"\s*([)\]}]+[;,)]*|end|fi|done|esac)\s*\Z")
# A line that gives no evidence of a repetition: too short to be more than punctuation.
_MIN_TELLING_CHARS = 3
_LOOP_LINES = 3
_OPEN_WORD = re.compile(r"\w+\Z")


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
    indent = len(line_prefix) - len(line_prefix.lstrip())
    following = normalize_line_ends(cursor.suffix[len(cursor.line_suffix) :][:4000])
    next_line = next((line for line in following.split("\n") if line.strip()), "")
    opens_block = line_prefix.rstrip().endswith((":", "{", "(", "[", "then", "do", "=>"))
    mark = language.comment if language and isinstance(language.comment, str) else ""
    return Surroundings(line_prefix, cursor.line_suffix, indent, next_line, opens_block, place, mark)


def mode(around: Surroundings) -> Mode:
    """Choose one line or a block.

    One line when text follows on the line, inside strings and comments, and when the cursor's line
    stands in the middle of a block: the rest of the block is already there.
    """
    if around.line_suffix.strip() or around.place != "code":
        return "line"
    if not around.opens_block and around.next_line and _indent(around.next_line) >= max(around.indent, 1):
        return "line"
    return "block"


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
    for number, line in enumerate(lines[:-1] if len(lines) > 1 else []):
        reason = _ends_before(line, number, kept, around)
        if reason == "closer":
            kept.append(line)
        if reason:
            return Cut(_joined(kept), reason)
        kept.append(line)
    # The last line is still being written: it is judged only by what it already shows for sure.
    open_line = lines[-1]
    if len(lines) > 1 and open_line.strip() and _indent(open_line) < _floor(around):
        reason = _ends_before(open_line, len(lines) - 1, kept, around)
        if reason and reason not in ("closer", "suffix"):
            return Cut(_joined(kept), reason)
    return Cut(text, None)


def finish(text: str, mode: Mode) -> str:
    """Cut an answer that ran into the token limit back to what is whole: complete lines, whole words."""
    if mode == "block" and "\n" in text:
        return _joined(text.split("\n")[:-1])
    return whole_words(text)


def whole_words(text: str) -> str:
    """Cut the word at the end of an unfinished answer: its rest may still be coming."""
    return _OPEN_WORD.sub("", text).rstrip()


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
    if number == 0:  # continues the cursor's own line
        return "fence" if line.lstrip().startswith("```") else None
    if line.lstrip().startswith("```"):
        return "fence"
    has_text = any(part.strip() for part in kept)
    if not line.strip():
        # Between statements a blank line is style; at the outermost level it ends the definition.
        return "blank line" if has_text and (around.indent == 0 or (kept and not kept[-1].strip())) else None
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


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _joined(lines: list[str]) -> str:
    while lines and not lines[-1].strip():
        lines.pop()
    return "\n".join(lines)
