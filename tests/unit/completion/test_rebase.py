"""A suggestion is carried over only into a text that is on the way to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.completion.rebase import rebase
from qwen_lsp.text import Document, Edit, Span
from tests.support.places import split

texts = st.text(st.sampled_from("ab \n价"), max_size=8)


def document(text: str, version: int = 1) -> Document:
    return Document("file:///a.py", text, version)


@given(texts, texts, texts, st.data())
def test_typing_the_beginning_of_it_leaves_the_rest(
    before: str, suggestion: str, after: str, data: st.DataObject
) -> None:
    n_typed = data.draw(st.integers(0, len(suggestion)))
    now = document(before + suggestion[:n_typed] + after, 2)
    moved = rebase(Edit(Span(len(before), len(before)), suggestion), document(before + after), now)
    if n_typed == len(suggestion):
        assert moved is None, "there is nothing left to suggest"
    else:
        assert moved is not None
        assert now.with_edit(moved, 3).text == before + suggestion + after


@given(texts, texts, texts, texts)
def test_whatever_was_typed_the_result_is_the_suggested_text_or_nothing(
    before: str, suggestion: str, after: str, now_text: str
) -> None:
    now = document(now_text, 2)
    moved = rebase(Edit(Span(len(before), len(before)), suggestion), document(before + after), now)
    assert moved is None or now.with_edit(moved, 3).text == before + suggestion + after


@pytest.mark.parametrize(
    ("marked", "now"),
    [
        ("x = ║\n", "y = \n"),
        ("x = ║\n", "x = b\n"),
        ("x = ║\n", "x =\n"),
        ("x = ║\n", "x = \nmore\n"),
        ("x = ║\n", "first\nx = \n"),
        ("x = ║\n", ""),
    ],
)
def test_a_text_that_has_gone_another_way(marked: str, now: str) -> None:
    before, after = split(marked)
    edit = Edit(Span(len(before), len(before)), "a + 1")
    assert rebase(edit, document(before + after), document(now, 2)) is None


def test_a_replacement_is_never_carried_over() -> None:
    assert rebase(Edit(Span(0, 1), "ab"), document("a"), document("aa", 2)) is None
