"""From the model's text to edits: only what changes changes, to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.actions import layout
from qwen_lsp.actions.task import apply
from qwen_lsp.text import Document, Span, normalize_line_ends

LINES = st.lists(
    st.sampled_from(["", "a = 1", "\tb", "  价格 = 2  ", "# 😀", "c\u2028d", "e\x0cf", "a = 1 "]), max_size=8
).map(lambda lines: [*lines, "last"])
ENDINGS = st.sampled_from(["\n", "\r\n", "\r"])


def edited(text: str, span: Span, new: str) -> str:
    return apply(text, layout.edits(Document("u", text), span, new))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_only_the_changed_line_changes(ending: str) -> None:
    text = ending.join(["价格 = 1  ", "\tb = '😀'", "c", ""])
    end = text.index("c") + 1
    (edit,) = layout.edits(Document("u", text), Span(0, end), "价格 = 1\n\tb = '🐍'\nc")
    assert text[edit.span.start : edit.span.end] == "😀"
    assert edit.new_text == "🐍"


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["a", "b", "c"], ["a", "c"]),
        (["a", "b", "c"], ["b", "c"]),
        (["a", "b", "c"], ["a", "b"]),
        (["a"], ["a", "b"]),
        (["a", "b"], ["x", "a", "b"]),
        (["a", "b"], ["a", "x", "b"]),
        (["a", "", "b"], ["a", "b"]),
        (["a", "b"], ["x", "y", "z"]),
        (["a", "b"], ["b", "a"]),
    ],
)
def test_lines_come_and_go(old: list[str], new: list[str], ending: str) -> None:
    before, after = f"head{ending}", f"{ending}tail"
    text = before + ending.join(old) + after
    span = Span(len(before), len(text) - len(after))
    assert edited(text, span, "\n".join(new)) == before + ending.join(new) + after
    if len(old) > 1:  # a single line does not tell how lines end
        assert edited(ending.join(old), Span(0, len(ending.join(old))), "\n".join(new)) == ending.join(new)


@given(LINES, LINES, ENDINGS)
def test_the_text_is_what_was_asked_for(old: list[str], new: list[str], ending: str) -> None:
    before, after = f"head{ending}", f"{ending}tail"
    text = before + ending.join(old) + after
    result = edited(text, Span(len(before), len(text) - len(after)), "\n".join(new))
    assert result.startswith(before)
    assert result.endswith(after)
    inside = normalize_line_ends(result[len(before) : len(result) - len(after)])
    assert [line.rstrip() for line in inside.split("\n")] == [
        line.rstrip() for line in ("\n".join(new)).split("\n")
    ]
    if ending == "\r\n":
        assert "\r\r" not in result
        assert result.count("\r") == result.count("\n")


@given(LINES, ENDINGS)
def test_what_says_the_same_is_no_edit(lines: list[str], ending: str) -> None:
    text = ending.join(lines)
    assert (
        layout.edits(Document("u", text), Span(0, len(text)), "\n".join(line.rstrip() for line in lines))
        == ()
    )


@pytest.mark.parametrize(
    ("answer", "indent", "unit", "expected"),
    [
        ("def f():\n    pass", "", "    ", "def f():\n    pass"),
        ("def f():\n    pass", "\t", "\t", "\tdef f():\n\t\tpass"),
        ("        def f():\n            pass\n", "  ", "    ", "  def f():\n      pass"),
        ("\n\nif a:\n\tb\n\n", "    ", "    ", "    if a:\n        b"),
        ("if a:\r\n  b\r\n\r\nc", "\t", "\t", "\tif a:\n\t\tb\n\n\tc"),
    ],
)
def test_indentation(answer: str, indent: str, unit: str, expected: str) -> None:
    assert layout.indented(answer, indent, unit) == expected


@pytest.mark.parametrize(
    ("text", "unit"),
    [("", "    "), ("a\n  b\n    c\n", "  "), ("a {\n\tb\n}", "\t"), ("a\n    b\n        c\n  d", "    ")],
)
def test_the_unit_of_a_file(text: str, unit: str) -> None:
    assert layout.indent_unit(text) == unit


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("if(a==b){\n  c();\n}", "if (a == b) {\n  c();\n  d();\n}", "if(a==b){\n  c();\n  d();\n}"),
        ("f(a, 'b c')", "f(a, 'bc')", "f(a, 'bc')"),  # another text
        ("returna", "return a", "return a"),  # another word
        ("if a:\n  b()", "if a:\n    b()", "if a:\n    b()"),  # another place
        ("a=1", "a = 2", "a = 2"),
    ],
)
def test_lines_that_say_the_same_keep_their_spaces(old: str, new: str, kept: str) -> None:
    assert layout.with_old_spacing(old, new) == kept
