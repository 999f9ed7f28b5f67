"""qwenLsp/status: the state of the moment, sent when it changes and only to clients that ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from qwen_lsp.model import catalog, speed
from qwen_lsp.model.speed import Speed
from tests.support import gguf_file
from tests.support.editor import Editor, editing
from tests.support.engine_server import EngineServer, refuses, running, says
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

REMOTE = "http://192.0.2.7:8080"  # reserved for documentation: never anybody's


@asynccontextmanager
async def watching(
    engine: EngineServer,
    options: Mapping[str, Any] | None = None,
    locale: str | None = None,
    user: Mapping[str, Any] | None = None,
) -> AsyncIterator[Editor]:
    """Run a session that shows the status, from the first status on."""
    options = {"client": {"status": True}, **(options or {})}
    async with editing(engine, user=user, options=options, locale=locale) as editor:
        await until(lambda: editor.session.statuses, "the first status is reported")
        yield editor


def write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def states(editor: Editor) -> list[str]:
    return [status.state for status in editor.session.statuses]


async def reported(editor: Editor, state: str) -> Any:
    """Wait until the last status sent is this one."""
    await until(lambda: states(editor)[-1:] == [state], f"{state} is reported, not {states(editor)}")
    return editor.session.statuses[-1]


async def answered_next(editor: Editor) -> None:
    """Wait for an answer of the server: what it sent before has arrived with it."""
    await editor.why("untitled:nothing")


async def test_nothing_is_told_to_clients_that_do_not_ask(editor: Editor) -> None:
    place = await editor.open("x = ║\n")
    assert await editor.suggest(place) == "pass"
    await answered_next(editor)
    assert editor.session.statuses == []


@pytest.mark.parametrize("wish", [False, "yes", 1, None])
async def test_only_true_is_a_wish(engine: EngineServer, wish: Any) -> None:
    async with editing(engine, options={"client": {"status": wish, "unheardOf": True}}) as editor:
        assert await editor.suggest(await editor.open("x = ║\n")) == "pass"
        await answered_next(editor)
        assert editor.session.statuses == []


async def test_from_the_start_to_ready(engine: EngineServer) -> None:
    async with watching(engine, user={"endpoint.model": "scripted"}) as editor:
        assert (await reported(editor, "starting")).message == "The model will be loaded on first use."
        await editor.open("x = ║\n")
        status = await reported(editor, "ready")
        assert status.message == "Ready."
        assert (status.remedy, status.model) == ("", "scripted")
        assert (status.endpoint.kind, list(status.endpoint.without)) == ("llama", [])
        assert states(editor) == ["starting", "ready"]


async def test_quick_answers_do_not_flicker_and_nothing_is_told_twice(engine: EngineServer) -> None:
    async with watching(engine) as editor:
        place = await editor.open("x = ║\n")
        await reported(editor, "ready")
        for char in "quickly":
            assert await editor.suggest(place) == "pass"
            place = await editor.type(place, char)
        await answered_next(editor)
        assert states(editor) == ["starting", "ready"]


async def test_busy_while_the_model_is_at_work(engine: EngineServer) -> None:
    engine.answer = says("1", first_s=1.0)
    async with watching(engine) as editor:
        place = await editor.open("x = ║\n")
        await reported(editor, "ready")
        asked = asyncio.create_task(editor.suggest(place))
        await reported(editor, "busy")
        assert engine.running
        assert await asked == "1"
        await reported(editor, "ready")
        assert states(editor) == ["starting", "ready", "busy", "ready"]


async def test_busy_ends_with_a_cancelled_request(engine: EngineServer) -> None:
    engine.answer = says("1", first_s=60)
    async with editing(
        engine, options={"client": {"status": True}}
    ) as editor:  # asked before the first status
        place = await editor.open("x = ║\n")
        asked = asyncio.create_task(editor.suggest(place))
        await reported(editor, "busy")
        asked.cancel()
        await reported(editor, "ready")


async def test_busy_while_each_key_replaces_the_request(engine: EngineServer) -> None:
    engine.answer = says("1", first_s=60)
    async with watching(engine) as editor:
        place = await editor.open("x = ║\n")
        asked: list[asyncio.Task[str | None]] = []
        while states(editor)[-1] != "busy":
            assert len(asked) < 200
            place = await editor.type(place, "k")
            asked.append(asyncio.create_task(editor.suggest(place)))
            await asyncio.sleep(0.05)
        asked[-1].cancel()
        await reported(editor, "ready")
        await asyncio.gather(*asked, return_exceptions=True)


async def test_requests_without_a_rest_are_one_piece_of_work(engine: EngineServer) -> None:
    engine.answer = says("1", first_s=0.4)
    async with watching(engine) as editor:
        for name in "abc":
            assert await editor.suggest(await editor.open(f"{name} = ║\n")) == "1"
        await reported(editor, "ready")
        assert states(editor).count("busy") == 1


async def test_a_missing_model_is_told_before_anything_is_asked(engine: EngineServer) -> None:
    name = catalog.default_profile().name
    async with watching(engine, user={"endpoint.url": None}) as editor:
        status = await reported(editor, "error")
        assert status.message == f"The model {name} is not on this machine."
        assert status.remedy == f"Run `qwen-lsp models pull {name}` in a terminal."
        assert status.model == name
        assert await editor.suggest(await editor.open("x = ║\n")) is None
        await answered_next(editor)
        assert states(editor) == ["starting", "error"]


async def test_a_model_that_nobody_knows(engine: EngineServer) -> None:
    async with watching(engine, {"model": {"name": "qwen-17"}}, user={"endpoint.url": None}) as editor:
        status = await reported(editor, "error")
        assert "qwen-17" in status.message
        assert "models list" in status.remedy
        assert await editor.suggest(await editor.open("x = ║\n")) is None
        assert (await editor.why(editor.session.documents.popitem()[0])).reason == "model"


async def test_a_model_file_that_is_not_there(engine: EngineServer, settings_file: Path) -> None:
    write(settings_file, '[model]\npath = "/no/such/model.gguf"\n')
    async with watching(engine, user={"endpoint.url": None}) as editor:
        status = await reported(editor, "error")
        assert "/no/such/model.gguf" in status.message
        assert "model.path" in status.remedy
        assert status.model == "model.gguf"


async def test_an_engine_that_cannot_be_started(engine: EngineServer, settings_file: Path) -> None:
    model = settings_file.parent / "model.gguf"
    model.parent.mkdir(parents=True, exist_ok=True)
    model.write_bytes(gguf_file.model())
    write(settings_file, f"[model]\npath = '{model}'\n[engine]\nprogram = 'no-such-program'\n")
    async with watching(engine, user={"endpoint.url": None}) as editor:
        await editor.open("x = ║\n")
        status = await reported(editor, "error")
        assert "no-such-program" in status.message
        assert "qwen-lsp doctor" in status.remedy


async def test_an_engine_that_dies_is_started_again(engine: EngineServer, settings_file: Path) -> None:
    """A file without weights: the real engine gives up on it at once."""
    model = settings_file.parent / "model.gguf"
    model.parent.mkdir(parents=True, exist_ok=True)
    model.write_bytes(gguf_file.model())
    write(settings_file, f"[model]\npath = '{model}'\n")
    async with watching(engine, user={"endpoint.url": None}) as editor:
        await editor.open("x = ║\n")
        await until(lambda: len(editor.session.statuses) >= 3, "the engine has died", 60)
        assert states(editor)[:3] == ["starting", "loading", "starting"]
        assert "stopped" in editor.session.statuses[2].message


async def test_an_endpoint_that_comes_late() -> None:
    async with running() as engine:
        pass  # the port was free a moment ago
    async with watching(engine) as editor:
        place = await editor.open("x = ║\n")
        status = await reported(editor, "error")
        assert engine.url in status.message
        assert engine.url in status.remedy
        async with running(engine):
            assert await editor.suggest(place) == "pass"
            status = await reported(editor, "ready")
            assert status.remedy == ""


async def test_an_endpoint_that_fails_and_recovers(engine: EngineServer) -> None:
    async with watching(engine) as editor:
        engine.answer = refuses(500, "out of memory")
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None
        status = await reported(editor, "error")
        assert "out of memory" in status.message
        assert "endpoint" in status.remedy
        engine.answer = says("1")
        assert await editor.suggest(place) == "1"
        await reported(editor, "ready")


async def test_a_remote_endpoint_that_is_not_allowed(engine: EngineServer, settings_file: Path) -> None:
    async with watching(engine, user={"endpoint.url": REMOTE}) as editor:
        await editor.open("x = ║\n")
        status = await reported(editor, "error")
        assert REMOTE in status.message
        assert "allowedHosts" in status.remedy
        assert str(settings_file) in status.remedy


async def test_a_slow_machine(engine: EngineServer) -> None:
    speed.save(speed.key(catalog.default_profile().name, is_endpoint=True), Speed(read=40.0, write=4.25))
    async with watching(engine) as editor:
        await editor.open("x = ║\n")
        status = await reported(editor, "slow")
        assert status.tokensPerSecond == 4.2
        assert "model.name" in status.remedy


async def test_a_machine_that_becomes_fast_again(engine: EngineServer) -> None:
    speed.save(speed.key(catalog.default_profile().name, is_endpoint=True), Speed(read=40.0, write=9.0))
    async with watching(engine) as editor:
        place = await editor.open("x = ║\n")
        await reported(editor, "slow")
        engine.answer = says("alpha + beta + gamma + delta", between_s=0.001)
        assert await editor.suggest(place)
        status = await reported(editor, "ready")
        assert status.tokensPerSecond > 12


async def test_no_answer_in_time_is_slow_too(engine: EngineServer) -> None:
    async with watching(engine, {"completion": {"timeoutMs": 400}}) as editor:
        place = await editor.open("x = ║\n")
        engine.answer = says("1", first_s=60)
        assert await editor.suggest(place) is None
        status = await reported(editor, "slow")
        assert "0.4 s" in status.message
        engine.answer = says("1")
        assert await editor.suggest(place) == "1"
        await reported(editor, "ready")


async def test_switched_off_and_on(engine: EngineServer) -> None:
    async with watching(engine, {"completion": {"enabled": False}}) as editor:
        status = await reported(editor, "off")
        assert "completion.enabled" in status.remedy
        await editor.open("x = ║\n")
        editor.session.settings = {"completion": {"enabled": True}}
        editor.session.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
        await reported(editor, "starting")


async def test_other_settings_may_end_the_trouble(engine: EngineServer, settings_file: Path) -> None:
    write(settings_file, f'[endpoint]\nurl = "{REMOTE}"\n')
    async with watching(engine, user={"endpoint.url": None}) as editor:
        place = await editor.open("x = ║\n")
        await reported(editor, "error")
        write(settings_file, f'[endpoint]\nurl = "{engine.url}"\n')
        editor.session.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
        await reported(editor, "starting")
        assert await editor.suggest(place) == "pass"
        await reported(editor, "ready")


async def test_in_chinese(engine: EngineServer) -> None:
    async with watching(engine, locale="zh-cn", user={"endpoint.url": REMOTE}) as editor:
        await editor.open("x = ║\n")
        status = await reported(editor, "error")
        assert "不是本机" in status.message
        assert "allowedHosts" in status.remedy
        assert "发送到该主机" in status.remedy


async def test_the_end_is_not_told(engine: EngineServer) -> None:
    async with watching(engine) as editor:
        await editor.open("x = ║\n")
        await reported(editor, "ready")
        statuses = editor.session.statuses
    assert [status.state for status in statuses] == ["starting", "ready"]
