"""What a model wrote at places of many kinds, cut and filtered: kept where it is right, else not shown."""

from __future__ import annotations

import pytest

from qwen_lsp.bench.cases import run
from qwen_lsp.bench.cases.run import Place
from qwen_lsp.completion import filters, gates, stopping
from qwen_lsp.completion.filters import Case, Reject
from qwen_lsp.syntax import languages, parsing
from qwen_lsp.text import Cursor, Document
from tests.support.places import FIXTURES

PLACES = run.read(FIXTURES / "completion" / "places.toml")
WRITTEN = [place for place in PLACES if place.answer]


def shown(place: Place, answer: str, *, is_over: bool) -> str:
    """Return what is shown of an answer, whether the model ended it (`is_over`) or goes on."""
    document = Document("file:///a", place.before + place.after, 1, place.language, "/" + place.path)
    language = languages.find(place.language, place.path)
    kind = parsing.place_kind(place.before, place.after, language)
    around = stopping.surroundings(Cursor(document, len(place.before)), language, kind)
    mode = stopping.mode(around)
    ended = stopping.cut(answer, mode, around)
    text = ended.text
    if ended.reason is None:
        text = stopping.finish(text, mode, around, hit_limit=not is_over)
    outcome, _ = filters.clean(text, Case(place.before, place.after, mode, around, ()))
    if isinstance(outcome, Reject) or gates.syntax(place.before, outcome, place.after, language):
        return ""
    return outcome


def test_every_place_has_something_right_or_nothing() -> None:
    assert all(place.right or "" in place.harmless for place in PLACES)
    assert len({place.name for place in PLACES}) == len(PLACES) >= 90


@pytest.mark.parametrize("place", WRITTEN, ids=lambda place: place.name)
def test_a_recorded_answer_is_right_or_nothing_is_shown(place: Place) -> None:
    assert run.judged(place, shown(place, place.answer, is_over=True)) in ("right", "harmless")


@pytest.mark.parametrize("place", WRITTEN, ids=lambda place: place.name)
def test_what_was_right_is_not_lost(place: Place) -> None:
    """The reverse case: a filter that rejects everything would pass the test above."""
    if run.judged(place, place.answer) == "right":
        kept = shown(place, place.answer, is_over=True).strip()
        assert kept
        assert place.answer.strip().startswith(kept)  # one entry of several is enough
