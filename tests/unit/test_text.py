"""Lines end at LF, CRLF and CR only; an edited document is the document that its text would make."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.text import (
    Change,
    Cursor,
    Document,
    Edit,
    Span,
    decode,
    line_starts,
    normalize_line_ends,
    whole_text_change,
)

# Characters that have moved columns and lines in one editor or another.
ALPHABET = [
    "a",
    "b",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\f",
    "\v",
    "\x85",
    "\u2028",
    "é",
    "e\u0301",
    "中",
    "👩‍💻",
    "\x1c",
]
texts = st.lists(st.sampled_from(ALPHABET), max_size=30).map("".join)


def document(text: str) -> Document:
    return Document("file:///a.py", text, 1, "python", "/a.py")


def naive_lines(text: str) -> list[str]:
    """What an editor that knows the specification shows as lines."""
    return re.split(r"\r\n|\n|\r", text)


@given(texts)
def test_lines_are_those_of_the_specification(text: str) -> None:
    value = document(text)
    lines = naive_lines(text)
    assert value.line_count == len(lines)
    assert [value.line(number) for number in range(value.line_count)] == lines


def changed(before: Document, data: st.DataObject) -> Change:
    """Draw a few edits, each of the text that the ones before it left."""
    after, edits = before, []
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, len(after.text)))
        edit = Edit(Span(start, data.draw(st.integers(start, len(after.text)))), data.draw(texts))
        after = after.with_edit(edit, 2)
        edits.append(edit)
    return Change(before, after, tuple(edits))


@given(texts, st.data())
def test_one_edit_does_what_all_edits_of_a_change_do(text: str, data: st.DataObject) -> None:
    change = changed(document(text), data)
    assert change.before.with_edit(change.edit, 2).text == change.after.text


@given(texts, st.data())
def test_a_span_that_no_edit_touches_holds_the_same_text_after_a_change(
    text: str, data: st.DataObject
) -> None:
    change = changed(document(text), data)
    start = data.draw(st.integers(0, len(text)))
    span = Span(start, data.draw(st.integers(start, len(text))))
    moved = change.move(span)
    if moved is not None:
        assert change.after.text[moved.start : moved.end] == text[span.start : span.end]
    elif span.start < span.end:
        assert change.edits


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Edit(Span(0, 0), "xy"), Span(4, 7)),  # before
        (Edit(Span(2, 2), "xy"), Span(4, 7)),  # at its start
        (Edit(Span(5, 5), "xy"), Span(2, 5)),  # at its end
        (Edit(Span(7, 8), ""), Span(2, 5)),  # after
        (Edit(Span(3, 3), "x"), None),  # inside
        (Edit(Span(0, 3), ""), None),  # over its start
        (Edit(Span(4, 8), ""), None),  # over its end
    ],
)
def test_how_a_span_follows_an_edit(edit: Edit, expected: Span | None) -> None:
    before = document("0123456789")
    assert Change(before, before.with_edit(edit, 2), (edit,)).move(Span(2, 5)) == expected


@given(texts, texts)
def test_a_change_of_the_whole_text_is_one_edit(old: str, new: str) -> None:
    change = whole_text_change(document(old), document(new))
    assert change.before.with_edit(change.edit, 2).text == new
    assert len(change.edits) == int(old != new)


@given(texts, st.data())
def test_an_edited_document_equals_a_fresh_one(text: str, data: st.DataObject) -> None:
    value = document(text)
    for version in range(2, 5):
        start = data.draw(st.integers(0, len(value.text)))
        end = data.draw(st.integers(start, len(value.text)))
        new_text = data.draw(texts)
        expected = value.text[:start] + new_text + value.text[end:]
        value = value.with_edit(Edit(Span(start, end), new_text), version)
        assert value.text == expected
        assert value.starts == line_starts(expected)
        assert (value.version, value.uri, value.language, value.path) == (
            version,
            "file:///a.py",
            "python",
            "/a.py",
        )


@pytest.mark.parametrize(
    ("text", "start", "end", "new_text"),
    [
        ("a\rb", 2, 2, "\n"),  # a CR and a LF meet
        ("a\r\nb", 2, 2, "x"),  # and are parted
        ("a\r\nb", 1, 2, ""),
        ("a\r\nb", 2, 3, ""),
        ("a\rx\nb", 2, 3, ""),
        ("\r\n\r\n", 1, 3, ""),
        ("", 0, 0, "\r"),
        ("a\n", 2, 2, "b"),
        ("a\nb\nc", 0, 5, ""),
    ],
)
def test_seams(text: str, start: int, end: int, new_text: str) -> None:
    edited = document(text).with_edit(Edit(Span(start, end), new_text), 2)
    assert edited.starts == line_starts(text[:start] + new_text + text[end:])


@given(texts, st.data())
def test_every_offset_lies_on_its_line(text: str, data: st.DataObject) -> None:
    value = document(text)
    offset = data.draw(st.integers(0, len(text)))
    line = value.line_of(offset)
    assert value.starts[line] <= offset
    assert line + 1 == value.line_count or offset < value.starts[line + 1]


@given(texts, st.integers(-2, 40), st.integers(-2, 40))
def test_places_outside_the_text_are_clamped(text: str, line: int, column: int) -> None:
    value = document(text)
    offset = value.offset(line, column)
    assert 0 <= offset <= len(text)
    if 0 <= line < value.line_count:
        assert value.line_of(offset) == line
        assert offset - value.starts[line] == min(max(column, 0), len(value.line(line)))
    else:
        assert offset == (0 if line < 0 else len(text))


@given(texts, st.data())
def test_a_cursor_cuts_the_text_in_two(text: str, data: st.DataObject) -> None:
    value = document(text)
    line = data.draw(st.integers(0, value.line_count - 1))
    column = data.draw(st.integers(0, len(value.line(line))))
    cursor = Cursor(value, value.offset(line, column))
    assert cursor.prefix + cursor.suffix == text
    assert cursor.line_prefix + cursor.line_suffix == value.line(line)
    assert cursor.prefix.endswith(cursor.line_prefix)
    assert cursor.suffix.startswith(cursor.line_suffix)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", "\n"), ("a", "\n"), ("a\nb\r\n", "\n"), ("a\r\nb\n", "\r\n"), ("a\rb", "\r"), ("\f\r\n", "\r\n")],
)
def test_the_line_end_of_a_document_is_its_first(text: str, expected: str) -> None:
    assert document(text).line_ending == expected


@given(texts)
def test_normalized_text_has_the_same_lines_and_only_lf(text: str) -> None:
    normal = normalize_line_ends(text)
    assert "\r" not in normal
    assert normal.split("\n") == naive_lines(text)


CODE = "价格 = 总价 / 数量  # 单价\r\n"


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"", "", "utf-8"),
        (b"a\r\nb\rc\f\n", "a\r\nb\rc\f\n", "utf-8"),
        (CODE.encode(), CODE, "utf-8"),
        (CODE.encode("gb18030"), CODE, "gb18030"),
        (CODE.encode("utf-8-sig"), CODE, "utf-8-sig"),
        (b"\xff\xfe" + CODE.encode("utf-16-le"), CODE, "utf-16"),
        (b"\xfe\xff" + CODE.encode("utf-16-be"), CODE, "utf-16"),
        ("名 = '👩‍💻'".encode("gb18030"), "名 = '👩‍💻'", "gb18030"),
        (b"caf\xe9", "café", "latin-1"),
        (b"# \xff", "# ÿ", "latin-1"),
    ],
)
def test_decode(data: bytes, text: str, encoding: str) -> None:
    assert decode(data) == (text, encoding)


@pytest.mark.parametrize("data", [b"\0", b"\x7fELF\x02\x01\x01\0\0", b"GGUF\x03\0\0\0", b"text\0"])
def test_bytes_that_are_not_text(data: bytes) -> None:
    with pytest.raises(ValueError, match="binary"):
        decode(data)


@given(st.binary())
def test_any_other_bytes_are_some_text(data: bytes) -> None:
    try:
        text, _ = decode(data)
    except ValueError:
        assert b"\0" in data
    else:
        assert isinstance(text, str)


@given(texts, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))
def test_what_was_encoded_is_decoded(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    if encoding == "gb18030" and _is_utf8(data):
        return  # then it is rightly read as UTF-8
    assert decode(data)[0] == text


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
