"""Other candidates than the first answer: likely enough, each its own text, made one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_lsp.completion.completer import Completer
from qwen_lsp.completion.outcome import Completion
from qwen_lsp.config import CompletionConfig
from qwen_lsp.model import catalog
from tests.support import scripted_engine
from tests.support.isolation import isolate_user
from tests.support.places import cursor
from tests.support.scripted_engine import ScriptedEngine, Tokens, use_virtual_clock
from tests.support.virtual_time import run

PLACE = cursor("def total(values):\n    return ║\n")
FIRST: Tokens = [("sum", 0.5), ("(values)", 0.99), ("\n", 1.0)]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate_user(monkeypatch, tmp_path)
    use_virtual_clock(monkeypatch)


def answers(other_tokens: dict[str, float], script: Callable[[str], Tokens]) -> ScriptedEngine:
    """An engine that considered other beginnings; `script` says what it writes from each."""
    return ScriptedEngine(lambda prompt: FIRST, others=other_tokens, after_beginning=script)


async def asked_twice(engine: ScriptedEngine) -> Completion:
    completer = Completer(engine.host(), catalog.default_profile(), CompletionConfig(prefetch=False))
    first = await completer.complete(PLACE, "invoked")
    assert isinstance(first, Completion)
    assert first.alternatives == (), "nobody has asked for them"
    again = await completer.complete(PLACE, "invoked")
    await completer.close()
    assert isinstance(again, Completion)
    assert again.edit == first.edit
    return again


def test_asking_again_by_hand_gives_what_else_was_likely_the_likelier_first() -> None:
    def script(beginning: str) -> Tokens:
        return [("(values)", 0.9), ("\n", 1.0)]

    async def work() -> None:
        again = await asked_twice(answers({"len": 0.2, "max": 0.25, "zip": 0.01}, script))
        assert [edit.new_text for edit in again.alternatives] == ["max(values)", "len(values)"]

    run(work())


def test_the_same_text_twice_is_no_other_candidate() -> None:
    def script(beginning: str) -> Tokens:
        return [("um(values)" if beginning.endswith("s") else "(values)", 0.9), ("\n", 1.0)]

    async def work() -> None:
        again = await asked_twice(answers({"s": 0.3, "max": 0.25}, script))
        assert [edit.new_text for edit in again.alternatives] == ["max(values)"]

    run(work())


def test_a_slow_engine_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripted_engine, "TOKEN_MS", 1000.0)

    def script(beginning: str) -> Tokens:
        return [("(values)", 0.9), ("\n", 1.0)]

    async def work() -> None:
        engine = answers({"len": 0.2, "max": 0.25}, script)
        again = await asked_twice(engine)
        assert len(again.alternatives) == 1
        assert len(engine.generations) == 2, "the second other one was not begun"

    run(work())


def test_they_are_kept_for_the_next_time() -> None:
    def script(beginning: str) -> Tokens:
        return [("(values)", 0.9), ("\n", 1.0)]

    async def work() -> None:
        engine = answers({"len": 0.2}, script)
        completer = Completer(engine.host(), catalog.default_profile(), CompletionConfig(prefetch=False))
        outcomes = [await completer.complete(PLACE, "invoked") for _ in range(3)]
        assert [len(one.alternatives) for one in outcomes if isinstance(one, Completion)] == [0, 1, 1]
        assert len(engine.generations) == 2
        await completer.close()

    run(work())


def test_an_answer_by_hand_that_a_filter_drops_is_tried_once_more_from_another_beginning() -> None:
    def script(beginning: str) -> Tokens:
        return [("(values)", 0.9), ("\n", 1.0)]

    async def work() -> None:
        place = cursor("def total(values):\n    ║\n    log(values)\n")
        repeated: Tokens = [("log", 0.6), ("(values)", 0.9), ("\n", 1.0)]
        engine = ScriptedEngine(lambda prompt: repeated, others={"check": 0.3}, after_beginning=script)
        completer = Completer(engine.host(), catalog.default_profile(), CompletionConfig(prefetch=False))
        outcome = await completer.complete(place, "invoked")
        await completer.close()
        assert isinstance(outcome, Completion), outcome
        assert outcome.edit.new_text == "check(values)"

    run(work())
