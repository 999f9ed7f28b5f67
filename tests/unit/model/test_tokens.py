"""The estimate of tokens. That it is never far below the true count is measured in tests/model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.model.tokens import estimate
from tests.support.places import FIXTURES, REPOSITORY
from tests.support.scaling import MAX_GROWTH, growth

# Counts of Qwen2.5-Coder's own tokenizer.
KNOWN = [
    ("", 0),
    ("a", 1),
    ("return", 1),
    ("    return sum(prices)\n", 6),
    ("1234", 4),
    ("\n\n\n", 1),
    ("                ", 1),
    ("x = {'a': [1, 2]}", 12),
]


@pytest.mark.parametrize(("text", "tokens"), KNOWN)
def test_it_is_not_below_the_true_count(text: str, tokens: int) -> None:
    assert tokens <= estimate(text) <= 2 * tokens + 2


@given(st.text(max_size=200))
def test_it_never_passes_the_number_of_bytes(text: str) -> None:
    assert 0 <= estimate(text) <= len(text.encode("utf-8", "surrogatepass"))
    assert (estimate(text) == 0) == (text == "")


ascii_texts = st.text(st.characters(codec="ascii"), max_size=100)


@given(ascii_texts, ascii_texts)
def test_parts_sum_up(first: str, second: str) -> None:
    """Budgets are kept part by part, so the sum must not hide tokens of the whole."""
    assert estimate(first + second) <= estimate(first) + estimate(second) + 1


@pytest.mark.parametrize(
    "path", [*sorted((FIXTURES / "repos").rglob("*.py")), Path(__file__)], ids=lambda path: path.name
)
def test_it_is_of_the_right_size_for_code(path: Path) -> None:
    text = path.read_text("utf-8")
    han = sum("\u4e00" <= char <= "\u9fff" for char in text)
    assert (len(text) - han) / 6 <= estimate(text) <= (len(text) - han) / 1.5 + han


@pytest.mark.parametrize("unit", ["x", " ", "_", "a1", "价"])
def test_long_texts_take_time_as_long_as_they_are(unit: str) -> None:
    assert growth(lambda n: unit * (n // len(unit)), estimate, 100_000) <= MAX_GROWTH


def test_the_largest_source_of_our_own_is_estimated_at_once() -> None:
    largest = max((REPOSITORY / "qwen_lsp").rglob("*.py"), key=lambda path: path.stat().st_size)
    assert estimate(largest.read_text("utf-8")) > 500
