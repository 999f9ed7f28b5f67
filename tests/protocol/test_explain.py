"""qwenLsp/explain and its command: every decision has a sentence, in the user's language."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from lsprotocol import types

from qwen_lsp.lsp.requests.explain import COMMAND
from qwen_lsp.text import Edit, Span
from tests.support.editor import Editor, editing, inline_params, within
from tests.support.engine_server import Answer, EngineServer, refuses, running, says
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = "def add(a, b):\n    ║\n"


async def command(editor: Editor, *arguments: Any) -> Any:
    params = types.ExecuteCommandParams(COMMAND, list(arguments))
    return await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))


async def test_nothing_was_asked(editor: Editor) -> None:
    place = await editor.open(CODE)
    assert await editor.why(place.uri) is None


async def test_a_suggestion_of_the_model(editor: Editor) -> None:
    editor.engine.answer = says("return a + b")
    place = await editor.open(CODE)
    assert await editor.suggest(place)
    why = await editor.why(place.uri)
    assert (why.outcome, why.reason, why.source) == ("shown", "", "model")
    assert re.fullmatch(r"The model made a suggestion in \d+ ms\.", why.summary)
    assert why.remedy == ""
    assert why.uri == place.uri
    assert why.answer == "return a + b"


async def test_a_suggestion_from_memory(editor: Editor) -> None:
    editor.engine.answer = says("return a + b")
    place = await editor.open(CODE)
    assert await editor.suggest(place)
    place = await editor.type(place, "ret")
    assert await editor.suggest(place) == "urn a + b"
    why = await editor.why(place.uri)
    assert (why.outcome, why.source) == ("shown", "cache")
    assert "from the cache" in why.summary


async def test_an_early_answer(editor: Editor) -> None:
    editor.engine.answer = says("return alpha + beta + gamma + delta + epsilon", between_s=0.1)
    place = await editor.open("def add(alpha, beta):\n    ║\n")
    assert await editor.suggest(place, invoked=False)
    why = await editor.why(place.uri)
    assert why.outcome == "shown"
    assert "the confident part" in why.summary


async def test_the_model_is_at_work(editor: Editor) -> None:
    editor.engine.answer = says("1", first_s=60)
    place = await editor.open("x = ║\n")
    asked = asyncio.create_task(editor.suggest(place))
    await until(lambda: editor.engine.running, "the request arrives")
    why = await editor.why(place.uri)
    assert (why.outcome, why.summary) == ("waiting", "The model is still generating a suggestion.")
    asked.cancel()
    await until(lambda: not editor.engine.running, "the generation is ended")
    why = await editor.why(place.uri)
    assert (why.outcome, why.summary) == ("cancelled", "The editor cancelled the request.")


async def test_a_newer_request_took_over(editor: Editor) -> None:
    editor.engine.answer = says("1", first_s=60)
    place = await editor.open("x = ║\ny = 1\n")
    first = asyncio.create_task(editor.suggest(place))
    await until(lambda: editor.engine.running, "the request arrives")
    second = asyncio.create_task(editor.suggest_at(place.uri, 1, 5))
    assert await within(first) is None
    assert (await editor.why(place.uri)).outcome == "waiting", "for the newer one"
    await until(lambda: len(editor.engine.generations) == 2, "the newer one arrives, not in the next test")
    second.cancel()


@pytest.mark.parametrize(
    "change",
    [Edit(Span(4, 4), "zebra"), Edit(Span(0, 1), "y"), Edit(Span(0, 5), ""), Edit(Span(5, 5), "y = 2\n")],
)
async def test_text_that_has_gone_another_way(editor: Editor, change: Edit) -> None:
    editor.engine.answer = says("1", first_s=2)
    place = await editor.open("x = ║\n")
    asked = asyncio.create_task(editor.suggest(place))
    await until(lambda: editor.engine.running, "the request arrives")
    await editor.session.edit(place.uri, change)
    assert await within(asked) is None
    assert (await editor.why(place.uri)).summary == "It was replaced by a newer request."


async def test_text_that_has_gone_another_way_before_the_model_was_asked(engine: EngineServer) -> None:
    """The first request waits for the endpoint, so nothing is under way that the change could end."""
    engine.answer = says("pass", first_s=0.5)
    async with editing(engine) as editor:
        place = await editor.open("x = ║\n")
        send = editor.session.client.protocol.send_request
        asked = send(types.TEXT_DOCUMENT_INLINE_COMPLETION, inline_params(place.uri, 0, 4))
        await editor.session.edit(place.uri, Edit(Span(0, 1), "y"))
        answer = await within(asyncio.wrap_future(asked))
        assert not answer.items
        assert (await editor.why(place.uri)).summary == "It was replaced by a newer request."


FILTERED = {
    "repeats_suffix": (
        "def f():\n    ║\n    return total\n",
        "return total",
        "it repeats the lines after the cursor",
    ),
    "repeats_line_above": ("total = compute()\n║\n", "total = compute()", "it repeats the line above"),
    "empty": ("x = ║\n", " ", "there was nothing to add"),
    "syntax": ("return ║\n", "1 + * 2", "it would add syntax errors"),
}


@pytest.mark.parametrize("rule", FILTERED)
async def test_a_filter_or_gate_names_itself(editor: Editor, rule: str) -> None:
    marked, answer, words = FILTERED[rule]
    editor.engine.answer = says(answer)
    place = await editor.open(marked)
    assert await editor.suggest(place) is None
    for _ in range(2):  # and again from memory
        why = await editor.why(place.uri)
        assert (why.outcome, why.rule) == ("filtered", rule)
        assert why.summary == f"A suggestion was held back: {words}."
        assert await editor.suggest(place) is None


async def test_the_model_is_not_sure(editor: Editor) -> None:
    editor.engine.answer = Answer(says("total").chunks, logprob=-1.5)
    place = await editor.open("x = ║\n")
    assert await editor.suggest(place, invoked=False) is None
    why = await editor.why(place.uri)
    assert why.outcome == "unsure"
    assert "22%" in why.summary
    assert "completion.minConfidence" in why.summary
    assert await editor.suggest(place) == "total", "by hand it is shown, as the sentence says"


async def test_the_rest_of_a_name_while_the_model_reads(editor: Editor) -> None:
    editor.engine.answer = says("ect_everything()", first_s=1.0)
    place = await editor.open("connect_everything()\nx = conn║\n")
    assert await editor.suggest(place, invoked=False) == "ect_everything"
    why = await editor.why(place.uri)
    assert (why.outcome, why.source) == ("shown", "names")
    assert "the rest of a name" in why.summary
    assert await editor.suggest(place) == "ect_everything()", "by hand the model is waited for"


async def test_the_rest_of_a_name_where_the_model_is_not_sure(editor: Editor) -> None:
    editor.engine.answer = Answer(says("ection").chunks, logprob=-1.5)
    place = await editor.open("connect_everything()\nx = conn║\n")
    assert await editor.suggest(place, invoked=False) == "ect_everything"
    assert (await editor.why(place.uri)).source == "names"


@pytest.mark.parametrize(("name", "shown"), [("connectEverything", None), ("connection", "ection")])
async def test_prose_is_completed_by_words_alone(editor: Editor, name: str, shown: str | None) -> None:
    editor.engine.answer = Answer(says(" it").chunks, logprob=-1.5)
    place = await editor.open(f"{name}()\nx = 1  # once we conn║\n")
    assert await editor.suggest(place, invoked=False) == shown


async def test_inside_a_word(editor: Editor) -> None:
    place = await editor.open("pri║nt\n")
    assert await editor.suggest(place, invoked=False) is None
    why = await editor.why(place.uri)
    assert why.outcome == "not wanted here"
    assert why.summary == "Suggestions appear here only when triggered manually: the cursor is inside a word."


async def test_too_slow(engine: EngineServer) -> None:
    async with editing(engine, options={"completion": {"timeoutMs": 300}}) as editor:
        engine.answer = says("1", first_s=60)
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None
        why = await editor.why(place.uri)
        assert why.outcome == "timeout"
        assert why.summary == "Too slow: no answer within 0.3 s (`completion.timeoutMs`)."
        assert "smaller model" in why.remedy


async def test_the_engine_is_down() -> None:
    async with running() as engine:
        pass
    async with editing(engine) as editor:
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None
        why = await editor.why(place.uri)
        assert why.outcome == "engine"
        assert engine.url in why.summary
        assert "Start the server" in why.remedy


async def test_the_endpoint_refuses(editor: Editor) -> None:
    editor.engine.answer = refuses(500, "out of memory")
    place = await editor.open("x = ║\n")
    assert await editor.suggest(place) is None
    why = await editor.why(place.uri)
    assert why.outcome == "engine"
    assert "out of memory" in why.summary
    assert why.remedy
    editor.engine.answer = says("1")
    assert await editor.suggest(place) == "1"
    assert (await editor.why(place.uri)).remedy == ""


@pytest.mark.parametrize(
    ("model", "remedy"),
    [("qwen2.5-coder-0.5b", "models pull qwen2.5-coder-0.5b"), ("qwen-17", "models list")],
)
async def test_there_is_no_model(engine: EngineServer, model: str, remedy: str) -> None:
    async with editing(engine, user={"endpoint.url": None}, options={"model": {"name": model}}) as editor:
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None

        async def why() -> Any:
            return await editor.why(place.uri)

        answer = await why()
        assert answer.outcome == "model"
        assert model in answer.summary
        for _ in range(200):  # the disk is looked at in the background
            if answer.remedy:
                break
            await asyncio.sleep(0.02)
            answer = await why()
        assert remedy in answer.remedy


async def test_switched_off(engine: EngineServer) -> None:
    async with editing(engine, options={"completion": {"enabled": False}}) as editor:
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None
        why = await editor.why(place.uri)
        assert (why.outcome, why.summary) == ("off", "Inline completion is off.")
        assert "completion.enabled" in why.remedy


async def test_in_chinese(engine: EngineServer) -> None:
    async with editing(engine, locale="zh-CN") as editor:
        engine.answer = says("1 + * 2")
        place = await editor.open("return ║\n")
        assert await editor.suggest(place) is None
        assert (await editor.why(place.uri)).summary == "已有结果但未显示：会引入语法错误。"


async def test_the_command_answers_and_shows(engine: EngineServer) -> None:
    async with editing(engine) as editor:
        engine.answer = says("1 + * 2")
        first, second = await editor.open("return ║\n"), await editor.open("y = ║\n")
        assert await editor.suggest(first) is None
        answer = await command(editor, first.uri)
        assert (answer["outcome"], answer["rule"], answer["uri"]) == ("filtered", "syntax", first.uri)
        assert editor.take_messages() == ["qwen-lsp: A suggestion was held back: it would add syntax errors."]
        assert (await command(editor, second.uri))["outcome"] == "none"
        assert editor.take_messages() == ["qwen-lsp: No completion has been requested in this file yet."]
        for arguments in ((), (None,), ({"uri": 1},)):  # the document that was asked in last
            assert (await command(editor, *arguments))["uri"] == first.uri
            assert len(editor.take_messages()) == 1


async def test_the_command_says_what_to_do(engine: EngineServer) -> None:
    async with editing(engine, options={"completion": {"enabled": False}}) as editor:
        assert (await command(editor))["outcome"] == "none"
        (message,) = editor.take_messages()
        assert message.endswith(
            "No completion has been requested in this file yet. Set `completion.enabled` to true."
        )


async def test_a_client_that_shows_it_itself_gets_no_message(engine: EngineServer) -> None:
    async with editing(engine, options={"client": {"explain": True}}) as editor:
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) == "pass"
        assert (await command(editor, place.uri))["outcome"] == "shown"
        await editor.why(place.uri)
        assert editor.take_messages() == []


async def test_the_command_is_offered(editor: Editor) -> None:
    assert editor.session.result is not None
    provider = editor.session.result.capabilities.execute_command_provider
    assert provider is not None
    assert COMMAND in provider.commands
