"""The replayed user: rhythm, judgement, and what each kind of user accepts."""

from __future__ import annotations

import random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.bench.replay.typist import (
    LEAD_MS,
    TimedEdit,
    User,
    accepted,
    is_right,
    judged,
    rhythm,
    skip,
    typed,
    upcoming,
)


def keys(text: str, at: int = 0) -> tuple[TimedEdit, ...]:
    return typed(text, at, 180, random.Random(7))


def test_one_edit_a_key_and_the_newline_brings_its_indentation() -> None:
    assert [edit.text for edit in keys("a:\n    b\r\n\t\tc\n\n  d")] == [
        *("a", ":", "\n    ", "b", "\r\n\t\t", "c", "\n", "\n  ", "d")
    ]


def test_each_edit_starts_where_the_one_before_ended() -> None:
    assert [(edit.start, edit.end) for edit in keys("a\n  b学", at=5)] == [(5, 5), (6, 6), (9, 9), (10, 10)]


def test_the_same_seed_gives_the_same_times() -> None:
    assert keys("def f(x):") == keys("def f(x):")
    assert keys("def f(x):") != typed("def f(x):", 0, 180, random.Random(8))


def test_the_first_key_comes_after_a_look_and_no_key_before_another() -> None:
    times = [edit.at_ms for edit in keys("def f(x):\n    return x")]
    assert times[0] == LEAD_MS
    assert times == sorted(times)


def test_the_rhythm_is_the_asked_one_and_slower_at_words_and_lines() -> None:
    def gap(before: str, key: str) -> float:
        rng = random.Random(7)
        return mean(rhythm([before, key], 200, rng)[1] - LEAD_MS for _ in range(2000))

    assert gap("a", "b") == pytest.approx(200, rel=0.05)
    assert gap("a", "b") < gap(" ", "b") < gap("a", "\n") < gap("\n    ", "b")
    assert gap("_", "b") == pytest.approx(200, rel=0.05)


def test_no_keys_have_no_rhythm() -> None:
    assert rhythm([], 180, random.Random(7)) == []


def test_upcoming_ends_where_the_user_moves_or_deletes() -> None:
    edits = keys("abc", at=3)
    assert upcoming(edits, 3) == "abc"
    assert upcoming(edits, 2) == ""
    assert upcoming((), 3) == ""
    assert upcoming((*edits, TimedEdit(9000, 5, 6, ""), TimedEdit(9001, 5, 5, "x")), 3) == "abc"
    assert upcoming((*edits, TimedEdit(9000, 0, 0, "x")), 3) == "abc"


@given(st.text("ab \n", max_size=30), st.integers(0, 30))
def test_skipping_leaves_exactly_the_rest(text: str, chars: int) -> None:
    edits = keys(text, at=2)
    chars = min(chars, len(text))
    rest, n_keys = skip(edits, chars)
    assert upcoming(rest, 2 + chars) == text[chars:]
    assert sum(len(edit.text) for edit in edits[:n_keys]) <= chars
    assert len(edits) - n_keys == len(rest)


def test_a_newline_that_is_skipped_in_part_is_still_a_key() -> None:
    rest, n_keys = skip(keys("a\n    b"), 2)
    assert ([edit.text for edit in rest], n_keys) == (["    ", "b"], 1)


def test_what_is_judged_ends_with_the_first_line_that_says_something() -> None:
    assert judged("a + b\n    c") == "a + b"
    assert judged("\n\n    return a\n    b") == "\n\n    return a"
    assert judged("  \n") == "  \n"


@pytest.mark.parametrize(
    ("shown", "replaced", "following", "expected"),
    [
        ("x + 1", "", "x + 1\nnext", True),
        ("x + 1\n    wrong", "", "x + 1\nnext", True),
        ("x + 2", "", "x + 1\nnext", False),
        ("x + 1 + 2", "", "x + 1", False),  # goes on where the user's text ends
        ("x)", "", "x", False),  # the closing bracket is there already
        ("x)", ")", "x", True),  # and is replaced
        ("\n    return x", "", "\n    return x", True),
        ("\n    y", "", "\n    return x", False),
        ("   ", "", "   x", False),
        ("求和(甲", "", "求和(甲, 乙)", True),
    ],
)
def test_right_is_what_agrees_to_its_full_length(
    shown: str, replaced: str, following: str, expected: bool
) -> None:
    assert is_right(shown, replaced, following) is expected


CASES: list[tuple[User, str, str, str]] = [
    # user, what is shown, what comes next, what is accepted
    ("whole", "x + 1", "x + 1\ny", "x + 1"),
    ("whole", "x + 1\ny = 2", "x + 1\ny = 2", "x + 1\ny = 2"),
    ("whole", "x + 1\ny = 3", "x + 1\ny = 2", "x + 1"),
    ("whole", "x + 2", "x + 1", ""),
    ("whole", "item", "items", ""),  # half a word
    ("whole", ")", ")\n", ""),  # one key for one key
    ("whole", "\n    return x", "\n    return x + 1", "\n    return x"),
    ("words", "x + 2", "x + 1", "x +"),
    ("words", "x + 1\ny = 3", "x + 1\ny = 2", "x + 1\ny ="),
    ("words", "item.price", "item.prices", "item."),
    ("words", "items = 1", "item = 1", ""),
    ("words", "self", "self", "self"),
    ("words", "成绩列表", "成绩单", "成绩"),  # Han has no spaces: each is a word
    ("words", "学生(甲", "学生(乙", "学生("),
    ("words", "", "x", ""),
    ("words", "a", "b", ""),
]


@pytest.mark.parametrize(("user", "shown", "following", "expected"), CASES)
def test_what_each_user_accepts(user: User, shown: str, following: str, expected: str) -> None:
    assert shown[: accepted(user, shown, "", keys(following, at=4), 4)] == expected


def test_a_bracket_that_is_replaced_is_not_typed_again() -> None:
    assert accepted("whole", "value)", ")", keys("value", at=4), 4) == len("value")
    assert accepted("whole", "value)", "", keys("value", at=4), 4) == 0


def test_nothing_is_accepted_where_the_user_goes_elsewhere() -> None:
    assert accepted("whole", "abc", "", keys("abc", at=9), 4) == 0


@given(st.text("ab_ (\n", max_size=12), st.text("ab_ (\n", max_size=20))
def test_who_accepts_words_accepts_at_least_what_others_accept(shown: str, following: str) -> None:
    edits = keys(following)
    words, whole = (accepted(user, shown, "", edits, 0) for user in ("words", "whole"))
    # A trailing space is part of a whole suggestion, and of no word.
    assert words >= len(shown[:whole].rstrip()) or skip(edits, words)[1] < 2
    assert following.startswith(shown[:words])
    assert following.startswith(shown[:whole])
