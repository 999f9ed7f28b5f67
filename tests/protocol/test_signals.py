"""What clients tell of a suggestion's fate, and what the statistics say when the session is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.completion.stats import database, report
from qwen_lsp.completion.stats.report import Report
from qwen_lsp.lsp.requests.did_accept import DID_ACCEPT, DID_DISMISS, DID_PARTIALLY_ACCEPT
from qwen_lsp.lsp.suggest import DID_ACCEPT_COMMAND
from tests.support.editor import Editor, Place, editing, within
from tests.support.engine_server import Answer, EngineServer, says
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = "def add(a, b):\n    ║\n"


def able() -> types.ClientCapabilities:
    """Return the capabilities of a client that runs commands."""
    capabilities = lsp_session.capabilities((types.PositionEncodingKind.Utf16,))
    assert capabilities.workspace is not None
    capabilities.workspace.execute_command = types.ExecuteCommandClientCapabilities()
    return capabilities


def editing_with_commands(
    engine: EngineServer, options: Mapping[str, Any] | None = None, locale: str | None = None
) -> AbstractAsyncContextManager[Editor]:
    engine.answer = says("return a + b")
    return editing(engine, options=options, client=able(), locale=locale)


def counted() -> Report:
    return report.read(1, database.stats_file())


def is_there(file: Path) -> bool:
    return file.exists()


async def item_at(editor: Editor, place: Place) -> types.InlineCompletionItem:
    (item,) = await within(editor.session.complete(place.uri, place.offset))
    assert isinstance(item, types.InlineCompletionItem)
    return item


def id_of(item: types.InlineCompletionItem) -> str:
    assert item.command is not None
    assert item.command.command == DID_ACCEPT_COMMAND
    assert item.command.arguments is not None
    (id_,) = item.command.arguments
    assert isinstance(id_, str)
    return id_


async def run(editor: Editor, item: types.InlineCompletionItem) -> Any:
    """Do what an editor does by itself after an acceptance."""
    assert item.command is not None
    params = types.ExecuteCommandParams(item.command.command, item.command.arguments)
    return await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))


def notify(editor: Editor, method: str, params: Any) -> None:
    editor.session.client.protocol.notify(method, params)


async def test_the_command_is_offered_and_attached(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as editor:
        assert editor.session.result is not None
        provider = editor.session.result.capabilities.execute_command_provider
        assert provider is not None
        assert DID_ACCEPT_COMMAND in provider.commands
        item = await item_at(editor, await editor.open(CODE))
        assert id_of(item)
        assert item.command is not None
        assert item.command.title == "Suggestion accepted"


async def test_no_command_for_clients_that_run_none(editor: Editor) -> None:
    item = await item_at(editor, await editor.open(CODE))
    assert item.command is None


async def test_the_title_is_in_the_client_s_language(engine: EngineServer) -> None:
    async with editing_with_commands(engine, locale="zh") as editor:
        item = await item_at(editor, await editor.open(CODE))
        assert item.command is not None
        assert item.command.title == "已接受建议"


async def test_an_acceptance_by_command(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as editor:
        place = await editor.open(CODE)
        item = await item_at(editor, place)
        await editor.session.edit(place.uri, editor.session.accept(place.uri, item, place.offset))
        assert await run(editor, item) is None
        await run(editor, item)  # twice is once
    report = counted()
    assert report.total == {"shown": 1, "accepted": 1, "characters": len("return a + b")}
    assert list(report.languages) == ["python"]
    assert report.latency_p50_ms is not None


async def test_what_thin_clients_tell(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as editor:
        in_part = id_of(await item_at(editor, await editor.open(CODE)))
        notify(editor, DID_PARTIALLY_ACCEPT, {"id": in_part, "characters": 7})
        notify(editor, DID_PARTIALLY_ACCEPT, {"id": in_part, "characters": 2})
        whole = id_of(await item_at(editor, await editor.open(CODE, language="go")))
        notify(editor, DID_ACCEPT, {"id": whole})
        counted_by_client = id_of(await item_at(editor, await editor.open(CODE)))
        notify(editor, DID_ACCEPT, {"id": counted_by_client, "characters": 5})
        away = id_of(await item_at(editor, await editor.open(CODE)))
        notify(editor, DID_DISMISS, {"id": away})
    report = counted()
    assert report.languages["python"] == {
        "shown": 3,
        "partly": 1,
        "accepted": 1,
        "dismissed": 1,
        "characters": 14,
    }
    assert report.languages["go"] == {"shown": 1, "accepted": 1, "characters": 12}


@pytest.mark.parametrize(
    "params", [{}, None, [], {"id": None}, {"id": "x"}, {"id": 1, "characters": "many"}, {"characters": 4}]
)
async def test_nonsense_is_harmless(editor: Editor, params: Any) -> None:
    assert await editor.suggest(await editor.open(CODE))
    for method in (DID_ACCEPT, DID_PARTIALLY_ACCEPT, DID_DISMISS):
        notify(editor, method, params)
    place = await editor.open(CODE)
    assert await editor.suggest(place)
    for arguments in (None, [], [None], [{"id": 1}], ["x", "y", "z"]):
        command = types.ExecuteCommandParams(DID_ACCEPT_COMMAND, arguments)
        assert await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, command)) is None


async def test_asking_again_while_typing_shows_it_once(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as editor:
        place = await editor.open(CODE)
        ids = set()
        for char in "return":
            ids.add(id_of(await item_at(editor, place)))
            place = await editor.type(place, char)
        assert len(ids) == 1
    assert counted().total == {"shown": 1}


async def test_candidates_have_ids_of_their_own(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as editor:
        place = await editor.open(CODE)
        items = [*await within(editor.session.complete(place.uri, place.offset))]
        items += await within(editor.session.complete(place.uri, place.offset))
        first, *others = {id_of(item) for item in items}
        assert all(other != first for other in others)
    assert counted().total["shown"] == 1


async def test_what_was_held_back(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as editor:
        engine.answer = says("1 + * 2")
        assert await editor.suggest(await editor.open("return ║\n")) is None
        engine.answer = Answer(says("total").chunks, logprob=-1.5)
        assert await editor.suggest(await editor.open("x = ║\n"), invoked=False) is None
        assert await editor.suggest(await editor.open("pri║nt\n"), invoked=False) is None
        engine.answer = says("1", first_s=60)
        place = await editor.open("y = ║\nz = 2\n")
        overtaken = asyncio.create_task(editor.suggest(place))
        await until(lambda: engine.running, "the request arrives")
        cancelled = asyncio.create_task(editor.suggest_at(place.uri, 1, 5))
        assert await within(overtaken) is None
        cancelled.cancel()  # neither was held back
    assert counted().held_back == {"syntax": 1, "unsure": 1, "inside_word": 1}
    assert counted().total == {}


@pytest.mark.parametrize("setting", [{"stats": {"enabled": False}}, {"stats.enabled": False}])
async def test_the_switch(engine: EngineServer, setting: Mapping[str, Any]) -> None:
    async with editing_with_commands(engine, setting) as editor:
        item = await item_at(editor, await editor.open(CODE))
        assert item.command is None
    assert not is_there(database.stats_file())


async def test_counts_are_written_without_waiting_for_the_end(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as editor:
        assert await editor.suggest(await editor.open(CODE))
        assert not is_there(database.stats_file()), "a request waits for no disk"
        await until(lambda: counted().total == {"shown": 1}, "the counts are written")


async def test_two_servers_count_together(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as one, editing_with_commands(engine) as other:
        for editor in (one, other):
            await run(editor, await item_at(editor, await editor.open(CODE)))
    assert counted().total == {"shown": 2, "accepted": 2, "characters": 24}


async def test_a_damaged_file_costs_its_counts_only(engine: EngineServer) -> None:
    file = database.stats_file()
    _write(file, b"no database" * 1000)
    async with editing_with_commands(engine) as editor:
        await run(editor, await item_at(editor, await editor.open(CODE)))
    assert counted().total["accepted"] == 1
    assert is_there(file.with_suffix(".damaged"))


async def test_no_code_and_no_names_are_stored(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as editor:
        engine.answer = says("return secret_formula")
        uri = "file:///secret_place/secret_file.py"
        place = await editor.open("def secret_function():\n    ║\n", uri=uri)
        await run(editor, await item_at(editor, place))
    assert counted().total["accepted"] == 1
    stored = _read(database.stats_file())
    for secret in (b"secret", b"return"):
        assert secret not in stored


@pytest.mark.slow
async def test_what_is_kept_after_half_a_minute(engine: EngineServer) -> None:
    async with editing_with_commands(engine) as editor:
        for is_kept in (True, False):
            place = await editor.open(CODE)
            item = await item_at(editor, place)
            edit = editor.session.accept(place.uri, item, place.offset)
            await editor.session.edit(place.uri, edit)
            await run(editor, item)
            if not is_kept:
                await editor.type(Place(place.uri, place.offset + len("return a")), "bc")
        closed = await editor.open(CODE)
        await run(editor, await item_at(editor, closed))
        await editor.session.close(closed.uri)
        await until(lambda: counted().total.get("kept_of") == 2, "30 s have passed", 60)
    assert counted().total["kept"] == 1
    assert counted().total["accepted"] == 3


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(data)


def _read(file: Path) -> bytes:
    return file.read_bytes()
