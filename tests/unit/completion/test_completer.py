"""One request from its cursor to its outcome, in virtual time, over an engine that follows a script."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.completion import filters
from qwen_lsp.completion.budget import budget
from qwen_lsp.completion.completer import Completer
from qwen_lsp.completion.outcome import Completion, Rejected, Trigger
from qwen_lsp.config import CompletionConfig
from qwen_lsp.model import catalog
from qwen_lsp.model.hosts import Host
from qwen_lsp.model.speed import Speed
from qwen_lsp.text import Change, Cursor, Document, Edit, Span
from tests.support.isolation import isolate_user
from tests.support.places import cursor
from tests.support.scripted_engine import ScriptedEngine, use_virtual_clock
from tests.support.virtual_time import now_ms, run

SURE = [(token, 0.99) for token in ("sum", "(", "values", ")", "\n")]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate_user(monkeypatch, tmp_path)
    use_virtual_clock(monkeypatch)


def always(tokens: list[tuple[str, float]]) -> ScriptedEngine:
    return ScriptedEngine(lambda prompt: tokens)


def made(engine: ScriptedEngine, **settings: Any) -> Completer:
    return made_of(engine.host(), **settings)


def made_of(host: Host, **settings: Any) -> Completer:
    config = CompletionConfig(**{"prefetch": False, **settings})
    return Completer(host, catalog.default_profile(), config)


def virtually(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run(work())


PLACE = cursor("def total(values):\n    return ║\n")


def typed(place: Cursor, text: str) -> Cursor:
    edit = Edit(Span(place.offset, place.offset), text)
    document = place.document.with_edit(edit, place.document.version + 1)
    return Cursor(document, place.offset + len(text))


def shown(outcome: Completion | Rejected) -> str:
    assert isinstance(outcome, Completion), outcome
    return outcome.edit.new_text


def test_by_hand_the_whole_answer_comes_and_then_from_memory() -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine)
        assert shown(await completer.complete(PLACE, "invoked")) == "sum(values)"
        took = now_ms()
        assert shown(await completer.complete(typed(PLACE, "su"), "automatic")) == "m(values)"
        assert now_ms() == took, "from memory"
        assert len(engine.generations) == 1
        await completer.close()

    virtually(work)


def test_an_automatic_request_is_answered_early_and_the_next_key_gets_the_rest_of_one_generation() -> None:
    async def work() -> None:
        tokens = [(token, 0.999) for n in range(20) for token in (f"word{n}", " + ")]
        engine = always(tokens)
        completer = made(engine)
        first = await completer.complete(PLACE, "automatic")
        assert shown(first).startswith("word0")
        assert first.trace.is_partial
        early_ms = now_ms()
        second = await completer.complete(typed(PLACE, "word0"), "automatic")
        assert second.trace.source == "flight"
        assert shown(second).startswith(" + word1")
        assert len(engine.generations) == 1
        assert early_ms < 1000
        await completer.close()

    virtually(work)


def test_the_rest_of_what_was_asked_for_by_hand_is_not_judged_as_unasked() -> None:
    """A client that got the first line asks by itself for the rest: that must not take the line away."""

    async def work() -> None:
        sure = [(token, 0.99) for token in ("sum", "(")]
        engine = always([*sure, *((token, 0.3) for token in ("values", ")", "\n", "    print", "(", ")"))])
        completer = made(engine)
        place = cursor("def total(values):\n    return ║\n\n\ndone = True\n")
        first = await completer.complete(place, "invoked", None, lambda text: None)
        assert shown(first) == "sum(values)"
        assert first.trace.is_partial
        rest = await completer.complete(place, "automatic", None, lambda text: None)
        assert shown(rest).startswith("sum(values)")
        assert len(engine.generations) == 1
        # Unasked, the model is not sure enough of it.
        further = await completer.complete(typed(place, "s"), "automatic")
        assert not isinstance(further, Completion) or "values" not in shown(further)
        await completer.close()

    virtually(work)


def test_the_newest_request_wins() -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine)
        older = asyncio.create_task(completer.complete(PLACE, "invoked"))
        await asyncio.sleep(0.06)
        newer = asyncio.create_task(completer.complete(typed(PLACE, "su"), "invoked"))
        outcome = await older
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "superseded"
        assert shown(await newer) == "m(values)"
        assert len(engine.generations) == 1, "what was typed is what was being written"
        await completer.close()

    virtually(work)


def test_typing_something_else_begins_again() -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine)
        older = asyncio.create_task(completer.complete(PLACE, "invoked"))
        await asyncio.sleep(0.2)
        outcome = await completer.complete(typed(PLACE, "len("), "invoked")
        assert (await older).trace.reason == "superseded"
        assert isinstance(outcome, Completion | Rejected)
        assert len(engine.generations) == 2
        assert engine.generations[0].is_left
        await completer.close()

    virtually(work)


def test_a_generation_that_nobody_waits_for_ends_after_the_grace() -> None:
    async def work() -> None:
        engine = always([(f"word{n} ", 0.999) for n in range(60)])
        completer = made(engine)
        asked = asyncio.create_task(completer.complete(PLACE, "invoked"))
        await asyncio.sleep(0.1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.sleep(completer._config.grace_ms / 1000 + 0.01)
        assert engine.generations[0].is_left
        assert completer.last[PLACE.document.uri].reason == "cancelled"
        await completer.close()

    virtually(work)


def test_what_the_model_is_unsure_of_is_not_shown_unasked_and_the_reason_is_true() -> None:
    async def work() -> None:
        completer = made(
            always([("su", 0.98), ("m", 0.5), ("(values)", 0.9), ("\n", 1.0)]), min_confidence=0.8
        )
        outcome = await completer.complete(PLACE, "automatic")
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.trace.min_confidence) == ("unsure", 0.8)
        assert outcome.trace.first_word is not None
        assert outcome.trace.first_word < 0.8
        assert outcome.detail == "the model gives it 49%, less than 80%"
        assert shown(await completer.complete(PLACE, "invoked")) == "sum(values)"
        await completer.close()

    virtually(work)


def test_a_sure_part_that_would_end_inside_a_call_is_not_called_unlikely() -> None:
    async def work() -> None:
        place = cursor("def total(values):\n    if isinstance║\n")
        answer = [("(", 0.995), ("values", 0.99), (", list)", 0.4), (":", 0.9), ("\n", 1.0)]
        completer = made(always(answer), min_confidence=0.8)
        outcome = await completer.complete(place, "automatic")
        assert isinstance(outcome, Rejected)
        assert "less than" not in outcome.detail, outcome.detail
        assert outcome.detail == "what the model is sure of would end inside a construct"
        await completer.close()

    virtually(work)


@pytest.mark.parametrize(
    ("answer", "is_repetition"),
    [(("log(", "values", ")", "\n"), True), (("log(", "values", ", total)", "\n"), False)],
)
def test_what_may_still_be_dropped_as_a_repetition_is_not_shown_early(
    answer: tuple[str, ...], is_repetition: bool
) -> None:
    async def work() -> None:
        place = cursor("def total(values):\n    ║\n    log(values)\n")
        completer = made(always([(token, 0.999) for token in answer]))
        asked = [await completer.complete(place, "automatic")]
        if is_repetition:
            assert isinstance(asked[0], Rejected)
            assert asked[0].trace.rule == "repeats_suffix"
        else:
            assert shown(asked[0]).startswith("log(values,")
        await completer.close()

    virtually(work)


def test_what_follows_the_answer_is_computed_when_the_user_pauses() -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine, prefetch=True)
        await completer.complete(PLACE, "invoked")
        await asyncio.sleep(2)
        assert len(engine.generations) == 2
        await completer.close()

    virtually(work)


def test_nothing_is_computed_ahead_while_the_user_types_on() -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine, prefetch=True)
        await completer.complete(PLACE, "invoked")
        place = PLACE
        for character in "sum(val":
            await asyncio.sleep(0.3)
            place, before = typed(place, character), place
            edit = Edit(Span(before.offset, before.offset), character)
            completer.changed(Change(before.document, place.document, (edit,)))
        assert len(engine.generations) == 1
        await asyncio.sleep(2)
        assert len(engine.generations) == 2, "now it pauses"
        await completer.close()

    virtually(work)


def test_what_has_waited_for_its_turn_is_asked_anew_with_the_text_of_now() -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine)
        engine.busy_s = 1.0
        first = asyncio.create_task(completer.complete(PLACE, "automatic"))
        await asyncio.sleep(0.5)
        second = asyncio.create_task(completer.complete(typed(PLACE, "su"), "automatic"))
        assert (await second).trace.source == "model"
        assert isinstance(await first, Rejected)
        asked = [generation.prompt + generation.forced for generation in engine.generations]
        assert [prompt.endswith("return su") for prompt in asked] == [False, True]
        await completer.close()

    virtually(work)


def test_the_deadline_is_that_of_the_key_that_waits() -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine)
        engine.busy_s = 60.0
        asked = []
        for place in (PLACE, typed(PLACE, "s"), typed(PLACE, "su")):
            asked.append(asyncio.create_task(completer.complete(place, "automatic")))
            await asyncio.sleep(9)
        assert (await asked[-1]).trace.source == "model"
        earlier = [await one for one in asked[:-1]]
        assert {one.reason for one in earlier if isinstance(one, Rejected)} <= {"superseded"}
        assert len(engine.generations) == 2
        engine.busy_s = 60.0
        alone = await completer.complete(cursor("value = ║\n"), "automatic")
        assert isinstance(alone, Rejected)
        assert alone.reason == "timeout"
        await completer.close()

    virtually(work)


def test_what_nobody_waits_for_any_more_is_not_asked_anew() -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine)
        engine.busy_s = 0.1
        asked = asyncio.create_task(completer.complete(PLACE, "automatic"))
        await asyncio.sleep(0.05)
        asked.cancel()
        await asyncio.sleep(2)
        assert len(engine.generations) == 1
        await completer.close()

    virtually(work)


def failing(*arguments: Any, **named: Any) -> Any:
    raise ZeroDivisionError("injected")


def broken_listener(
    completer: Completer, host: Host, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    return failing


def broken_filter(completer: Completer, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "FILTERS", (failing_filter,))


def failing_filter(text: str, case: filters.Case) -> str:
    raise ZeroDivisionError("injected")


def broken_prompt(completer: Completer, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    completer._views._snippets = failing


@pytest.mark.parametrize("fault", [broken_listener, broken_filter, broken_prompt])
@pytest.mark.parametrize("trigger", ["automatic", "invoked"])
def test_a_fault_of_ours_is_logged_reported_and_never_kept(
    fault: Callable[..., Any],
    trigger: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        engine = always(SURE)
        host = engine.host()
        completer = made_of(host)
        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
            on_text = fault(completer, host, patch)
            outcome = await completer.complete(PLACE, trigger, None, on_text)
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "internal"
        assert completer.last[PLACE.document.uri].reason == "internal"
        assert "ZeroDivisionError" in caplog.text
        completer._views._snippets = None
        assert shown(await completer.complete(PLACE, "invoked")) == "sum(values)", "nothing wrong was kept"
        await completer.close()

    virtually(work)


def test_a_closed_client_ends_the_request_and_not_the_closing(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        engine = always(SURE)
        host = engine.host()
        completer = made_of(host)
        await host.close()
        outcome = await completer.complete(PLACE, "invoked")
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "internal"
        await completer.close()

    virtually(work)
    assert "has been closed" in caplog.text


def test_closing_after_a_failed_generation_that_nobody_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        completer = made(always(SURE), prefetch=True)
        await completer.complete(PLACE, "invoked")
        monkeypatch.setattr(filters, "FILTERS", (failing_filter,))
        await asyncio.sleep(2)
        await completer.close()

    virtually(work)
    assert "a generation for prefetch failed" in caplog.text


def test_no_request_inside_a_word_and_none_when_switched_off() -> None:
    async def work() -> None:
        completer = made(always(SURE))
        inside = Cursor(Document("file:///a.py", "total = value\n"), 10)
        outcome = await completer.complete(inside, "automatic")
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "not wanted here"
        await completer.close()
        off = await made(always(SURE), enabled=False).complete(PLACE, "invoked")
        assert isinstance(off, Rejected)
        assert off.reason == "off"

    virtually(work)


@pytest.mark.parametrize(
    ("marked", "place"), [("# total ║\n", "comment"), ('x = "total ║"\n', "string"), ("x = ║\n", "")]
)
def test_places_that_are_switched_off_get_nothing_unasked(marked: str, place: str) -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine, disabled_in=("comment", "string"))
        outcome = await completer.complete(cursor(marked), "automatic")
        assert isinstance(outcome, Rejected) == bool(place)
        assert outcome.trace.rule == (f"inside_{place}" if place else "")
        assert len(engine.generations) == (0 if place else 1)
        await completer.complete(cursor(marked), "invoked")
        assert len(engine.generations) == 1, "by hand it is asked everywhere"
        await completer.close()

    virtually(work)


@pytest.mark.parametrize("trigger", ["automatic", "invoked"])
def test_a_language_that_is_switched_off_is_never_read(trigger: Any) -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine, disabled_languages=("python",))
        outcome = await completer.complete(PLACE, trigger)
        assert isinstance(outcome, Rejected)
        assert outcome.trace.rule == "language"
        completer.prefill(PLACE, None)
        await asyncio.sleep(1)
        assert engine.generations == []
        await completer.close()

    virtually(work)


def test_nothing_is_asked_before_the_pause_that_the_user_wants() -> None:
    async def work() -> None:
        engine = always(SURE)
        completer = made(engine, min_pause_ms=700)
        asking = asyncio.create_task(completer.complete(PLACE, "automatic"))
        await asyncio.sleep(0.69)
        assert engine.generations == []
        await asking
        assert len(engine.generations) == 1
        await completer.close()

    virtually(work)


def test_who_asks_by_hand_at_a_new_place_is_shown_more_than_the_first_key() -> None:
    notes = "".join(f"# note {number} of what the function below does\n" for number in range(80))
    place = cursor(f"{notes}def total(values):\n    return ║\n")

    async def asked(trigger: Trigger) -> int:
        engine = always(SURE)
        completer = made(engine)
        completer.slot.budget = budget(CompletionConfig(), Speed(1, 1), catalog.default_profile())
        await completer.complete(place, trigger)
        return len(engine.generations[0].prompt)

    async def work() -> None:
        assert await asked("invoked") > 1.5 * await asked("automatic")

    virtually(work)
