"""When a request starts and when it is answered: the rhythm of the keys against the speed of the engine."""

from __future__ import annotations

import pytest

from qwen_lsp.completion import pacing
from qwen_lsp.completion.pacing import Rhythm, answer_wait_ms, delay_ms
from qwen_lsp.config import CompletionConfig
from tests.support.places import cursor


def rhythm_of(*gaps_ms: float) -> Rhythm:
    rhythm, now_ms = Rhythm(), 0.0
    rhythm.key(now_ms)
    for gap_ms in gaps_ms:
        now_ms += gap_ms
        rhythm.key(now_ms)
    return rhythm


def test_the_rhythm_is_guessed_until_there_are_keys_enough() -> None:
    guess = Rhythm().gap_ms
    assert rhythm_of(90, 90).gap_ms == guess
    assert rhythm_of(90, 90, 90).gap_ms == 90 != guess


def test_a_pause_is_no_rhythm() -> None:
    assert rhythm_of(100, 5000, 110, 3000, 120).gap_ms == 110
    assert rhythm_of(100, 590, 110, 590, 590).gap_ms == 590, "slow typing is"


def test_the_rhythm_is_that_of_the_last_keys() -> None:
    assert rhythm_of(*[400.0] * 30, *[100.0] * 20).gap_ms == 100


@pytest.mark.parametrize(
    ("gap_ms", "first_text_ms", "client_delay_ms", "expected"),
    [
        (200, 20, 0, 60),  # half a gap, less what the engine takes to be sure of something
        (200, 50, 0, 0),  # a slow engine needs that time itself
        (200, 900, 0, 0),
        (550, 10, 0, 100),  # never longer
        (200, 20, 50, 10),  # the client has waited already
        (200, 20, 500, 0),
    ],
)
def test_the_delay_of_a_start(
    gap_ms: float, first_text_ms: float, client_delay_ms: float, expected: float
) -> None:
    assert delay_ms(gap_ms, first_text_ms, client_delay_ms) == expected


def test_the_delay_in_a_rhythm_keeps_to_the_settings() -> None:
    fast = rhythm_of(*[100.0] * 10)
    assert fast.delay_ms(20, CompletionConfig()) == 10
    assert fast.delay_ms(20, CompletionConfig(min_pause_ms=300)) == 300
    assert fast.delay_ms(20, CompletionConfig(min_pause_ms=300, client_delay_ms=75)) == 225


def test_an_answer_is_due_before_the_next_key_and_later_where_people_stop_to_think() -> None:
    assert answer_wait_ms(300, "x") < 300
    assert answer_wait_ms(300, "\n") > answer_wait_ms(300, "(") > answer_wait_ms(300, "x")
    assert answer_wait_ms(10, "x") == answer_wait_ms(20, "x") > 20, "a machine's keys are no reason to hurry"


@pytest.mark.parametrize(
    ("marked", "is_wanted"),
    [
        ("total = val║\n", True),
        ("total = ║value\n", False),
        ("总║价 = 1\n", False),
        ("f(a║, b)\n", True),
        ("x║_y\n", False),
        ("║", True),
    ],
)
def test_where_a_suggestion_is_in_the_way(marked: str, is_wanted: bool) -> None:
    assert pacing.is_inside_word(cursor(marked)) != is_wanted
