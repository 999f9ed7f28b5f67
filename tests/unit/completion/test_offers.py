"""What becomes of a suggestion: counted once, however often the client asks again, by what the text shows."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from qwen_lsp.completion.offers import Offers
from qwen_lsp.completion.stats import database, report
from qwen_lsp.completion.stats.recorder import Recorder
from qwen_lsp.text import Document, Edit, Span
from tests.support.isolation import isolate_user
from tests.support.places import split

URI = "file:///a.py"


class Desk:
    """A document that is typed in, the offers made for it, and what was counted."""

    def __init__(self, marked: str, kept_after_s: float = 0.05, settle_s: float = 0.02) -> None:
        before, after = split(marked)
        self.at = len(before)
        self.documents = {URI: Document(URI, before + after, 1, "python")}
        self.recorder = Recorder(lambda: True, lambda work: work.close(), flush_s=3600)
        self.offers = Offers(self.documents.get, self.recorder, kept_after_s, settle_s)

    def offer(self, text: str) -> str:
        return self.offers.offered(self.documents[URI], Edit(Span(self.at, self.at), text))

    def type(self, text: str) -> None:
        document = self.documents[URI]
        self.documents[URI] = document.with_edit(Edit(Span(self.at, self.at), text), document.version + 1)
        self.at += len(text)

    def replace(self, old: str, new: str) -> None:
        text = self.documents[URI].text
        assert text.count(old) == 1
        self.documents[URI] = Document(URI, text.replace(old, new), 9, "python")

    async def counted(self) -> dict[str, int]:
        await self.recorder.flush()
        return {name: n for name, n in report.read(1, database.stats_file()).total.items() if n}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate_user(monkeypatch, tmp_path / "home")


async def wait(desk: Desk, expected: dict[str, int]) -> None:
    """Wait until the counts are these; then make sure that nothing is added."""
    for _ in range(12_000):
        if await desk.counted() == expected and not desk.offers._timers:
            break
        await asyncio.sleep(0.005)
    assert await desk.counted() == expected


async def test_an_acceptance() -> None:
    desk = Desk("def add(a, b):\n    ║\n")
    id_ = desk.offer("return a + b")
    desk.type("return a + b")
    desk.offers.accepted(id_)
    assert await desk.counted() == {"shown": 1, "accepted": 1, "characters": 12}
    await wait(desk, {"shown": 1, "accepted": 1, "characters": 12, "kept_of": 1, "kept": 1})


async def test_an_acceptance_counts_once() -> None:
    desk = Desk("║")
    id_ = desk.offer("one two")
    desk.offers.accepted(id_)
    desk.offers.accepted(id_)
    desk.offers.partly_accepted(id_, 3)
    desk.offers.dismissed(id_)
    assert await desk.counted() == {"shown": 1, "accepted": 1, "characters": 7}


async def test_unknown_ids_are_ignored() -> None:
    desk = Desk("║")
    desk.offers.accepted("17")
    desk.offers.partly_accepted("", 4)
    desk.offers.dismissed("x")
    assert await desk.counted() == {}


@pytest.mark.parametrize(("characters", "saved"), [(4, 4), (0, 0), (-3, 0), (10_000, 7)])
async def test_the_client_may_say_how_much(characters: int, saved: int) -> None:
    desk = Desk("║")
    desk.offers.accepted(desk.offer("one two"), characters)
    assert (await desk.counted()).get("characters", 0) == saved


async def test_an_acceptance_word_by_word() -> None:
    desk = Desk("║")
    id_ = desk.offer("one two three")
    for word in ("one ", "two "):
        desk.type(word)
        desk.offers.partly_accepted(id_, 4)
    assert await desk.counted() == {"shown": 1, "partly": 1, "characters": 8}
    desk.type("three")
    desk.offers.accepted(id_)
    assert await desk.counted() == {"shown": 1, "partly": 1, "accepted": 1, "characters": 13}


async def test_a_suggestion_that_is_typed_into_stays_one() -> None:
    desk = Desk("x = ║\n")
    first = desk.offer("alpha + beta")
    desk.type("al")
    assert desk.offer("pha + beta") == first
    desk.type("pha")
    assert desk.offer(" + beta") == first
    assert await desk.counted() == {"shown": 1}
    desk.offers.accepted(first)
    assert (await desk.counted())["characters"] == len(" + beta")


async def test_an_early_answer_that_grows_stays_one() -> None:
    desk = Desk("x = ║\n")
    first = desk.offer("alpha")
    desk.type("a")
    assert desk.offer("lpha + beta") == first
    desk.type("lpha + ")
    assert desk.offer("beta") == first
    assert await desk.counted() == {"shown": 1}


@pytest.mark.parametrize("rest", ["xyz", "lpine"])
async def test_another_suggestion_is_another_one(rest: str) -> None:
    desk = Desk("x = ║\n")
    first = desk.offer("alpha")
    desk.type("a")
    assert desk.offer(rest) != first
    assert await desk.counted() == {"shown": 2}


async def test_after_an_acceptance_comes_another_one() -> None:
    desk = Desk("║")
    first = desk.offer("one two")
    desk.offers.accepted(first)
    assert desk.offer("one two") != first


async def test_after_a_dismissal_comes_another_one() -> None:
    desk = Desk("║")
    first = desk.offer("one two")
    desk.offers.dismissed(first)
    desk.offers.dismissed(first)
    assert await desk.counted() == {"shown": 1, "dismissed": 1}
    assert desk.offer("one two") != first


async def test_candidates_are_one_suggestion() -> None:
    desk = Desk("║")
    first = desk.offer("one")
    document = desk.documents[URI]
    others = [desk.offers.alternative(document, Edit(Span(0, 0), text)) for text in ("two!", "three")]
    assert len({first, *others}) == 3
    desk.offers.accepted(others[0])
    assert await desk.counted() == {"shown": 1, "accepted": 1, "characters": 4}


async def test_typing_it_all_is_neither_acceptance_nor_dismissal() -> None:
    desk = Desk("x = ║\n")
    desk.offer("alpha")
    for char in "alpha":
        desk.type(char)
    desk.offer("+ 1")
    await wait(desk, {"shown": 2, "typed_through": 1})


async def test_what_was_not_typed_to_the_end_is_not_typed_through() -> None:
    desk = Desk("x = ║\n")
    desk.offer("alpha")
    desk.type("alphonse")
    desk.offer(" + 1")
    await wait(desk, {"shown": 2})


async def test_an_acceptance_told_late_is_no_typing_through() -> None:
    """Editors ask for the next suggestion before they run the command of the accepted one."""
    desk = Desk("x = ║\n")
    first = desk.offer("alpha")
    desk.type("alpha")
    desk.offer("+ 1")
    desk.offers.accepted(first)
    await wait(desk, {"shown": 2, "accepted": 1, "characters": 5, "kept_of": 1, "kept": 1})


@pytest.mark.parametrize(
    ("old", "new", "is_kept"),
    [
        ("return a+b", "return a+b", True),
        ("def add", "# a line above\n\ndef add", True),
        ("    return a+b", "  return a + b", True),  # as a formatter would
        ("return a+b", "return a+b+c", True),
        ("return a+b", "return a-b", False),
        ("    return a+b\n", "", False),
    ],
)
async def test_what_still_stands_later_was_kept(old: str, new: str, is_kept: bool) -> None:
    desk = Desk("def add(a, b):\n    ║\n")
    id_ = desk.offer("return a+b")
    desk.type("return a+b")
    desk.offers.accepted(id_)
    desk.replace(old, new)
    expected = {"shown": 1, "accepted": 1, "characters": 10, "kept_of": 1}
    await wait(desk, {**expected, "kept": 1} if is_kept else expected)


async def test_short_texts_that_stand_elsewhere_are_not_taken_for_kept() -> None:
    desk = Desk("print(a)\nprint(b║\n")
    id_ = desk.offer(")")
    desk.type(")")
    desk.offers.accepted(id_)
    desk.replace("print(b)", "print(b + 1)")
    await wait(desk, {"shown": 1, "accepted": 1, "characters": 1, "kept_of": 1})


async def test_a_closed_document_says_nothing_of_what_was_kept() -> None:
    desk = Desk("║")
    desk.offers.accepted(desk.offer("one"))
    del desk.documents[URI]
    desk.offers.forget(URI)
    await wait(desk, {"shown": 1, "accepted": 1, "characters": 3})


async def test_close_ends_every_wait() -> None:
    desk = Desk("║")
    desk.offers.accepted(desk.offer("one"))
    desk.offers.close()
    assert not desk.offers._timers
    assert await desk.counted() == {"shown": 1, "accepted": 1, "characters": 3}


async def test_there_are_never_many_offers() -> None:
    desk = Desk("║")
    ids = [desk.offer(f"text {n}") for n in range(1000)]
    desk.offers.accepted(ids[0])
    assert "accepted" not in await desk.counted()
    desk.offers.accepted(ids[-1])
    counted: Counter[str] = Counter(await desk.counted())
    assert counted["accepted"] == 1
    assert counted["shown"] == 1000
