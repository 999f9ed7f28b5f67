"""Positions in three encodings, against the codecs of Python; file URIs as editors write them."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from qwen_lsp.lsp import convert
from qwen_lsp.text import Document, Span

Kind = types.PositionEncodingKind
ENCODINGS = [Kind.Utf8, Kind.Utf16, Kind.Utf32]
CODECS = {Kind.Utf8: ("utf-8", 1), Kind.Utf16: ("utf-16-le", 2), Kind.Utf32: ("utf-32-le", 4)}
encodings = st.sampled_from(ENCODINGS)
# From one to four bytes in UTF-8, one or two units in UTF-16, with joiners and combining marks.
texts = st.lists(
    st.sampled_from(["a", " ", "\t", "é", "e\u0301", "中", "文", "😀", "👩‍💻", "\n", "\r\n", "\f", "\u2028"]),
    max_size=20,
).map("".join)


def document(text: str) -> Document:
    return Document("file:///a.py", text, 1)


def width(text: str, encoding: Kind) -> int:
    codec, unit = CODECS[encoding]
    return len(text.encode(codec)) // unit


@pytest.mark.parametrize(
    ("line", "chars", "columns"),
    [
        ("", 0, (0, 0, 0)),
        ("abc", 2, (2, 2, 2)),
        ("é = 1", 1, (2, 1, 1)),
        ("中文 = 1", 2, (6, 2, 2)),
        ("😀x", 1, (4, 2, 1)),
        ("x😀", 2, (5, 3, 2)),
        ("e\u0301x", 2, (3, 2, 2)),
        ("👩‍💻", 3, (11, 5, 3)),
        ("a\tb", 2, (2, 2, 2)),
    ],
)
def test_columns(line: str, chars: int, columns: tuple[int, int, int]) -> None:
    for encoding, column in zip(ENCODINGS, columns, strict=True):
        assert convert.chars_to_column(line, chars, encoding) == column
        assert convert.column_to_chars(line, column, encoding) == chars
        assert convert.column_to_chars(line, column, encoding.value) == chars


@given(texts, encodings, st.data())
def test_offsets_and_positions_are_inverse(text: str, encoding: Kind, data: st.DataObject) -> None:
    value = document(text)
    line = data.draw(st.integers(0, value.line_count - 1))
    column = data.draw(st.integers(0, len(value.line(line))))
    offset = value.offset(line, column)
    position = convert.position(value, offset, encoding)
    assert position == types.Position(line, width(value.line(line)[:column], encoding))
    assert convert.offset(value, position, encoding) == offset


@given(texts, encodings, st.integers(0, 30), st.integers(0, 90))
def test_a_position_outside_is_clamped(text: str, encoding: Kind, line: int, character: int) -> None:
    value = document(text)
    offset = convert.offset(value, types.Position(line, character), encoding)
    if line >= value.line_count:
        assert offset == len(text)
        return
    before = text[value.starts[line] : offset]
    assert value.line(line).startswith(before)
    assert width(before, encoding) <= character
    if offset < value.line_end(line):  # then the next character would have passed the position
        assert width(before + text[offset], encoding) > character


@pytest.mark.parametrize(
    ("encoding", "character"), [(Kind.Utf8, 1), (Kind.Utf8, 2), (Kind.Utf8, 3), (Kind.Utf16, 1)]
)
def test_a_position_inside_a_character_falls_back_to_its_start(encoding: Kind, character: int) -> None:
    value = document("😀x")
    assert convert.offset(value, types.Position(0, character), encoding) == 0


def test_a_range_that_runs_backwards_is_turned_round() -> None:
    value = document("one\ntwo\n")
    backwards = types.Range(types.Position(1, 2), types.Position(0, 1))
    assert convert.span(value, backwards, Kind.Utf16) == Span(1, 6)


@given(texts, encodings, st.data())
def test_spans_and_ranges_are_inverse(text: str, encoding: Kind, data: st.DataObject) -> None:
    value = document(text)
    offsets = [
        value.offset(line, column)
        for line in range(value.line_count)
        for column in range(len(value.line(line)) + 1)
    ]
    start, end = sorted(data.draw(st.lists(st.sampled_from(offsets), min_size=2, max_size=2)))
    assert convert.span(value, convert.lsp_range(value, Span(start, end), encoding), encoding) == Span(
        start, end
    )


def change(start: tuple[int, int], end: tuple[int, int], text: str) -> types.TextDocumentContentChangePartial:
    return types.TextDocumentContentChangePartial(
        range=types.Range(types.Position(*start), types.Position(*end)), text=text
    )


def test_changes_are_applied_in_the_encoding_of_the_session() -> None:
    value = document("x = '😀'  # 中\n")
    edited = convert.changed(value, [change((0, 7), (0, 7), "!")], 2, Kind.Utf16).after
    assert edited.text == "x = '😀!'  # 中\n"
    assert edited.version == 2
    edited = convert.changed(value, [change((0, 9), (0, 9), "!")], 2, Kind.Utf8).after
    assert edited.text == "x = '😀!'  # 中\n"
    edited = convert.changed(value, [change((0, 6), (0, 6), "!")], 2, Kind.Utf32).after
    assert edited.text == "x = '😀!'  # 中\n"


def test_a_change_past_the_end_lands_at_the_end() -> None:
    made = convert.changed(document("a\nb"), [change((9, 9), (10, 0), "\nc")], 2, Kind.Utf16)
    assert made.after.text == "a\nb\nc"


def test_a_change_of_the_whole_text() -> None:
    value = Document("file:///a.py", "old", 1, "python", "/a.py")
    whole = types.TextDocumentContentChangeWholeDocument(text="neu\r\n")
    made = convert.changed(value, [whole], 2, Kind.Utf16)
    assert made.after == Document("file:///a.py", "neu\r\n", 2, "python", "/a.py")


def test_the_edits_of_a_change_lead_from_one_text_to_the_other() -> None:
    value = Document("file:///a.py", "a\nb\nc\n", 1)
    whole = types.TextDocumentContentChangeWholeDocument(text="a\nbb\nc\nd\n")
    made = convert.changed(
        value, [change((1, 0), (1, 0), "b"), change((0, 0), (1, 0), ""), whole], 2, Kind.Utf16
    )
    text = value
    for edit in made.edits:
        text = text.with_edit(edit, 2)
    assert text.text == made.after.text == whole.text
    assert (made.before, made.after.version) == (value, 2)


def test_a_change_without_events_still_has_its_version() -> None:
    made = convert.changed(document("a"), [], 7, Kind.Utf16)
    assert (made.after.text, made.after.version, made.edits) == ("a", 7, ())


def test_halves_of_characters_are_replaced_by_something_as_wide() -> None:
    value = document("ab")
    for half in ("\ud83d", "\ude00"):  # as some editors send an emoji
        place = (0, value.text.index("b"))
        value = convert.changed(value, [change(place, place, half)], 2, Kind.Utf16).after
    assert value.text == "a\ufffd\ufffdb"
    for encoding in ENCODINGS:
        assert convert.chars_to_column("\ufffd", 1, encoding) == convert.chars_to_column(
            "\ud83d", 1, encoding
        )
    whole = types.TextDocumentContentChangeWholeDocument(text="a\ud83db😀")
    assert convert.changed(value, [whole], 3, Kind.Utf16).after.text == "a\ufffdb😀"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///home/me/a.py", "/home/me/a.py"),
        ("file:///home/me/with%20space/a.py", "/home/me/with space/a.py"),
        ("file:///%E4%BB%B7%E6%A0%BC/%E5%8D%95.py", "/价格/单.py"),
        ("file:///价格/单.py", "/价格/单.py"),
        ("file:///a%23b%3Fc.py", "/a#b?c.py"),
        ("file:///100%25.py", "/100%.py"),
        ("untitled:Untitled-1", None),
        ("vscode-notebook-cell:/a.ipynb#X", None),
        ("git:/a.py?ref", None),
        ("", None),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="paths of the other systems")
def test_paths_of_uris(uri: str, path: str | None) -> None:
    assert convert.path_of(uri) == path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///C:/code/a.py", "C:\\code\\a.py"),
        ("file:///c%3A/code/a%20b.py", "c:\\code\\a b.py"),  # as VS Code writes it
        ("file:///D:/%E4%BB%B7.py", "D:\\价.py"),
        ("file://server/share/a.py", "\\\\server\\share\\a.py"),
        ("untitled:Untitled-1", None),
    ],
)
def test_paths_of_uris_on_windows(monkeypatch: pytest.MonkeyPatch, uri: str, path: str | None) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "name", "nt")
        found = convert.path_of(uri)
    assert found == path


@pytest.mark.parametrize(
    "path",
    [
        PurePosixPath("/home/me/价 格#1%.py"),
        PureWindowsPath("C:\\code\\价 格.py"),
        PurePosixPath("/a?b/c.py"),
    ],
)
def test_uris_of_paths(path: PurePosixPath | PureWindowsPath) -> None:
    assert convert.uri_of(path) == path.as_uri()


@pytest.mark.skipif(os.name == "nt", reason="paths of the other systems")
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_paths_survive_the_way_there_and_back(name: str) -> None:
    path = Path("/folder") / name.replace("/", "_")
    assert convert.path_of(convert.uri_of(path)) == str(path)
