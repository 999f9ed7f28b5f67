"""llama.vim's policy as described: requests, cache, discard rules, ring, and one request at a time."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from cachetools import LRUCache

from qwen_lsp.bench.replay import llama_vim
from qwen_lsp.bench.replay.llama_vim import (
    Answer,
    Chunk,
    Infill,
    LlamaVim,
    Local,
    add,
    far_regions,
    keys,
    local,
    lookup,
    pick,
    prefill,
    request,
    shown,
    similarity,
    trimmed,
    without_near,
)
from qwen_lsp.text import Document, Edit, Span
from tests.support.virtual_time import now_ms, run

NUMBERED = Document("", "".join(f"line {number}\n" for number in range(1, 1501)))


def at(text: str) -> tuple[Document, int]:
    before, _, after = text.partition("|")
    return Document("", before + after), len(before)


def around(text: str) -> Local:
    return local(*at(text))


def test_the_local_context_has_256_lines_before_and_64_after() -> None:
    here = local(NUMBERED, NUMBERED.starts[999] + 2)
    assert here.prefix.startswith("line 744\n")
    assert here.prefix.count("\n") == 256
    assert here.line_prefix == "li"
    assert here.suffix.startswith("ne 1000\nline 1001\n")
    assert here.suffix.endswith("line 1064\n")
    assert here.suffix.count("\n") == 65


def test_the_request_as_documented() -> None:
    body = request(around("def f():\n    ret|urn\nx\n"), [Chunk(("a", "b"), "b.py")], 250)
    assert body == {
        "id_slot": 0,
        "input_prefix": "def f():\n",
        "prompt": "    ret",
        "input_suffix": "urn\nx\n\n",
        "input_extra": [{"text": "a\nb\n", "filename": "b.py"}],
        "n_predict": 128,
        "n_indent": 4,
        "top_k": 40,
        "top_p": 0.9,
        "samplers": ["top_k", "top_p", "infill"],
        "cache_prompt": True,
        "t_max_predict_ms": 250,
        "stream": False,
    }
    assert prefill([])["n_predict"] == 0


def test_a_line_of_indentation_is_not_sent_and_taken_back_from_the_answer() -> None:
    here = around("def f():\n    |\n")
    assert here.prompt == ""
    assert trimmed("    return 1", here) == "return 1"
    assert trimmed("  return 1", here) == "return 1"
    assert trimmed("      return 1", here) == "  return 1"
    assert trimmed("  + 1", around("x |\n")) == "  + 1"


# --- the cache -------------------------------------------------------------------------------------------


def cached(text: str, answer: str) -> LRUCache[str, Answer]:
    cache: LRUCache[str, Answer] = LRUCache(250)
    for key in keys(around(text)):
        cache[key] = Answer(answer, Infill(answer), 0.0)
    return cache


def rest(cache: LRUCache[str, Answer], text: str) -> str | None:
    found = lookup(cache, around(text))
    return found[1] if found else None


def test_typing_into_an_answer_finds_its_rest() -> None:
    cache = cached("x = |\ny\n", "first + second\n    third")
    assert rest(cache, "x = |\ny\n") == "first + second\n    third"
    assert rest(cache, "x = first |\ny\n") == "+ second\n    third"
    assert rest(cache, "x = first + second\n    th|\ny\n") == "ird"
    assert rest(cache, "x = fast|\ny\n") is None
    assert rest(cache, "x = |\nz\n") is None
    assert rest(cache, "x = first + second\n    third|\ny\n") is None


def test_the_way_back_ends_after_128_characters() -> None:
    long = "a" * 200
    cache = cached("x = |", long)
    assert rest(cache, f"x = {long[:128]}|") == long[128:]
    assert rest(cache, f"x = {long[:129]}|") is None


def test_the_longest_rest_wins() -> None:
    cache = cached("x = |", "ab")
    cache.update(cached("x = a|", "bcd"))
    assert rest(cache, "x = a|") == "bcd"


def test_scrolling_by_three_lines_still_finds_the_answer() -> None:
    cache: LRUCache[str, Answer] = LRUCache(250)
    here = local(NUMBERED, NUMBERED.line_end(999))
    answer = Answer("\nnew 1\nnew 2\nnew 3\nnew 4", Infill(""), 0.0)
    for key in keys(here):
        cache[key] = answer

    def after(typed: str) -> str | None:
        end = NUMBERED.line_end(999)
        document = NUMBERED.with_edit(Edit(Span(end, end), typed), 2)
        found = lookup(cache, local(document, end + len(typed)))
        return found[1] if found else None

    assert after("\nnew 1\nnew 2\nnew 3") == "\nnew 4"
    assert after("\nnew 1\nnew 2\nnew 3\nnew") is None


# --- what is discarded ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "text", "expected"),
    [
        ("x = |\n", "1\n\n  \n", "1"),  # trailing empty lines go
        ("x = |\n", "  \n", ""),  # nothing but space
        ("x|\nfoo()\nbar()\n", "\nfoo()\nbar()", ""),  # an empty line and then what follows anyway
        ("x|\nfoo()\nbar()\n", "\nfoo()\nbaz()", "\nfoo()\nbaz()"),
        ("f(|)\n", ")", ""),  # only what stands right of the cursor
        ("f(|)\n", "x)", "x)"),
        ("fo|\n\nfoo()\nbar()\n", "o()", ""),  # the next line once more
        ("fo|\n\nfoo()\nbar()\n", "o()\nba", ""),  # two lines: the second begins the one after
        ("fo|\n\nfoo()\nbar()\n", "o()\nbaz", "o()\nbaz"),
        ("fo|\nfoo()\nbar()\nbaz()\n", "o()\nbar()\nbaz()", ""),  # more: all are there
        ("fo|\nfoo()\nbar()\nbaz()\n", "o()\nbar()\nqux()", "o()\nbar()\nqux()"),
        ("fo|", "o()", "o()"),
    ],
)
def test_the_discard_rules(place: str, text: str, expected: str) -> None:
    assert shown(text, around(place)) == expected


# --- the ring ------------------------------------------------------------------------------------------


def chunk(*words: str) -> Chunk:
    return Chunk(tuple(words), "a.py")


def test_similarity_of_words() -> None:
    assert similarity(["a b c"], ["a b", "c"]) == 1
    assert similarity(["a b c d"], ["a b x y"]) == 0.5
    assert similarity(["a"], ["b"]) == 0
    assert similarity([], ["-"]) == 1


def test_a_chunk_is_a_window_of_32_lines_and_at_least_3() -> None:
    rng = random.Random(7)
    lines = [str(number) for number in range(64)]
    picked = pick(lines, "a.py", rng)
    assert picked is not None
    assert len(picked.lines) == 32
    assert list(picked.lines) == lines[int(picked.lines[0]) :][:32]
    assert pick(lines[:5], "a.py", rng) == Chunk(tuple(lines[:5]), "a.py")
    assert pick(lines[:2], "a.py", rng) is None


def test_a_near_copy_replaces_and_the_oldest_goes() -> None:
    ring = (chunk("a b c"), chunk("d e f"))
    assert add(ring, chunk("a  b c"), 16) == (chunk("d e f"), chunk("a  b c"))
    assert add(ring, chunk("g"), 2) == (chunk("d e f"), chunk("g"))


def test_what_resembles_the_text_at_the_cursor_is_evicted() -> None:
    here = around("alpha beta\ngamma |\ndelta\n")
    ring = (chunk("alpha beta gamma other"), chunk("something else"))
    assert without_near(ring, here) == (chunk("something else"),)


def test_a_long_move_picks_above_the_prefix_and_below_the_suffix() -> None:
    above, below = far_regions(NUMBERED, NUMBERED.starts[1299])
    assert (above[0], above[-1]) == ("line 276", "line 1043")
    assert (below[0], below[-1]) == ("line 1364", "line 1427")
    assert far_regions(NUMBERED, 0)[0] == []


# --- the machine: one request at a time, on a clock of its own ----------------------------------------------


class Engine:
    """An `/infill` that takes its time and writes a known text."""

    def __init__(self, text: str, takes_ms: float = 400) -> None:
        self.text = text
        self.takes_ms = takes_ms
        self.asked: list[tuple[float, dict[str, Any]]] = []
        self.n_running = 0

    async def __call__(self, body: dict[str, Any]) -> Infill:
        self.asked.append((round(now_ms()), body))
        assert self.n_running == 0, "two requests at once"
        self.n_running += 1
        await asyncio.sleep(self.takes_ms / 1000)
        self.n_running -= 1
        written = body.get("input_prefix", "") + body.get("prompt", "")
        text = self.text[len(written) :] if self.text.startswith(written) else ""
        return Infill(text, 100, 10, 100.0, 300.0)


async def type_into(vim: LlamaVim, text: str, gap_ms: float) -> list[llama_vim.Watch]:
    document = Document("", "")
    watches = []
    for offset, char in enumerate(text):
        document = document.with_edit(Edit(Span(offset, offset), char), document.version + 1)
        watches.append(vim.move(document, offset + 1, "a.py"))
        await asyncio.sleep(gap_ms / 1000)
    return watches


def test_an_answer_is_shown_and_what_follows_it_asked_for() -> None:
    async def main() -> None:
        engine = Engine("x = 1")
        watch = LlamaVim(engine, 7).move(Document("", "x"), 1, "a.py")
        assert await watch.shown == " = 1"
        assert round(now_ms()) == 400
        await asyncio.sleep(1)
        assert [(moment, body["prompt"], body["t_max_predict_ms"]) for moment, body in engine.asked] == [
            (0, "x", 250),
            (400, "x = 1", 1000),
        ]
        assert not watch.is_from_cache

    run(main())


def test_a_late_answer_is_shown_where_typing_agreed_with_it() -> None:
    async def main() -> None:
        watches = await type_into(LlamaVim(Engine("x = 1 + 2"), 7), "x = 1", gap_ms=150)
        assert [watch.shown.done() for watch in watches] == [False, False, True, True, True]
        assert watches[2].shown.result() == " 1 + 2"
        assert [watch.is_from_cache for watch in watches] == [False, False, False, True, True]

    run(main())


def test_while_busy_it_comes_back_every_100_ms_and_cancels_nothing() -> None:
    async def main() -> None:
        engine = Engine("", takes_ms=390)
        vim = LlamaVim(engine, 7)
        await type_into(vim, "abc", gap_ms=150)
        await asyncio.sleep(1)
        # The timer is rearmed by each key: the last key came at 300 ms.
        assert [(moment, body["prompt"]) for moment, body in engine.asked] == [(0, "a"), (400, "abc")]

    run(main())


def test_nothing_is_asked_with_much_text_right_of_the_cursor() -> None:
    async def main() -> None:
        engine = Engine("f(x)")
        vim = LlamaVim(engine, 7)
        assert vim.move(Document("", "f(123456789)"), 2, "a.py").reason
        assert engine.asked == []
        vim.move(Document("", "f(1234567)"), 2, "a.py")
        await asyncio.sleep(0)
        assert len(engine.asked) == 1
        await asyncio.sleep(1)

    run(main())


def test_visited_buffers_are_sent_along_and_read_beforehand() -> None:
    async def main() -> None:
        engine = Engine("")
        vim = LlamaVim(engine, 7)
        vim.visit(Document("", "one\ntwo\nthree\n"), "b.py")
        await vim.settle()
        assert [body["n_predict"] for _, body in engine.asked] == [0]
        vim.move(Document("", "x"), 1, "a.py")
        await asyncio.sleep(1)
        assert [extra["filename"] for extra in engine.asked[1][1]["input_extra"]] == ["b.py"]

    run(main())


def test_a_queued_chunk_is_promoted_only_when_the_user_is_still() -> None:
    async def main() -> None:
        engine = Engine("", takes_ms=10)
        vim = LlamaVim(engine, 7)
        vim.move(NUMBERED, NUMBERED.starts[1299], "a.py")  # picks two far chunks
        await asyncio.sleep(1)
        vim.still()
        assert vim.chunks == ()
        await asyncio.sleep(2)
        vim.still()
        vim.still()
        assert len(vim.chunks) == 1
        await asyncio.sleep(1)
        vim.still()
        assert len(vim.chunks) == 2
        await asyncio.sleep(1)

    run(main())


def test_an_engine_that_fails_shows_nothing_and_is_asked_again() -> None:
    async def main() -> None:
        async def broken(body: dict[str, Any]) -> Infill:
            raise OSError("gone")

        vim = LlamaVim(broken, 7)
        watches = await type_into(vim, "ab", gap_ms=150)
        assert not any(watch.shown.done() for watch in watches)
        assert len(vim.requests) == 2

    run(main())
