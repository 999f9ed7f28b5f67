"""One generation: what it has written, and whether a text typed since is on the way to it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from qwen_lsp.completion.budget import Budget
from qwen_lsp.completion.flight import Flight, Kind
from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.completion.view import view_of
from qwen_lsp.config import CompletionConfig
from qwen_lsp.model import catalog
from qwen_lsp.model.generation import Chunk
from qwen_lsp.text import Change, Cursor, Edit, Span
from qwen_lsp.trace import Trace
from tests.support.places import cursor
from tests.support.virtual_time import run

BUDGET = Budget(1024, 256, 64, 128)
PLACE = cursor("def total(values):\n    return ║\n")


def flight(place: Cursor = PLACE, kind: Kind = "request", ahead: str = "", **settings: Any) -> Flight:
    view = view_of(place, None, catalog.default_profile(), CompletionConfig(**settings), BUDGET)
    return Flight(view, kind, InsertionPoint(place.document, place.offset), ahead)


def written(*pieces: str, place: Cursor = PLACE) -> Flight:
    one = flight(place)
    for piece in (one.view.prompt.healed_prefix, *pieces):
        one.feed(Chunk(piece, (-0.1,)))
    return one


def edited(place: Cursor, start: int, end: int, text: str) -> Change:
    """Replace characters counted from the place."""
    edit = Edit(Span(place.offset + start, place.offset + end), text)
    return Change(place.document, place.document.with_edit(edit, 2), (edit,))


@pytest.mark.parametrize(
    ("typed", "agrees"),
    [("", True), ("su", True), ("sum(", True), ("sum(x", True), ("sun", False), ("x", False)],
)
def test_what_is_typed_is_on_the_way_or_runs_ahead(typed: str, agrees: bool) -> None:
    assert written("sum", "(").agrees(typed) == agrees


def test_running_ahead_of_an_answer_that_has_ended_is_another_way() -> None:
    one = written("sum", "(")
    one.end()
    assert one.agrees("su")
    assert not one.agrees("sum(x")


@pytest.mark.parametrize("trouble", ["stopped", "failed"])
def test_nothing_agrees_with_what_has_failed(trouble: str) -> None:
    one = written("sum")
    one.is_stopped = trouble == "stopped"
    one.error = TimeoutError() if trouble == "failed" else None
    assert not one.agrees("su")


@pytest.mark.parametrize(
    ("start", "end", "text", "follows"),
    [
        (0, 0, "s", True),
        (0, 0, "sum(va", True),
        (0, 0, "len", False),
        (-1, 0, "", False),  # deleted before the place
        (1, 1, "x = 1", False),  # typed on the next line
    ],
)
def test_a_change_of_the_text(start: int, end: int, text: str, follows: bool) -> None:
    assert written("sum", "(").follows(edited(PLACE, start, end, text)) == follows


def test_a_change_of_another_document_is_none_of_its_business() -> None:
    elsewhere = cursor("x = ║\n")
    change = edited(elsewhere, 0, 0, "y")
    other = Change(change.before, change.after, change.edits)
    object.__setattr__(other.after, "uri", "file:///other.py")
    assert written("sum").follows(other)


def test_a_prompt_that_is_only_read_survives_every_change() -> None:
    view = flight().view
    assert Flight(view, "prefill").follows(edited(PLACE, -3, 0, ""))


@pytest.mark.parametrize(("typed", "follows"), [("sum(v)", True), ("sum(v)\n", True), ("sum(", False)])
def test_what_is_computed_ahead_waits_for_the_whole_suggestion(typed: str, follows: bool) -> None:
    one = flight(kind="prefetch", ahead="sum(v)")
    assert one.follows(edited(PLACE, 0, 0, typed)) == follows


def test_a_healed_prefix_is_no_part_of_the_answer() -> None:
    place = cursor("total = val║\n")
    one = written("ues", "\n", place=place)
    assert one.view.prompt.healed_prefix.endswith("val")
    assert one.text == "ues\n"


def test_an_answer_that_does_not_go_on_from_what_is_typed_is_none() -> None:
    one = flight(cursor("total = val║\n"))
    one.feed(Chunk("other"))
    assert (one.text, one.cut_reason) == ("", "prefix mismatch")


def test_tokens_count_for_what_comes_after_the_healed_prefix() -> None:
    place = cursor("total = val║\n")
    one = flight(place)
    healed = one.view.prompt.healed_prefix
    one.feed(Chunk(healed + "ues", (-0.5,)))
    one.feed(Chunk(".sum", (-0.25,)))
    assert one.answer().logprobs == ((3, -0.5), (7, -0.25))
    assert one.answer("ues").rest == ".sum"


def test_a_model_that_stays_unsure_is_hopeless_and_a_single_doubt_is_not() -> None:
    unsure, doubtful = flight(), flight()
    for number in range(8):
        unsure.feed(Chunk("a ", (-1.5,)))
        doubtful.feed(Chunk("a ", (-1.5 if number == 2 else -0.05,)))
    assert unsure.is_hopeless
    assert not doubtful.is_hopeless


def test_a_waiter_wakes_at_each_piece_and_hears_only_of_what_it_has_not_typed() -> None:
    async def work() -> None:
        one = written("sum")
        heard: list[str] = []
        with one.attached("su", heard.append, is_automatic=True):
            assert one.waiters == 1
            waiting = asyncio.create_task(one.changed.wait())
            await asyncio.sleep(0)
            one.feed(Chunk("(v", (-0.1,)))
            await asyncio.wait_for(waiting, 60)
        assert heard == ["m(v"]
        assert one.waiters == 0

    run(work())


def test_the_record_of_a_request_has_what_came(caplog: pytest.LogCaptureFixture) -> None:
    one, trace = written("sum", "(v)"), Trace()
    with caplog.at_level(logging.ERROR):
        one.record(trace)
    assert trace.answer == "sum(v)"
    assert trace.generated_tokens == 3
    assert [text for text, _ in trace.tokens] == ["sum", "(v)"]
    assert trace.first_text_ms is not None
