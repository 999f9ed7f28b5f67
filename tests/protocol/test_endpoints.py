"""Several endpoints through the whole server: one that dies and comes back, and one for chat alone."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from lsprotocol import types

from tests.support.editor import Editor, editing, within
from tests.support.engine_server import EngineServer, running, says
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOWN = {"client": {"status": True}}


async def message(editor: Editor, has: str) -> Any:
    """Wait until the last status says something."""
    statuses = editor.session.statuses
    await until(lambda: statuses and has in statuses[-1].message, f"{has!r} is shown")
    return statuses[-1]


async def test_the_second_answers_while_the_first_is_down(engine: EngineServer) -> None:
    first = EngineServer(answer=says("first"))
    engine.answer = says("second")
    async with AsyncExitStack() as machine:
        await machine.enter_async_context(running(first))
        url = first.url
        async with editing(engine, user={"endpoint.url": [url, engine.url]}, options=SHOWN) as editor:
            assert await editor.suggest(await editor.open("x = ║\n")) == "first"
            await message(editor, "Ready.")
            await machine.aclose()
            # A request that meets the moment of its death may be lost; it is never a message box.
            await until_answered(editor, "second")
            shown = await message(editor, f"because {url} is down")
            assert (shown.state, shown.remedy) == ("ready", "")
            assert engine.url in shown.message
            async with running(first):
                await message(editor, "Ready.")
                await until_answered(editor, "first")
    assert engine.unknown == first.unknown == []


async def until_answered(editor: Editor, text: str) -> None:
    answers: list[str | None] = []
    for _ in range(3):
        answers.append(await editor.suggest(await editor.open("x = ║\n")))
        if answers[-1] == text:
            return
    raise AssertionError(f"{text!r} is not among {answers}")


async def test_chats_go_to_an_endpoint_of_their_own(engine: EngineServer) -> None:
    async with AsyncExitStack() as machine:
        server = EngineServer(kind="ollama", model="qwen2.5-coder:7b", answer=says("It adds."))
        chat = await machine.enter_async_context(running(server))
        async with editing(engine, user={"endpoint.chat.url": chat.url}, options=SHOWN) as editor:
            place = await editor.open("def add(a, b):\n    return a + b\n\n\nx = ║\n")
            assert await editor.suggest(place) == "pass"
            assert chat.headers == [], "nothing is asked of it before it is needed"
            data = {
                "kind": "explain",
                "uri": place.uri,
                "range": {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}},
            }
            params = types.ExecuteCommandParams("qwenLsp.action", [data])
            await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))
            assert [one.path for one in chat.generations] == ["/api/chat"]
            assert {one.path for one in engine.generations} == {"/completion"}
            await machine.aclose()
            answer = await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))
            assert "cannot be" in answer["message"]
            assert answer["message"] in editor.take_messages()[-1]
            shown = await message(editor, "actions and review have no model")
            assert "endpoint.chat" in shown.remedy
            place = await editor.open("y = ║\n")
            assert await editor.suggest(place) == "pass", "completion goes on"
