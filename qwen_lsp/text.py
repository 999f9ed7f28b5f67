"""Frozen text values: Document, Cursor, Span, Edit, Change, and the arithmetic between offsets and lines.

Inside the program a place is an offset in Unicode code points; a span is half-open. Lines are
0-based here and end at LF, CRLF or CR only, as the LSP specification says (Python's
`str.splitlines` also breaks at form feeds and other characters and would shift every line below
one). This module knows no LSP, no bytes and no files.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

_LINE_END = re.compile(r"\r\n|\n|\r")

# Han characters, to be put into the class of an expression: unified ideographs, extension A, compatibility.
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN = re.compile(f"[{HAN}]")


def has_han(text: str) -> bool:
    """Whether a text holds a Han character."""
    return _HAN.search(text) is not None


def han_count(text: str) -> int:
    """Return the number of Han characters in a text."""
    return len(_HAN.findall(text))


def line_starts(text: str) -> list[int]:
    """List the offset at which each line starts; an empty text has one line."""
    if "\r" not in text:  # the common case, without a step of Python for each line
        return list(accumulate(map((1).__add__, map(len, text.split("\n")[:-1])), initial=0))
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of offsets."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of `span` by `new_text`."""

    span: Span
    new_text: str


@dataclass(frozen=True, slots=True)
class Document:
    """The text of one file or buffer at one version.

    Units: `version` is the client's; `path` is absolute, or None for an untitled buffer.
    """

    uri: str
    text: str
    version: int = 0
    language: str = ""
    path: str | None = None
    starts: list[int] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.starts:
            object.__setattr__(self, "starts", line_starts(self.text))

    @property
    def line_count(self) -> int:
        """The number of lines; a trailing line end opens one more, empty, line."""
        return len(self.starts)

    def line(self, number: int) -> str:
        """Return line `number` without its line end."""
        return self.text[self.starts[number] : self.line_end(number)]

    def line_end(self, number: int) -> int:
        """Return the offset just before the line end of line `number`."""
        if number + 1 >= len(self.starts):
            return len(self.text)
        end = self.starts[number + 1] - 1
        is_crlf = self.text[end] == "\n" and end > self.starts[number] and self.text[end - 1] == "\r"
        return end - 1 if is_crlf else end

    def line_of(self, offset: int) -> int:
        """Return the number of the line that holds `offset`."""
        return bisect_right(self.starts, offset) - 1

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place, clamped into the text as the LSP specification asks."""
        if line < 0:
            return 0
        if line >= len(self.starts):
            return len(self.text)
        return min(self.starts[line] + max(column, 0), self.line_end(line))

    @property
    def line_ending(self) -> str:
        """The line end of the first line, LF where there is none. Cost: none, however long that line is."""
        return self.text[self.line_end(0) : self.starts[1]] if len(self.starts) > 1 else "\n"

    def with_edit(self, edit: Edit, version: int) -> Document:
        """Return the document after one edit, re-using the line table of the untouched part.

        Cost: one copy of the text and of the line table; no scan of the unchanged text.
        """
        span = edit.span
        text = "".join((self.text[: span.start], edit.new_text, self.text[span.end :]))
        # A CR and a LF that meet at the seam become one line end, so rescan one line on each side.
        first = max(self.line_of(span.start) - 1, 0)
        last = min(self.line_of(span.end) + 1, len(self.starts) - 1)
        shift = len(edit.new_text) - (span.end - span.start)
        scan_start = self.starts[first]
        tail = self.starts[last + 1 :]
        scan_end = (tail[0] if tail else len(self.text)) + shift
        middle = [scan_start + start for start in line_starts(text[scan_start:scan_end])]
        if tail:
            middle.pop()  # the scanned piece ends with a line end; its successor is tail[0]
        starts = self.starts[:first] + middle + [start + shift for start in tail]
        return Document(self.uri, text, version, self.language, self.path, starts)


@dataclass(frozen=True, slots=True)
class Change:
    """What one message did to a document, made once where the text arrives.

    Shape: the span of each edit is in the text that the edits before it have left.
    """

    before: Document
    after: Document
    edits: tuple[Edit, ...]

    @property
    def edit(self) -> Edit:
        """The one edit of `before` that does the same as all of them."""
        if len(self.edits) == 1:
            return self.edits[0]
        # Outside of [start, end) the later text is as it was; it is longer by `grown`.
        start, end, grown = len(self.before.text), 0, 0
        for edit in self.edits:
            by = len(edit.new_text) - (edit.span.end - edit.span.start)
            start, end = min(start, edit.span.start), max(end, edit.span.end) + by
            grown += by
        if not self.edits:
            return Edit(Span(0, 0), "")
        return Edit(Span(start, end - grown), self.after.text[start:end])

    def move(self, span: Span) -> Span | None:
        """Return where a span of `before` is in `after`; None where an edit touches what it holds."""
        start, end = span.start, span.end
        for edit in self.edits:
            if edit.span.start >= end:
                continue
            if edit.span.end > start:
                return None
            by = len(edit.new_text) - (edit.span.end - edit.span.start)
            start, end = start + by, end + by
        return Span(start, end)

    def stretch(self, span: Span) -> Span | None:
        """Return the span of `after` in the place of a span of `before`; None where more has changed.

        Everything outside of the two is the same, so a text typed at a place is `stretch` of an empty span.
        Cost: comparisons of what is between the span and the edit. The same text may be typed in several
        places (one more bracket before a bracket), and a client may name any of them.
        """
        edit, old, new = self.edit, self.before.text, self.after.text
        by = len(new) - len(old)
        stretched = Span(span.start, span.end + by)
        start, end = min(edit.span.start, span.start), max(edit.span.end, span.end)
        is_same = old[start : span.start] == new[start : span.start]
        is_same = is_same and old[span.end : end] == new[stretched.end : end + by]
        return stretched if is_same and stretched.end >= span.start else None


def whole_text_change(before: Document, after: Document) -> Change:
    """Return the change between two texts, for clients that send the whole of it.

    Cost: comparisons of slices, which is microseconds for a file of any usual size.
    """
    old, new = before.text, after.text
    if old == new:
        return Change(before, after, ())
    n_max = min(len(old), len(new))
    start = _n_common(n_max, lambda low, high: old[low:high] == new[low:high])
    tail = _n_common(
        n_max - start,
        lambda low, high: old[len(old) - high : len(old) - low] == new[len(new) - high : len(new) - low],
    )
    return Change(before, after, (Edit(Span(start, len(old) - tail), new[start : len(new) - tail]),))


def _n_common(n_max: int, is_equal: Callable[[int, int], bool]) -> int:
    """Return how many characters agree, by halving: comparing two slices is one loop in C."""
    low, high = 0, n_max
    while low < high:
        middle = (low + high + 1) // 2
        if is_equal(low, middle):
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a document: everything before it is the prefix, everything after it the suffix."""

    document: Document
    offset: int

    @property
    def prefix(self) -> str:
        """The text before the cursor."""
        return self.document.text[: self.offset]

    @property
    def suffix(self) -> str:
        """The text after the cursor."""
        return self.document.text[self.offset :]

    @property
    def line_prefix(self) -> str:
        """The text between the start of the line and the cursor."""
        return self.document.text[self.document.starts[self.document.line_of(self.offset)] : self.offset]

    @property
    def line_suffix(self) -> str:
        """The text between the cursor and the end of the line."""
        return self.document.text[self.offset : self.document.line_end(self.document.line_of(self.offset))]


def normalize_line_ends(text: str) -> str:
    """Write every line end as LF, the only one the models have seen much of."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def decode(data: bytes) -> tuple[str, str]:
    """Decode the bytes of a source file; return the text and the name of the encoding.

    A byte order mark decides; else UTF-8, then GB18030 (Chinese Windows), then Latin-1, which
    never fails. The text keeps its line ends.
    Raises: ValueError when the bytes are not text (they hold NUL and no UTF-16 mark).
    """
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), encoding
    if b"\0" in data:
        raise ValueError("binary data")
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"
