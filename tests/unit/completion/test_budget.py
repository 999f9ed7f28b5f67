"""How much text a prompt holds: what this machine reads within the time the user allows, in steps."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from qwen_lsp.completion.budget import Budget, beside, budget, by_hand
from qwen_lsp.config import CompletionConfig
from qwen_lsp.model import catalog
from qwen_lsp.model.speed import Speed

PROFILE = replace(catalog.default_profile(), takes_snippets=True)


def of(read: float = 100, write: float = 25, **settings: Any) -> Budget:
    return budget(CompletionConfig(**settings), Speed(read, write), PROFILE)


def test_a_faster_machine_is_never_shown_less() -> None:
    budgets = [of(read=read) for read in (1, 50, 100, 300, 1000, 100_000)]
    totals = [one.prefix_tokens + one.suffix_tokens for one in budgets]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1] <= PROFILE.context_tokens


def test_the_whole_of_a_prompt_grows_in_steps() -> None:
    budgets = [of(read=100 + n / 10) for n in range(400)]
    totals = [one.prefix_tokens + one.suffix_tokens for one in budgets]
    assert sum(before != now for before, now in pairwise(totals)) <= 3


def test_a_number_in_the_settings_wins_over_the_measured_speed() -> None:
    set_by_hand = of(read=1, prefix_tokens=5000, suffix_tokens=700, snippet_tokens=300)
    assert (set_by_hand.prefix_tokens, set_by_hand.suffix_tokens) == (5000, 700)
    assert (set_by_hand.snippet_tokens, set_by_hand.first_prefix_tokens) == (300, 5000)


def test_a_model_that_snippets_do_harm_gets_none() -> None:
    unhelped = budget(CompletionConfig(), Speed(), replace(PROFILE, takes_snippets=False))
    assert unhelped.snippet_tokens == 0 < of().snippet_tokens


def test_a_slow_engine_is_asked_for_less_and_a_fast_one_for_no_more_than_the_settings_allow() -> None:
    slow, fast = of(write=1), of(write=10_000)
    config = CompletionConfig()
    assert 0 < slow.line_tokens < fast.line_tokens == config.line_tokens
    assert 0 < slow.block_tokens < fast.block_tokens == config.block_tokens


@pytest.mark.parametrize("read", [1, 100, 2000])
def test_a_prompt_with_other_files_is_no_longer_than_one_without(read: float) -> None:
    plain = of(read=read)
    shared = beside(plain)
    least = min(plain.prefix_tokens, 256)
    assert shared.prefix_tokens == max(plain.prefix_tokens - plain.snippet_tokens, least)
    assert shared.suffix_tokens == plain.suffix_tokens


def test_an_engine_that_reads_slowly_begins_with_what_it_reads_in_time() -> None:
    whole = [of(read=read) for read in (1, 100, 200, 1000)]
    first = [one.first_prefix_tokens + one.suffix_tokens for one in whole]
    assert first[0] == first[1] == 240, "a function with its documentation"
    assert first[2] == 400, "two seconds of reading"
    assert first[3] == 2000


def test_who_asks_by_hand_waits_for_more() -> None:
    slow, fast = of(read=1), of(read=1000)
    assert by_hand(slow).first_prefix_tokens + slow.suffix_tokens == 480
    assert by_hand(slow).suffix_tokens == slow.suffix_tokens, "what is read first stays the same"
    assert by_hand(fast) == fast
    assert by_hand(of(read=1, prefix_tokens=100)).first_prefix_tokens == 100
