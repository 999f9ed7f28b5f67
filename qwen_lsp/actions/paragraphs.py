"""Prose that runs over several lines of a comment: which lines are one text, and the text over lines again.

Pure. A sentence that is broken over lines cannot be translated line by line; what comes back takes as many
lines as there were, so no line of the file comes or goes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qwen_lsp.actions import marks
from qwen_lsp.messages import Locale
from qwen_lsp.text import HAN, Document, Span, han_count

_MAX_LINES, _MAX_CHARS = 8, 700
# Between two lines of one text: a line end and the marks of a comment, no words and no tag.
_BETWEEN = re.compile(r"[ \t]*(?:\r\n|\r|\n)[ \t]*(\*|///?!?|#+|--+)?[ \t]*")
# A line that leaves so much room is not broken, it is over.
_WIDTH = 70
_ENDS = re.compile(r"[.!?:;。！？：；][)\]\"'”’）*`]*$")
# Sentences of a longer text are translated one by one: the shorter, the better a small model does.
_MIN_CHARS_TO_CUT = 60
_SENTENCE = re.compile(
    r"(?<=[.!?;])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\betc\.)(?<!\bvs\.)[ \t]+(?=[\w`:{*(\"'])|(?<=[。！？；])(?=.)"
)
_PAUSE = "，。；：、！？,;:.!?"
# How many characters further a line may end, to end at a pause.
_REACH = 6


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


def _is_full(document: Document, last: Span, line: Span) -> bool:
    """Whether a line ends because the next word would not have stood on it."""
    before = document.text[document.starts[document.line_of(last.start)] : last.end]
    word = re.split(r"\s", document.text[line.start : line.end], maxsplit=1)[0]
    return len(before) + han_count(before) + 1 + len(word) + han_count(word) >= _WIDTH


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
        cuts.append(min(free, key=lambda at: abs(at - wanted) - _REACH * (text[:at].rstrip()[-1:] in _PAUSE)))
    lines = [text[start:end].strip() for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    return lines if all(lines) else None


def _may_break(text: str, at: int) -> bool:
    """Whether a line may end here: at a space, or beside a Chinese character that begins no punctuation."""
    before, after = text[at - 1], text[at]
    if after.isspace() or before.isspace():
        return before.isspace()
    is_han = re.match(rf"[{HAN}，。；：、！？）]", before) and re.match(rf"[{HAN}A-Za-z`（]", after)
    return bool(is_han)
