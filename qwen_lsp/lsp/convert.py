"""Between the LSP's values and ours: positions in the negotiated encoding, edits, file paths.

The only place that knows position encodings (invariant 1). A position past the end of a line or of
the text is clamped, as the specification asks; one inside a character falls back to its start.
Source: LSP 3.18, Position and PositionEncodingKind.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from qwen_lsp.text import Change, Document, Edit, Span, whole_text_change

Encoding = types.PositionEncodingKind

_HALF_CHAR = re.compile("[\ud800-\udfff]")


def column_to_chars(line: str, column: int, encoding: Encoding | str) -> int:
    """Turn a column in encoding units into a number of code points. Cost: linear in the column."""
    if encoding == Encoding.Utf32 or line.isascii():
        return min(column, len(line))
    # No character is shorter than one unit; a decoder drops the character that the column runs through.
    head = line[: max(column, 0)]
    if encoding == Encoding.Utf8:
        return len(head.encode("utf-8", "replace")[: max(column, 0)].decode("utf-8", "ignore"))
    return len(head.encode("utf-16-le", "replace")[: 2 * max(column, 0)].decode("utf-16-le", "ignore"))


def chars_to_column(line: str, chars: int, encoding: Encoding | str) -> int:
    """Turn a number of code points into a column in encoding units. Cost: linear in their number."""
    head = line[:chars]
    if encoding == Encoding.Utf32 or head.isascii():
        return len(head)
    if encoding == Encoding.Utf8:
        return len(head.encode("utf-8", "surrogatepass"))
    return len(head.encode("utf-16-le", "surrogatepass")) // 2


def offset(document: Document, position: types.Position, encoding: Encoding | str) -> int:
    """Turn a position into an offset, clamped into the text."""
    if position.line >= document.line_count:
        return len(document.text)
    line = document.line(position.line)
    return document.offset(position.line, column_to_chars(line, position.character, encoding))


def position(document: Document, at: int, encoding: Encoding | str) -> types.Position:
    """Turn an offset into a position."""
    line = document.line_of(at)
    return types.Position(line, chars_to_column(document.line(line), at - document.starts[line], encoding))


def span(document: Document, range_: types.Range, encoding: Encoding | str) -> Span:
    """Turn a range into a span; a range that runs backwards is turned round."""
    start = offset(document, range_.start, encoding)
    end = offset(document, range_.end, encoding)
    return Span(min(start, end), max(start, end))


def lsp_range(document: Document, span_: Span, encoding: Encoding | str) -> types.Range:
    """Turn a span into a range."""
    return types.Range(position(document, span_.start, encoding), position(document, span_.end, encoding))


def changed(
    document: Document,
    events: Sequence[types.TextDocumentContentChangeEvent],
    version: int,
    encoding: Encoding | str,
) -> Change:
    """Apply the events of one didChange notification in their order; each is a range or the whole text."""
    after, edits = document, list[Edit]()
    for event in events:
        new_text = whole_chars(event.text)
        if isinstance(event, types.TextDocumentContentChangePartial):
            edit = Edit(span(after, event.range, encoding), new_text)
            after = after.with_edit(edit, version)
            edits.append(edit)
        else:
            whole = Document(document.uri, new_text, version, document.language, document.path)
            edits += whole_text_change(after, whole).edits
            after = whole
    return Change(document, after if events else replace(document, version=version), tuple(edits))


def whole_chars(text: str) -> str:
    """Replace halves of characters, which editors that count in UTF-16 may send and nothing can encode.

    The replacement is as wide as the half in every encoding, so positions stay right.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return _HALF_CHAR.sub("\ufffd", text)
    return text


def document_uri(params: Any) -> str:
    """Return the URI of `textDocument` in parameters that are not of the standard.

    Raises: JsonRpcInvalidParams, when there is none.
    """
    uri = getattr(getattr(params, "textDocument", None), "uri", None)
    if not isinstance(uri, str):
        raise JsonRpcInvalidParams("`textDocument.uri` is missing")
    return uri


def place(params: Any) -> types.Position:
    """Return `position` in parameters that are not of the standard. Raises: JsonRpcInvalidParams."""
    at = getattr(params, "position", None)
    line, character = getattr(at, "line", None), getattr(at, "character", None)
    try:
        return types.Position(line, character)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise JsonRpcInvalidParams("`position` is missing") from error


def path_of(uri: str) -> str | None:
    """Return the absolute path that a file URI names; None for untitled and other documents."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    path = unquote(parts.path)
    if os.name == "nt":
        drive_path = path[1:] if len(path) > 2 and path[2] == ":" else path
        return str(PureWindowsPath(f"//{parts.netloc}{drive_path}" if parts.netloc else drive_path))
    return path


def uri_of(path: PurePath) -> str:
    """Return the file URI of an absolute path."""
    return path.as_uri()


def folder_paths(folders: Iterable[types.WorkspaceFolder]) -> list[str]:
    """Return the paths of the folders that are on this machine."""
    return [path for folder in folders if (path := path_of(folder.uri))]
