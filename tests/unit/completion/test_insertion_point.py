"""A suggestion is carried over only into a text that is on the way to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.text import Change, Document, Edit, Span, whole_text_change
from tests.support.places import split

texts = st.text(st.sampled_from("ab \n)价"), max_size=8)


def document(text: str, version: int = 1) -> Document:
    return Document("file:///a.py", text, version)


def edited(before: Document, *edits: Edit) -> Change:
    """Return the change of one message with these edits."""
    after = before
    for edit in edits:
        after = after.with_edit(edit, before.version + 1)
    return Change(before, after, edits)


def insertion(at: int, text: str) -> Edit:
    return Edit(Span(at, at), text)


@st.composite
def edits_of(draw: st.DrawFn, text: str) -> Edit:
    start = draw(st.integers(0, len(text)))
    return Edit(Span(start, draw(st.integers(start, len(text)))), draw(texts))


@given(texts, texts, texts, st.data(), st.booleans())
def test_typing_the_beginning_of_it_leaves_the_rest(
    before: str, suggestion: str, after: str, data: st.DataObject, is_whole_text: bool
) -> None:
    """Key by key, and also where the client sends whole texts, which do not say where anything was typed."""
    n_typed = data.draw(st.integers(0, len(suggestion)))
    point = InsertionPoint(document(before + after), len(before))
    for number, char in enumerate(suggestion[:n_typed]):
        now = point.document
        change = edited(now, insertion(len(before) + number, char))
        point.follow(whole_text_change(now, change.after) if is_whole_text else change)
    assert point.typed == suggestion[:n_typed]
    moved = point.rebase(insertion(len(before), suggestion))
    if n_typed == len(suggestion):
        assert moved is None, "there is nothing left to suggest"
    else:
        assert moved is not None
        assert point.document.with_edit(moved, 99).text == before + suggestion + after


@given(texts, texts, texts, st.data())
def test_whatever_was_typed_the_result_is_the_suggested_text_or_nothing(
    before: str, suggestion: str, after: str, data: st.DataObject
) -> None:
    point = InsertionPoint(document(before + after), len(before))
    for _ in range(data.draw(st.integers(1, 3))):
        now, edits = point.document, list[Edit]()
        for _ in range(data.draw(st.integers(0, 3))):
            edits.append(data.draw(edits_of(edited(now, *edits).after.text)))
        point.follow(edited(now, *edits))
    moved = point.rebase(insertion(len(before), suggestion))
    assert moved is None or point.document.with_edit(moved, 99).text == before + suggestion + after


@given(texts, st.data())
def test_a_stretched_span_is_there_exactly_when_nothing_else_has_changed(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    span = Span(start, data.draw(st.integers(start, len(text))))
    change = edited(document(text), data.draw(edits_of(text)))
    new, n_after = change.after.text, len(text) - span.end
    is_same = len(new) >= span.start + n_after
    is_same = is_same and new[: span.start] == text[: span.start]
    is_same = is_same and new[len(new) - n_after :] == text[span.end :]
    assert change.stretch(span) == (Span(span.start, len(new) - n_after) if is_same else None)


def test_what_is_typed_and_deleted_again_is_on_the_way() -> None:
    point = InsertionPoint(document("x = \n"), 4)
    for edit in (insertion(4, "a"), insertion(5, "x"), Edit(Span(5, 6), ""), insertion(5, " ")):
        point.follow(edited(point.document, edit))
    assert point.rebase(insertion(4, "a + 1")) == insertion(6, "+ 1")


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
    point = InsertionPoint(document(before + after), len(before))
    point.follow(whole_text_change(point.document, document(now, 2)))
    assert point.rebase(insertion(len(before), "a + 1")) is None


def test_a_change_of_another_text_loses_the_place_and_the_same_one_again_does_not() -> None:
    here, elsewhere = document("x = \n"), document("x = \n", 7)
    change = edited(here, insertion(4, "a"))
    point = InsertionPoint(here, 4)
    point.follow(change)
    point.follow(change)
    assert point.typed == "a"
    point.follow(edited(elsewhere, insertion(4, "b")))
    assert point.typed is None
    assert point.rebase(insertion(4, "a + 1")) is None


def test_a_replacement_is_never_carried_over() -> None:
    point = InsertionPoint(document("a"), 0)
    assert point.rebase(Edit(Span(0, 1), "ab")) is None


def test_a_line_end_of_the_document_is_one_of_the_model() -> None:
    point = InsertionPoint(document("x = (\r\n"), 5)
    point.follow(edited(point.document, insertion(5, "\r\n")))
    assert point.typed == "\n"
    assert point.rebase(insertion(5, "\r\n    1")) == insertion(7, "    1")
