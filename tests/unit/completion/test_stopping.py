"""Where an answer ends. The same text must end in the same place however it is cut into chunks."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qwen_lsp.completion import stopping
from qwen_lsp.completion.stopping import Cut, Mode
from tests.support.places import cursor

answers = st.lists(
    st.sampled_from(
        ["return x", "\n", "    ", "if a:", "}", ")", "```", "# note", "x = 1", "\n\n", "def f():", " "]
    ),
    max_size=20,
).map("".join)
PLACES = [
    "def f(x):\n    ║\n",
    "def f(x):\n    ║\n    return x\n",
    "if (x) {║\n}\n",
    "x = [║]\n",
    "║",
    "class A:\n    def f(self):\n        a = 1\n        ║\n\n    def g(self):\n        pass\n",
]


def cut(marked: str, answer: str) -> tuple[Mode, Cut]:
    around = stopping.surroundings(cursor(marked))
    mode = stopping.mode(around)
    return mode, stopping.cut(answer, mode, around)


@pytest.mark.parametrize(
    ("marked", "mode"),
    [
        ("def f(x):\n    ║\n", "block"),
        ("x = [║]\n", "pair"),
        ("x = [║] + y\n", "line"),
        ("x = ║  # price\n", "line"),
        ("def f(x):\n    return ║x\n", "line"),
        ("def f(x):║\n", "block"),
        ("if (x) {║\n}\n", "block"),
        ("║", "block"),
        ("x = ║   \n", "block"),
    ],
)
def test_one_line_where_text_follows(marked: str, mode: Mode) -> None:
    assert stopping.mode(stopping.surroundings(cursor(marked))) == mode


@pytest.mark.parametrize(
    ("marked", "answer", "text"),
    [
        ("x = [║]\n", "1, 2\nmore", "1, 2"),
        ("def f(x):\n    ║\n", "return x\n\n\ndef g(y):\n    return y\n", "return x"),
        (
            "def f(x):\n    ║\n",
            "if x:\n        return 1\n    return 2\nprint(f(1))\n",
            "if x:\n        return 1\n    return 2",
        ),
        ("def f(x):\n    ║\n\nprint(1)\n", "return x\nprint(1)\n", "return x"),
        ("def f(x):\n    ║\n", "return x\n```\nThis function", "return x"),
        ("function f() {║\n", "\n  return 1;\n}\nf();\n", "\n  return 1;\n}"),
        ("function f() {║\n}\n", "\n  return 1;\n}\n", "\n  return 1;"),
    ],
)
def test_where_it_ends(marked: str, answer: str, text: str) -> None:
    _, ended = cut(marked, answer)
    assert ended.text == text
    assert ended.reason


def test_a_loop_ends() -> None:
    _, ended = cut("def f(x):\n    ║\n", "step(x)\n" + "    again(x)\n" * 20)
    assert ended.reason == "loop"
    assert ended.text.count("again") <= 2


@given(st.sampled_from(PLACES), answers)
def test_an_answer_is_only_ever_shortened(marked: str, answer: str) -> None:
    mode, ended = cut(marked, answer)
    assert answer.startswith(ended.text)
    if ended.reason is None:
        assert ended.text == answer
    if mode == "line":
        assert "\n" not in ended.text
    if mode == "pair" and not answer.startswith("\n"):
        assert "\n" not in ended.text.lstrip()


@given(st.sampled_from(PLACES), answers, answers)
def test_what_has_ended_stays_ended(marked: str, answer: str, more: str) -> None:
    """The stream is left at the first end, so text that comes later cannot matter."""
    # More text may close a quote, and then what stands between is a string.
    assume(all(answer.count(quote) % 2 == 0 for quote in "\"'`"))
    _, ended = cut(marked, answer)
    if ended.reason is not None:
        _, later = cut(marked, answer + more)
        assert later.reason is not None
        assert later.text.startswith(ended.text) or ended.text.startswith(later.text)


@pytest.mark.parametrize(
    ("text", "whole"), [("return val", "return"), ("return value(", "return value("), ("", ""), ("价格", "")]
)
def test_the_last_word_of_an_unfinished_answer_may_not_be_whole(text: str, whole: str) -> None:
    assert stopping.whole_words(text) == whole


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ('"red", "green", "blue", "black", "white", "grey", "pink", "navy", "te', '"red", "green", "blue"'),
        (
            """lint --max=9 --not="a/*" --not="b/*" --not="c/*" --not="d" --not="e" --not="f" --not="g" --""",
            """lint --max=9 --not="a/*" --not="b/*" --not="c/*\"""",
        ),
        ("'一', '二', '三', '四', '五', '六', '七', '八', ", "'一', '二', '三'"),
        ('"one", "two", "three", "four", fi', '"one", "two", "three", "four",'),
        ("1, 2, 3, 4, 5, 6, 7, 8, 9, 1", "1, 2, 3, 4, 5, 6, 7, 8, 9,"),
    ],
)
def test_a_list_of_strings_that_only_the_limit_ended_shows_its_first_ones(answer: str, kept: str) -> None:
    place = stopping.surroundings(cursor("names = [║]\n"))
    assert stopping.finish(answer, "line", place, hit_limit=True) == kept
    assert stopping.finish(answer, "line", place, hit_limit=False) == answer, "one that ended itself is whole"
