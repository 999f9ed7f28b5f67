"""A broken engine: an empty answer with a reason, never a message that pops up, and the server lives on."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.editor import Editor, editing, within
from tests.support.engine_server import Answer, EngineServer, endless, garbage, refuses, running, says
from tests.support.hub import closed_port_url
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAILURES: dict[str, tuple[Answer, str]] = {
    "status 500": (refuses(500, "out of memory"), "out of memory"),
    "status 400": (refuses(400, "the prompt is too long"), "too long"),
    "status 401": (refuses(401, "no key"), "apiKeyEnv"),
    "status 429": (refuses(429, "too many requests"), "too many"),
    "status 503": (refuses(503, "Loading model"), "not ready"),
    "not JSON": (garbage("data: {not json"), "unreadable"),
    "JSON of another kind": (garbage("data: [1, 2]"), "unreadable"),
    "an error in the stream": (garbage('data: {"error": {"message": "boom"}}'), "boom"),
    "a page of HTML": (garbage("<html><body>please log in</body></html>"), "mid-answer"),
    "cut off before the first word": (Answer(end="drop"), "127.0.0.1"),
    "cut off in the middle": (says("return first + second", end="drop"), "127.0.0.1"),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_is_an_empty_answer_with_a_reason(editor: Editor, name: str) -> None:
    editor.engine.answer, said = FAILURES[name]
    place = await editor.open("def add(first, second):\n    ║\n")
    # Unasked first: after a failure the endpoint is asked what it is, and an answer to a request that
    # waited for that may be shown in part before its connection breaks.
    for invoked in (False, True):
        assert await editor.suggest(place, invoked=invoked) is None
        reason, detail = await editor.reason(place.uri)
        assert reason == "engine"
        assert said in detail
    assert editor.take_messages() == []
    editor.engine.answer = says("return first + second")
    assert await editor.suggest(place) == "return first + second", "the server has recovered"


async def test_an_answer_that_never_comes_ends_at_the_deadline(engine: EngineServer) -> None:
    async with editing(engine, options={"completion": {"timeoutMs": 300}}) as editor:
        for answer in (Answer(end="hang"), says("x", end="hang"), endless(between_s=0.1)):
            engine.answer = answer
            place = await editor.open("def f():\n    ║\n")
            assert await editor.suggest(place) is None
            reason, detail = await editor.reason(place.uri)
            assert reason == "timeout"
            assert "completion.timeoutMs" in detail
            await until(lambda: not engine.running, "the engine is left alone")
        engine.answer = says("return 1")
        assert await editor.suggest(place) == "return 1"


async def test_nobody_at_the_endpoint() -> None:
    engine = EngineServer()
    engine.port = int(closed_port_url().rsplit(":", 1)[1])
    async with editing(engine) as editor:
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None
        reason, detail = await editor.reason(place.uri)
        assert reason == "engine"
        assert engine.url in detail
        async with running(engine):  # somebody starts it
            engine.answer = says("1")
            assert await editor.suggest(place) == "1"


async def test_an_endpoint_that_goes_and_comes_back() -> None:
    engine = EngineServer(answer=says("1"))
    async with running(engine):
        pass
    async with editing(engine) as editor:
        async with running(engine):
            first = await editor.open("x = ║\n")
            assert await editor.suggest(first) == "1"
        second = await editor.open("y = ║\n")
        assert await editor.suggest(second) is None
        assert (await editor.reason(second.uri))[0] == "engine"
        async with running(engine):
            assert await editor.suggest(second) == "1"


async def test_an_endpoint_that_is_still_loading(engine: EngineServer) -> None:
    engine.is_loading = True
    async with editing(engine) as editor:
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None
        reason, detail = await editor.reason(place.uri)
        assert reason == "engine"
        assert "not ready" in detail
        engine.is_loading = False
        engine.answer = says("1")
        assert await editor.suggest(place) == "1"


async def test_an_endpoint_that_wants_a_key(
    engine: EngineServer, monkeypatch: pytest.MonkeyPatch, settings_file: object
) -> None:
    engine.api_key = "right"
    async with editing(engine) as editor:
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None
        reason, detail = await editor.reason(place.uri)
        assert reason == "engine"
        assert "apiKeyEnv" in detail
        assert "right" not in detail


async def test_an_endpoint_that_is_no_address(engine: EngineServer) -> None:
    async with editing(engine, user={"endpoint.url": "localhost:8080"}) as editor:
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None
        reason, detail = await editor.reason(place.uri)
        assert reason in ("engine", "model")
        assert "endpoint.url" in detail


async def test_requests_that_fail_together(editor: Editor) -> None:
    editor.engine.answer = refuses(500)
    places = [await editor.open(f"x_{number} = ║\n") for number in range(5)]
    answers = await within(asyncio.gather(*(editor.suggest(place) for place in places)))
    assert answers == [None] * 5
    for place in places:
        assert (await editor.reason(place.uri))[0]
