"""How much of an answer is sure: by the product of its tokens, in whole words, given what is typed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.completion.answer import Answer, TokenLogprobs
from qwen_lsp.completion.display import Shown, min_confidence_after

MIN = 0.7


def written(*tokens: tuple[str, float]) -> tuple[str, TokenLogprobs]:
    """Return a text and its token log-probabilities from tokens with their probabilities."""
    text, logprobs = "", []
    for token, probability in tokens:
        text += token
        logprobs.append((len(text), math.log(probability)))
    return text, tuple(logprobs)


ANSWER, LOGPROBS = written(
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
    assert Answer(ANSWER, LOGPROBS, len(typed)).confident_prefix(MIN) == part


def test_everything_is_sure_where_nothing_is_known_or_asked() -> None:
    assert Answer("x = 1", (), 0).confident_prefix(MIN) == "x = 1"
    assert Answer(ANSWER, LOGPROBS).confident_prefix(0.0) == ANSWER


def test_a_part_of_one_sign_is_no_part_but_a_whole_answer_of_one_is() -> None:
    text, logprobs = written((")", 0.9), (" + tax", 0.1))
    assert Answer(text, logprobs, 0).confident_prefix(MIN) == ""
    assert Answer(")", logprobs[:1], 0).confident_prefix(MIN) == ")"


def test_a_word_is_never_cut_but_between_han_characters_there_is_no_word() -> None:
    text, logprobs = written(("calcul", 0.99), ("ate", 0.3))
    assert Answer(text, logprobs, 0).confident_prefix(MIN) == ""
    text, logprobs = written(("计算平均", 0.9), ("分数", 0.3))
    assert Answer(text, logprobs, 0).confident_prefix(MIN) == "计算平均"


def test_white_space_before_the_doubt_is_not_shown() -> None:
    text, logprobs = written(("if ready:", 0.9), ("\n    ", 0.95), ("go()", 0.2))
    assert Answer(text, logprobs, 0).confident_prefix(MIN) == "if ready:"


def test_settled_is_what_can_only_become_less_sure() -> None:
    assert not Answer(ANSWER, LOGPROBS[:3], 0).is_settled(MIN)
    assert Answer(ANSWER, LOGPROBS[:4], 0).is_settled(MIN)
    assert not Answer(ANSWER, LOGPROBS[:5], len("return self.to")).is_settled(MIN)
    assert not Answer(ANSWER, (), 0).is_settled(MIN)
    # Typing has run ahead of what is written.
    assert not Answer(ANSWER, LOGPROBS[:4], len("return self.total(")).is_settled(MIN)


def test_the_first_word() -> None:
    assert Answer(ANSWER, LOGPROBS, 0).first_part_probability == pytest.approx(0.95)
    assert Answer(ANSWER, LOGPROBS, len("return self.")).first_part_probability == pytest.approx(0.45)


TOKENS = st.lists(
    st.tuples(st.text("ab_(. \n值", min_size=1, max_size=5), st.floats(0.01, 1.0)), min_size=1, max_size=12
)


@given(TOKENS, st.data())
def test_what_is_shown_is_as_likely_as_it_must_be(
    tokens: list[tuple[str, float]], data: st.DataObject
) -> None:
    text, logprobs = written(*tokens)
    typed = data.draw(st.integers(0, len(text) - 1))
    part = Answer(text, logprobs, typed).confident_prefix(MIN)
    assert text[typed:].startswith(part)
    shown = Answer(text[: typed + len(part)], logprobs, typed).probability
    assert not part or (shown is not None and shown >= MIN - 1e-9)


def test_early_words_are_no_whole_answer() -> None:
    assert Answer(")", ((1, 0.0),)).confident_prefix(MIN, is_whole=False) == ""


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
def test_who_types_into_a_suggestion_ignores_it(document: str, rest: str, count: int) -> None:
    shown = Shown(4, TEXT, "total(", 1)
    assert shown.ignored_count_at(document, len(document), rest) == count


def test_what_was_not_shown_is_not_ignored() -> None:
    assert Shown(4, TEXT, "").ignored_count_at("x = t", 5, "otal(items)") == 0


def test_the_doubt_allowed_is_halved() -> None:
    assert min_confidence_after(0.7, 0) == pytest.approx(0.7)
    assert min_confidence_after(0.7, 1) == pytest.approx(0.85)
    assert min_confidence_after(0.7, 50) == min_confidence_after(0.7, 8) < 1
    assert min_confidence_after(0.0, 5) == 0
