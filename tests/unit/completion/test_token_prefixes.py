"""A token is as likely as its pieces together; a piece as all tokens that begin with it."""

from __future__ import annotations

import math

import pytest

from qwen_lsp.completion.token_prefixes import pieces


def probabilities(
    text: str, chosen: float, others: list[tuple[str, float]], forced: int = 0
) -> list[tuple[str, float]]:
    found = pieces(text, math.log(chosen), [(other, math.log(value)) for other, value in others], forced)
    return [(text[:end], round(math.exp(value), 3)) for end, value in found]


def test_a_shared_beginning_counts_all_that_share_it() -> None:
    assert probabilities(")\n", 0.5, [("):", 0.4), (" +", 0.05)]) == [(")", 0.9), (")\n", 0.556)]


def test_a_token_that_nothing_shares_stays_whole() -> None:
    assert probabilities("value", 0.6, [(")", 0.3)]) == [("value", 0.6)]


@pytest.mark.parametrize("forced", [0, 3])
def test_the_pieces_make_the_token(forced: int) -> None:
    found = pieces(" self", math.log(0.3), [(" sel", math.log(0.1)), (" foo", math.log(0.4))], forced)
    assert math.exp(sum(value for _, value in found)) == pytest.approx(0.3)
    assert [end for end, _ in found] == sorted({end for end, _ in found})


def test_what_is_typed_rules_the_others_out() -> None:
    """` se` is typed: ` foo` can't be meant, but what was not listed (0.1) might begin so."""
    found = dict(probabilities(" self", 0.3, [(" foo", 0.6)], 3))
    assert found[" self"] == round(0.3 / 0.4, 3)


def test_a_choice_among_many_unlisted_ones_is_not_sure() -> None:
    """The reverse: a rare token does not become certain because its rivals were not listed."""
    found = dict(probabilities(" self", 0.02, [(" foo", 0.5)], 3))
    assert found[" self"] < 0.05
