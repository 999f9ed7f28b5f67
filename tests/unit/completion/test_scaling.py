"""Nothing in a completion costs more than its input's size once: twice the text, twice the time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lsprotocol.types import Position, PositionEncodingKind

from qwen_lsp.completion import filters, gates, prompt, stopping
from qwen_lsp.completion.budget import Budget
from qwen_lsp.completion.flight import Flight
from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.completion.view import View
from qwen_lsp.lsp import convert
from qwen_lsp.model import catalog, tokens
from qwen_lsp.model.generation import Chunk
from qwen_lsp.syntax import languages, parsing
from qwen_lsp.text import Change, Cursor, Document, Edit, Span, whole_text_change
from tests.support.scaling import MAX_GROWTH, growth, ratio

TOKENS = catalog.default_profile().tokens
PYTHON = languages.find("python", None)
BUDGET = Budget(1024, 256, 64, 128)

# A text of n characters, of every kind that has stopped a server.
KINDS: dict[str, Callable[[int], str]] = {
    "one word": lambda n: "x" * n,
    "one line of code": lambda n: ("value = other(1), " * (n // 17 + 1))[:n],
    "signs": lambda n: "=" * n,
    "closing brackets": lambda n: ")" * n,
    "opening brackets": lambda n: "(" * n,
    "signs before a letter": lambda n: "=" * (n - 1) + "x",
    "emoji": lambda n: "😀" * n,
    "spaces": lambda n: " " * n,
    "form feeds": lambda n: "\f" * n,
    "digits": lambda n: "1" * n,
    "short lines": lambda n: "a = 1\n" * (n // 6),
    "the same longer lines": lambda n: "total = total + 1\n" * (n // 18),
    "an almost endless loop": lambda n: "total = total + 1\n" * (n // 18) + "return total",
    "empty lines": lambda n: "\n" * n,
    "a line after empty lines": lambda n: "\n" * n + "x",
    "CRLF": lambda n: "\r\n" * (n // 2),
    "quotes": lambda n: "\"'" * (n // 2),
    "comments": lambda n: "# " * (n // 2),
}


def document(text: str, version: int = 1) -> Document:
    return Document("file:///a.py", text, version, "python")


def middle(text: str) -> Cursor:
    return Cursor(document(text + text), len(text))


def end(text: str) -> Cursor:
    return Cursor(document(text), len(text))


@pytest.mark.parametrize("place", [middle, end])
@pytest.mark.parametrize("kind", KINDS)
def test_the_prompt(kind: str, place: Callable[[str], Cursor]) -> None:
    def work(cursor: Cursor) -> None:
        tokens._cached.cache_clear()
        prompt.fim(cursor, TOKENS, "spm", BUDGET, "a.py", PYTHON)

    assert growth(lambda n: place(KINDS[kind](n)), work, 100_000) <= MAX_GROWTH


@pytest.mark.parametrize("kind", KINDS)
def test_the_healed_prefix(kind: str) -> None:
    """Only the end of the prefix is looked at, whatever stands before it."""
    small, large = (KINDS[kind](n) for n in (1_000, 10_000))
    assert ratio(lambda text: [prompt.healed_prefix(text) for _ in range(100)], small, large) <= MAX_GROWTH


@pytest.mark.parametrize("kind", KINDS)
def test_the_surroundings(kind: str) -> None:
    def work(cursor: Cursor) -> None:
        stopping.surroundings(cursor, PYTHON)

    assert growth(lambda n: middle(KINDS[kind](n)), work, 100_000) <= MAX_GROWTH


@pytest.mark.parametrize("kind", KINDS)
def test_the_estimate(kind: str) -> None:
    assert growth(KINDS[kind], tokens.estimate, 50_000) <= MAX_GROWTH


@pytest.mark.parametrize(
    ("kind", "size"), [("one line of code", 1_000_000), ("emoji", 1_200_000), ("short lines", 6_000_000)]
)
def test_a_key_in_a_file_of_a_million(kind: str, size: int) -> None:
    """However large the file is, the prompt of a place costs about what it costs in a smaller one."""
    small, large = (middle(KINDS[kind](n)) for n in (size // 50, size))

    def work(cursor: Cursor) -> None:
        tokens._cached.cache_clear()
        made = prompt.fim(cursor, TOKENS, "spm", BUDGET, "a.py", PYTHON)
        parsing._parse.cache_clear()
        parsing.place_kind(made.prefix, made.suffix, PYTHON)
        stopping.surroundings(cursor, PYTHON)

    assert ratio(work, small, large) <= MAX_GROWTH


def case(mode: stopping.Mode, around: stopping.Surroundings, suffix: str = "") -> filters.Case:
    return filters.Case("def f():\n", suffix, mode, around, TOKENS.stops)


PLACES = {
    "line": stopping.surroundings(Cursor(document("total = ( )\n"), 9), PYTHON),
    "blank line": stopping.surroundings(Cursor(document("def f():\n    \n    return 1\n"), 13), PYTHON),
    "end of the file": stopping.surroundings(Cursor(document("x = 1\n"), 6), PYTHON),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_where_an_answer_ends(kind: str, place: str) -> None:
    around = PLACES[place]
    mode = stopping.mode(around)
    assert growth(KINDS[kind], lambda text: stopping.cut(text, mode, around), 10_000) <= MAX_GROWTH
    finish = growth(KINDS[kind], lambda text: stopping.finish(text, mode, around, hit_limit=True), 10_000)
    assert finish <= MAX_GROWTH


@pytest.mark.parametrize("place", PLACES)
def test_the_filters(place: str) -> None:
    """Each by itself, because one that rejects would spare the next its work."""
    around = PLACES[place]
    mode = stopping.mode(around)
    for kind, written in KINDS.items():
        for step in filters.FILTERS:

            def make(n: int, written: Callable[[int], str] = written) -> tuple[str, filters.Case]:
                text = written(n)
                return text, case(mode, around, text[: n - n // 10])

            def work(made: tuple[str, filters.Case], step: filters.Filter = step) -> object:
                return step(*made)

            assert growth(make, work, 5_000) <= MAX_GROWTH, (kind, step.__name__)


# Deeply nested code costs the parser itself a little more than its size; a window holds 2,000 levels at most.
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"opening brackets"}))
def test_the_gate(kind: str) -> None:
    def work(text: str) -> None:
        parsing._parse.cache_clear()
        parsing.place_kind(text, text, PYTHON)
        gates.syntax("def f():\n    ", text, "\n    return 1\n", PYTHON)

    assert growth(KINDS[kind], work, 1_000) <= MAX_GROWTH


@pytest.mark.parametrize("kind", ["one line of code", "emoji", "short lines"])
def test_carrying_a_suggestion_over(kind: str) -> None:
    def make(n: int) -> tuple[Edit, Change]:
        text = KINDS[kind](n)
        change = whole_text_change(document(text + text), document(f"{text}answer{text}", 2))
        return Edit(Span(len(text), len(text)), "answer() + 1"), change

    def work(made: tuple[Edit, Change]) -> None:
        edit, change = made
        point = InsertionPoint(change.before, edit.span.start)
        point.follow(change)
        assert point.rebase(edit) is not None

    assert growth(make, work, 500_000) <= MAX_GROWTH


@pytest.mark.parametrize("start", ["", "first line\n"])
def test_the_line_end_of_a_document(start: str) -> None:
    small, large = (document(start + "x" * n) for n in (2_000, 2_000_000))
    assert ratio(lambda at: [at.line_ending for _ in range(100)], small, large) <= MAX_GROWTH


@pytest.mark.parametrize("encoding", [PositionEncodingKind.Utf8, PositionEncodingKind.Utf16])
def test_a_place_in_a_line(encoding: PositionEncodingKind) -> None:
    def work(at: Document) -> None:
        place = convert.position(at, len(at.text), encoding)
        assert convert.offset(at, Position(place.line, place.character), encoding) == len(at.text)

    assert growth(lambda n: document("😀" * n), work, 300_000) <= MAX_GROWTH


@pytest.mark.parametrize("chunk", ["xyz", "x = 1\n", "(a, b, ", "\n", "' value ", "# a "])
@pytest.mark.parametrize("marked", ["x = (", "def f():\n    "])
def test_an_answer_that_comes_in_pieces(chunk: str, marked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece is looked at with all before it, which is bounded by the longest answer."""
    monkeypatch.setattr("qwen_lsp.completion.flight.MAX_ANSWER_CHARS", 400)
    cursor = Cursor(document(f"{marked})\n"), len(marked))
    made = prompt.fim(cursor, TOKENS, "spm", BUDGET, None, PYTHON)
    around = stopping.surroundings(cursor, PYTHON)
    mode = stopping.mode(around)

    def work(n: int) -> None:
        view = View("u", made, around, mode, PYTHON, ())
        flight = Flight(view, "request")
        flight.feed(Chunk(made.healed_prefix))
        for _ in range(n):
            flight.feed(Chunk(chunk, (-0.1,)))
            if flight.cut_reason:
                break

    assert growth(lambda n: n, work, 2_000) <= MAX_GROWTH


def test_retained_texts_are_small() -> None:
    """What is kept of estimated texts must not grow with overlong lines."""
    tokens._cached.cache_clear()
    tokens.estimate("x" * 1_000_000)
    tokens.estimate_within("x" * 1_000_000, 10_000_000)
    assert tokens._cached.cache_info().currsize == 0
