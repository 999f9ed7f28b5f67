"""Scores against plain definitions and against values published or worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.bench.infill.score import (
    MAX_COMPARED,
    Comparison,
    compare,
    edit_similarity,
    exact_match,
    exact_text,
    levenshtein,
    mean,
    mean_interval,
    percentile,
    wilson_interval,
)
from tests.support.scaling import ratio

words = st.text(alphabet="ab学😀 ", max_size=12)
fractions = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def plain_levenshtein(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, start=1):
        above, row = row, [i]
        for j, right in enumerate(second, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (left != right)))
    return row[-1]


@given(words, words)
def test_levenshtein_agrees_with_its_definition(first: str, second: str) -> None:
    assert levenshtein(first, second) == plain_levenshtein(first, second)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("学籍管理", "学籍", 2),
        ("😀", "x", 1),
        ("a" * 200, "a" * 199 + "b", 1),
    ],
)
def test_levenshtein(first: str, second: str, distance: int) -> None:
    assert levenshtein(first, second) == levenshtein(second, first) == distance


@pytest.mark.parametrize(
    ("answer", "truth", "first_line", "whole"),
    [
        ("    return x", "    return x\n", True, True),
        ("return x", "        return x", True, True),
        ("return x\nprint(x)", "return x\n", True, False),
        ("\n    return x\n", "return x", True, True),
        ("return  x", "return x", False, False),
        ("a = 1\nb = 2\n", "a = 1\nb = 3\n", True, False),
        ("", "return x", False, False),
        ("\n\n", "return x", False, False),
    ],
)
def test_exact_match(answer: str, truth: str, first_line: bool, whole: bool) -> None:
    assert exact_match(answer, truth) is first_line
    assert exact_text(answer, truth) is whole


def test_edit_similarity() -> None:
    assert edit_similarity("  abcd\n", "abcd") == 1
    assert edit_similarity("abcd", "abxx") == 0.5
    assert edit_similarity("", " \n") == 1
    assert edit_similarity("", "abc") == 0


@given(words, words)
def test_edit_similarity_is_a_symmetric_fraction(first: str, second: str) -> None:
    assert 0 <= edit_similarity(first, second) == edit_similarity(second, first) <= 1


def test_edit_similarity_of_long_texts_is_bounded() -> None:
    def compared(pair: tuple[str, str]) -> None:
        assert edit_similarity(*pair) == 1 - 2 / MAX_COMPARED

    short, long = (("ab" * n, "ba" * n) for n in (MAX_COMPARED, 100 * MAX_COMPARED))
    assert ratio(compared, short, long, 3.0) <= 3.0


@pytest.mark.parametrize(
    ("n_successes", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (80, 100, 0.7112, 0.8666), (1, 2, 0.0945, 0.9055)],
)
def test_wilson_interval(n_successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(n_successes, n) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 1000), st.data())
def test_wilson_interval_holds_the_rate(n: int, data: st.DataObject) -> None:
    n_successes = data.draw(st.integers(0, n))
    interval = wilson_interval(n_successes, n)
    assert interval
    assert 0 <= interval[0] <= n_successes / n <= interval[1] <= 1


def test_no_observations_give_no_figures() -> None:
    assert wilson_interval(0, 0) is None
    assert mean([]) is None
    assert percentile([], 50) is None
    assert mean_interval([0.5]) is None


@given(fractions)
def test_mean_interval_holds_the_mean(values: list[float]) -> None:
    interval = mean_interval(values)
    centre = mean(values)
    assert centre is not None
    assert interval is None or 0 <= interval[0] <= centre <= interval[1] <= 1


def test_mean_interval() -> None:
    assert mean_interval([0.0, 1.0] * 50) == pytest.approx((0.4015, 0.5985), abs=1e-4)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([7.0], 95, 7),
        ([3.0, 1.0, 2.0], 50, 2),
        ([1.0, 2.0], 50, 1.5),
        (list(range(101)), 95, 95),
        ([1.0, 2.0], 100, 2),
    ],
)
def test_percentile(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == pytest.approx(expected)


def test_compare_counts_what_only_one_got_right() -> None:
    first = [True] * 9 + [False] + [True] * 5 + [False] * 5
    second = [False] * 9 + [True] + [True] * 5 + [False] * 5
    assert compare(first, second) == Comparison(20, 9, 1, pytest.approx(22 / 1024))  # type: ignore[arg-type] # a float
    assert compare(first, first) == Comparison(20, 0, 0, 1.0)


def test_compare_needs_the_same_rows() -> None:
    with pytest.raises(ValueError, match="zip"):
        compare([True], [])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_compare_is_symmetric(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    there, back = compare(first, second), compare(second, first)
    assert (there.wins, there.losses, there.p_value) == (back.losses, back.wins, back.p_value)
    assert 0 < there.p_value <= 1
