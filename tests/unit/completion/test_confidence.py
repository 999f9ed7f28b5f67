"""How much of an answer is sure: by the product of its tokens, in whole words, given what is typed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.completion import confidence
from qwen_lsp.completion.confidence import Shown

LEAST = 0.7


def marks_of(*tokens: tuple[str, float]) -> tuple[str, list[tuple[int, float]]]:
    """Return a text and its marks from tokens with their probabilities."""
    text, marks = "", []
    for token, probability in tokens:
        text += token
        marks.append((len(text), math.log(probability)))
    return text, marks


ANSWER, MARKS = marks_of(
    ("return", 0.95), (" self", 0.9), (".", 0.99), ("to", 0.5), ("tal", 0.9), ("()", 0.9)
)


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("", "return self."),  # 0.85; `to` would make it 0.42
        ("return", " self."),
        ("return self.", ""),  # the doubtful word itself
        ("return self.t", ""),  # inside its first token, whose choice was real
        ("return self.to", "tal()"),  # the doubtful part is typed, the rest is sure
        ("return self.total", "()"),
    ],
)
def test_the_sure_part_given_what_is_typed(typed: str, part: str) -> None:
    assert confidence.sure_part(ANSWER, MARKS, len(typed), LEAST) == part


def test_everything_is_sure_where_nothing_is_known_or_asked() -> None:
    assert confidence.sure_part("x = 1", (), 0, LEAST) == "x = 1"
    assert confidence.sure_part(ANSWER, MARKS, 0, 0.0) == ANSWER


def test_a_part_of_one_sign_is_no_part_but_a_whole_answer_of_one_is() -> None:
    text, marks = marks_of((")", 0.9), (" + tax", 0.1))
    assert confidence.sure_part(text, marks, 0, LEAST) == ""
    assert confidence.sure_part(")", marks[:1], 0, LEAST) == ")"


def test_a_word_is_never_cut_but_between_han_characters_there_is_no_word() -> None:
    text, marks = marks_of(("calcul", 0.99), ("ate", 0.3))
    assert confidence.sure_part(text, marks, 0, LEAST) == ""
    text, marks = marks_of(("计算平均", 0.9), ("分数", 0.3))
    assert confidence.sure_part(text, marks, 0, LEAST) == "计算平均"


def test_white_space_before_the_doubt_is_not_shown() -> None:
    text, marks = marks_of(("if ready:", 0.9), ("\n    ", 0.95), ("go()", 0.2))
    assert confidence.sure_part(text, marks, 0, LEAST) == "if ready:"


def test_settled_is_what_can_only_become_less_sure() -> None:
    assert not confidence.is_settled(MARKS[:3], 0, LEAST)
    assert confidence.is_settled(MARKS[:4], 0, LEAST)
    assert not confidence.is_settled(MARKS[:5], len("return self.to"), LEAST)
    assert not confidence.is_settled((), 0, LEAST)
    # Typing has run ahead of what is written.
    assert not confidence.is_settled(MARKS[:4], len("return self.total("), LEAST)


def test_the_first_word() -> None:
    assert confidence.first_word(ANSWER, MARKS, 0) == pytest.approx(0.95)
    assert confidence.first_word(ANSWER, MARKS, len("return self.")) == pytest.approx(0.45)


TOKENS = st.lists(
    st.tuples(st.text("ab_(. \n值", min_size=1, max_size=5), st.floats(0.01, 1.0)), min_size=1, max_size=12
)


@given(TOKENS, st.data())
def test_what_is_shown_is_as_likely_as_it_must_be(
    tokens: list[tuple[str, float]], data: st.DataObject
) -> None:
    text, marks = marks_of(*tokens)
    typed = data.draw(st.integers(0, len(text) - 1))
    part = confidence.sure_part(text, marks, typed, LEAST)
    assert text[typed:].startswith(part)
    shown = confidence.probability(marks, typed, typed + len(part))
    assert not part or (shown is not None and shown >= LEAST - 1e-9)


def test_early_words_are_no_whole_answer() -> None:
    assert confidence.sure_part(")", [(1, 0.0)], 0, LEAST, is_whole=False) == ""


TEXT = "total(items)"


@pytest.mark.parametrize(
    ("document", "rest", "count"),
    [
        ("x = t", "otal(items)", 2),  # one key more into what is shown
        ("x = t", "otal(it", 2),  # of an answer that was longer
        ("x = ", TEXT, 1),  # asked again at the same place
        ("x = total", "(items)", 0),  # a word of it was accepted
        ("x = s", "um(items)", 0),  # something else was typed
        ("x =", " total(items)", 0),  # deleted back
    ],
)
def test_who_types_into_a_suggestion_passes_it_over(document: str, rest: str, count: int) -> None:
    shown = Shown(4, TEXT, "total(", 1)
    assert shown.passed_over_at(document, len(document), rest) == count


def test_what_was_not_shown_is_not_passed_over() -> None:
    assert Shown(4, TEXT, "").passed_over_at("x = t", 5, "otal(items)") == 0


def test_the_doubt_allowed_is_halved() -> None:
    assert confidence.least_for(0.7, 0) == pytest.approx(0.7)
    assert confidence.least_for(0.7, 1) == pytest.approx(0.85)
    assert confidence.least_for(0.7, 50) == confidence.least_for(0.7, 8) < 1
    assert confidence.least_for(0.0, 5) == 0
