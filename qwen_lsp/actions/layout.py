"""From the model's text to the smallest edits of the document: indentation, line ends, a diff.

Lines that say the same keep every byte they have, trailing white space and odd line ends included.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from qwen_lsp.actions.target import dedented
from qwen_lsp.text import Document, Edit, Span, normalize_line_ends

_MAX_PAIRS = 100_000  # of lines compared one by one
_WORD = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\n]*`|\w+|[^\w\s]")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|$)")


def indent_unit(text: str) -> str:
    """Return one step of a file's indentation: a tab, or as many spaces as most often begin a deeper line."""
    counts: dict[str, int] = {}
    before = ""
    for line in re.findall(r"^([ \t]*)\S", normalize_line_ends(text), re.MULTILINE):
        if line.startswith(before) and len(line) > len(before):
            step = line[len(before) :]
            counts[step] = counts.get(step, 0) + 1
        before = line
    return max(counts, key=lambda step: counts[step]) if counts else "    "


def indented(answer: str, indent: str, unit: str) -> str:
    """Give the model's text the indentation of its place. Shape: LF line ends, no empty lines at its ends."""
    text = normalize_line_ends(answer).strip("\n")
    text, _ = dedented(with_unit(text, unit))
    return "\n".join(f"{indent}{line}" if line.strip() else "" for line in text.split("\n"))


def with_unit(text: str, unit: str) -> str:
    """Write tabs for spaces in a file of tabs, and the other way round: models mix them up."""
    own = indent_unit(text)
    if ("\t" in own) == ("\t" in unit):
        return text

    def step(match: re.Match[str]) -> str:
        return unit * (len(match[0]) // len(own)) + " " * (len(match[0]) % len(own) if "\t" not in own else 0)

    return re.sub(r"^\t+" if "\t" in own else r"^ +", step, text, flags=re.MULTILINE)


def with_old_spacing(old: str, new: str) -> str:
    """Write lines as they were that differ in the spaces between their words alone: `if(a)` and `if (a)`.

    Shape: both have LF line ends and the same indentation.
    """
    lines, before = new.split("\n"), old.split("\n")
    matcher = SequenceMatcher(
        None, [_words(line) for line in before], [_words(line) for line in lines], False
    )
    for at, to, size in matcher.get_matching_blocks():
        lines[to : to + size] = before[at : at + size]
    return "\n".join(lines)


def _words(line: str) -> tuple[str, ...]:
    """Return the indentation of a line and its words, signs and texts."""
    return (line[: len(line) - len(line.lstrip())] if line.strip() else "", *_WORD.findall(line))


def edits(document: Document, span: Span, new_text: str) -> tuple[Edit, ...]:
    """Return the smallest edits that make whole lines `span` say `new_text` (LF), in order."""
    old = [line for line in _LINE.findall(document.text[span.start : span.end]) if line]
    ending = document.line_ending
    new = new_text.split("\n")
    starts = [span.start]
    for line in old:
        starts.append(starts[-1] + len(line))
    is_large = len(old) * len(new) > _MAX_PAIRS  # then lines that stand everywhere are no anchors
    matcher = SequenceMatcher(
        None, [line.rstrip() for line in old], [line.rstrip() for line in new], is_large
    )
    found: list[Edit] = []
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            continue
        text = ending.join(new[new_from:new_to])
        start, end = starts[old_from], starts[old_to]
        has_end = old_to > old_from and bool(re.search(r"[\r\n]$", old[old_to - 1]))
        if new_to > new_from and (has_end or (old_to == old_from and old_to < len(old))):
            text += ending
        elif new_to > new_from and old_to == old_from:  # lines added after the last one, which has no end
            text = ending + text
        elif (
            new_to == new_from and old_to == len(old) and old_from > 0
        ):  # the last lines go, with the end before
            start -= len(old[old_from - 1]) - len(old[old_from - 1].rstrip("\r\n"))
        found.append(shrunk(document.text, Edit(Span(start, end), text)))
    return tuple(found)


def shrunk(text: str, edit: Edit) -> Edit:
    """Leave out what is equal at both ends, without cutting a CRLF in two."""
    start, end, new = edit.span.start, edit.span.end, edit.new_text
    head = 0
    while head < min(end - start, len(new)) and text[start + head] == new[head]:
        head += 1
    if head and text[start + head - 1] == "\r":
        head -= 1
    tail = 0
    while tail < min(end - start, len(new)) - head and text[end - 1 - tail] == new[len(new) - 1 - tail]:
        tail += 1
    if tail and text[end - tail] == "\n":  # its CR may be part of what changes
        tail -= 1
    return Edit(Span(start + head, end - tail), new[head : len(new) - tail])
