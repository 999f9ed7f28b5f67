"""Syntax trees as values: parse a text within a time limit, parse it again after an edit.

A `Tree` never changes: an edit gives a new one, which shares what it can with the old. Inside this
package a place may be a byte (tree-sitter's unit); `Tree.offset` turns it into a code point, for nothing
where the text is ASCII. Any text parses, also one with NUL or lone surrogates in it.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import chain

import tree_sitter

from qwen_lsp.syntax.languages import Language, grammar
from qwen_lsp.text import Edit

# Runs of characters that take two, three and four bytes in UTF-8.
_ASCII = re.compile("[\x00-\x7f]+")
_END = re.compile("")
_WIDE = re.compile("[\x80-\u07ff]+|[\u0800-\uffff]+|[\U00010000-\U0010ffff]+")
# No grammar is slow on so little, and watching the clock costs a third of the parsing.
_SHORT_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Tree:
    """The syntax tree of one text.

    Shape: `data` is `text` in UTF-8, in which the nodes count. `bytes_at`, `offsets_at`, `widths` describe
    the runs of characters of equal width, in order; they are empty for ASCII.
    """

    text: str = field(repr=False)
    data: bytes = field(repr=False)
    language: Language
    syntax: tree_sitter.Tree = field(repr=False)
    bytes_at: list[int] = field(repr=False)
    offsets_at: list[int] = field(repr=False)
    widths: list[int] = field(repr=False)

    def offset(self, byte: int) -> int:
        """Return the code point that holds a byte."""
        if not self.widths:
            return byte
        run = bisect_right(self.bytes_at, byte) - 1
        return self.offsets_at[run] + (byte - self.bytes_at[run]) // self.widths[run]

    def byte(self, offset: int) -> int:
        """Return the first byte of a code point."""
        if not self.widths:
            return offset
        run = bisect_right(self.offsets_at, offset) - 1
        return self.bytes_at[run] + (offset - self.offsets_at[run]) * self.widths[run]


def parse(text: str, language: Language | None, *, deadline_ms: float | None = None) -> Tree | None:
    """Parse a text; None without a grammar.

    Units: `deadline_ms` is processor time of this thread, so a busy machine does not make a file slow.
    Raises: TimeoutError when the grammar is not done by then.
    """
    loaded = grammar(language) if language else None
    if loaded is None or language is None:
        return None
    text, data = _encode(text)
    return _tree(text, data, language, _run(loaded, data, None, deadline_ms))


def reparse(tree: Tree, edits: list[Edit], *, deadline_ms: float | None = None) -> Tree:
    """Apply edits, each to the text that the one before it left, and parse only what changed.

    Raises: TimeoutError as `parse` does.
    """
    syntax = tree.syntax.copy()
    text, data = tree.text, tree.data
    for edit in edits:
        start = len(text[: edit.span.start].encode())
        old_end = start + len(text[edit.span.start : edit.span.end].encode())
        new_text, new_data = _encode(edit.new_text)
        new_end = start + len(new_data)
        text = text[: edit.span.start] + new_text + text[edit.span.end :]
        edited = data[:start] + new_data + data[old_end:]
        syntax.edit(
            start, old_end, new_end, _point(data, start), _point(data, old_end), _point(edited, new_end)
        )
        data = edited
    return _tree(text, data, tree.language, _run(syntax.language, data, syntax, deadline_ms))


def _encode(text: str) -> tuple[str, bytes]:
    try:
        return text, text.encode()
    except UnicodeEncodeError:  # a lone surrogate: a question mark keeps every offset
        data = text.encode("utf-8", "replace")
        return data.decode(), data


def _run(
    loaded: tree_sitter.Language, data: bytes, old: tree_sitter.Tree | None, deadline_ms: float | None
) -> tree_sitter.Tree:
    # One parser a call: threads must not share one, and making it costs a microsecond.
    parser = tree_sitter.Parser(loaded)
    if deadline_ms is None or (deadline_ms > 0 and len(data) <= _SHORT_BYTES):
        return parser.parse(data, old) if old else parser.parse(data)
    end = time.thread_time() + deadline_ms / 1000
    view = memoryview(data)

    def read(byte: int, _: object) -> memoryview:
        return view[byte:]

    def is_late(*_: object) -> bool:
        return time.thread_time() > end

    try:
        if old:
            return parser.parse(read, old, progress_callback=is_late)
        return parser.parse(read, progress_callback=is_late)
    except ValueError:  # what the library raises for a parse that was stopped
        raise TimeoutError(f"not parsed after {deadline_ms:.0f} ms") from None


def _tree(text: str, data: bytes, language: Language, syntax: tree_sitter.Tree) -> Tree:
    bytes_at: list[int] = []
    offsets_at: list[int] = []
    widths: list[int] = []
    if len(text) != len(data):
        at = byte = 0
        # The quickest way past ASCII; what it leaves out are the runs of wide characters.
        for ascii_run in chain(_ASCII.finditer(text), _END.finditer(text, len(text))):
            for wide in _WIDE.finditer(text, at, ascii_run.start()):
                width = _width(text[wide.start()])
                bytes_at.append(byte)
                offsets_at.append(wide.start())
                widths.append(width)
                byte += (wide.end() - wide.start()) * width
            at = ascii_run.end()
            bytes_at.append(byte)
            offsets_at.append(ascii_run.start())
            widths.append(1)
            byte += at - ascii_run.start()
    return Tree(text, data, language, syntax, bytes_at, offsets_at, widths)


def _width(character: str) -> int:
    return 2 if character < "\u0800" else 3 if character < "\U00010000" else 4


def _point(data: bytes, byte: int) -> tuple[int, int]:
    return data.count(b"\n", 0, byte), byte - (data.rfind(b"\n", 0, byte) + 1)
