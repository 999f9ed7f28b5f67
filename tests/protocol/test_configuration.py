"""Settings over the protocol: where they come from, what is refused, and that one warning says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from tests.support.editor import Editor, editing
from tests.support.engine_server import EngineServer, running, says
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def longest_answer(editor: Editor) -> int:
    """Return what is asked of the engine for one line, which is a setting that can be seen."""
    place = await editor.open("total = ║ + 1\n")
    n_before = len(editor.engine.generations)
    await editor.suggest(place)
    await editor.session.close(place.uri)
    asked = editor.engine.generations[n_before:]
    return asked[0].max_tokens if asked else 0  # settings that change meanwhile end the request


def did_change(editor: Editor, settings: Any) -> None:
    editor.session.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams(settings=settings)
    )


async def pulled(editor: Editor, settings: dict[str, Any] | None) -> None:
    """Change the settings as editors do that are asked for them."""
    editor.session.settings = settings
    did_change(editor, None)


async def warned(editor: Editor) -> str:
    """Wait for a message, and return the only one there is."""
    await until(lambda: editor.session.messages, "a message")
    assert editor.session.messages[0].type == types.MessageType.Warning
    (message,) = editor.take_messages()
    return message


async def test_initialization_options(engine: EngineServer) -> None:
    async with editing(engine, options={"completion": {"lineTokens": 7}}) as editor:
        assert await longest_answer(editor) == 7


async def test_dotted_keys(engine: EngineServer) -> None:
    async with editing(engine, options={"completion.lineTokens": 8}) as editor:
        assert await longest_answer(editor) == 8


async def test_the_client_is_asked_for_settings_at_the_start(engine: EngineServer) -> None:
    async with editing(engine, settings={"completion": {"lineTokens": 9}}) as editor:
        # The server asks after `initialized`; any other request is answered before or after that.
        for _ in range(100):
            if await longest_answer(editor) == 9:
                break
        else:
            pytest.fail("the settings of workspace/configuration were never used")


async def test_a_change_is_taken_over_at_once(engine: EngineServer) -> None:
    async with editing(engine, options={"completion.lineTokens": 20}) as editor:
        assert await longest_answer(editor) == 20
        await pulled(editor, {"completion": {"lineTokens": 11}})
        for _ in range(100):
            if await longest_answer(editor) == 11:
                break
        else:
            pytest.fail("the changed settings were never used")
        await pulled(editor, None)
        for _ in range(100):
            if await longest_answer(editor) == 20:
                break
        else:
            pytest.fail("taken back, the setting should be the one of initializationOptions again")


async def test_another_endpoint_is_the_user_s_to_name(engine: EngineServer, settings_file: Path) -> None:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(f'[endpoint]\nurl = "{engine.url}"\n', "utf-8")
    own = editing(engine, user={"endpoint.url": None})
    async with running(EngineServer(answer=says("2"))) as second, own as editor:
        engine.answer = says("1")
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) == "1"
        settings_file.write_text(f'[endpoint]\nurl = "{second.url}"\n', "utf-8")
        await pulled(editor, None)
        for number in range(100):
            place = await editor.open(f"y_{number} = ║\n")
            if await editor.suggest(place) == "2":
                break
        else:
            pytest.fail("the new endpoint was never asked")
        assert second.unknown == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"completion": {"lineTokens": "many"}}, "completion.lineTokens"),
    ({"completion": {"lineTokens": 0}}, "completion.lineTokens"),
    ({"completion": {"linesTokens": 7}}, "did you mean `completion.lineTokens`"),
    ({"completion": {"layout": "sideways"}}, "completion.layout"),
    ({"unheard": {"of": True}}, "unheard"),
    ({"engine": {"program": "/tmp/evil"}}, "engine.program"),
    ({"model": {"path": "/tmp/evil.gguf"}}, "model.path"),
    ({"model": {"huggingfaceUrl": "https://evil.example"}}, "model.huggingfaceUrl"),
    ({"endpoint": {"apiKeyEnv": "AWS_SECRET_ACCESS_KEY"}}, "endpoint.apiKeyEnv"),
    ({"endpoint": {"allowRemote": True}}, "endpoint.allowRemote"),
    ({"endpoint": {"url": "http://127.0.0.1:9"}}, "endpoint.url"),
    ({"endpoint": {"allowedHosts": ["evil.example"]}}, "endpoint.allowedHosts"),
    ({"endpoint": {"caFile": "evil.pem"}}, "endpoint.caFile"),
]


async def test_a_wrong_or_forbidden_value_is_named_once(editor: Editor) -> None:
    for settings, named in WRONG:
        await pulled(editor, settings)
        assert named in await warned(editor)
        # The same again, with something else: that is no reason to say it again.
        await pulled(editor, {**settings, "log.level": "warning"})
        place = await editor.open("x = ║\n")
        await editor.suggest(place)
        assert editor.take_messages() == [], named
    await pulled(editor, None)


async def test_wrong_initialization_options(engine: EngineServer) -> None:
    async with editing(engine, options={"completion.lineTokens": "many"}) as editor:
        assert "completion.lineTokens" in await warned(editor)
        assert await longest_answer(editor) > 0


async def test_user_only_keys_are_refused_from_a_workspace_too(
    engine: EngineServer, settings_file: Path
) -> None:
    async with editing(engine, settings={"engine": {"program": "./evil.sh"}}) as editor:
        message = await warned(editor)
        assert "engine.program" in message
        assert str(settings_file) in message, "and it says where the user can set it"


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1:8080", "https://llm.example.com/v1", "http://0.0.0.0:8080"]
)
async def test_a_remote_endpoint_is_refused(engine: EngineServer, settings_file: Path, url: str) -> None:
    async with editing(engine, user={"endpoint.url": url}) as editor:
        place = await editor.open("secret = ║\n")
        assert await editor.suggest(place) is None
        _, detail = await editor.reason(place.uri)
        assert "allowedHosts" in detail
        assert str(settings_file) in detail


@pytest.mark.parametrize("permission", ["allowRemote = true", 'allowedHosts = ["remote.invalid"]'])
async def test_a_remote_endpoint_that_the_user_s_file_allows(
    engine: EngineServer, settings_file: Path, permission: str
) -> None:
    """No host has this name; that it is tried is what shows the permission."""
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    endpoint = f'[endpoint]\nurl = "http://remote.invalid:8080"\n{permission}\n'
    settings_file.write_text(f"{endpoint}[completion]\ntimeoutMs = 200\n", "utf-8")
    async with editing(engine, user={"endpoint.url": None}) as editor:
        place = await editor.open("secret = ║\n")
        assert await editor.suggest(place) is None
        _, detail = await editor.reason(place.uri)
        assert "allowedHosts" not in detail
        assert "remote.invalid" in detail


async def test_a_remote_endpoint_that_the_command_line_allows(engine: EngineServer) -> None:
    async with editing(
        engine, user={"endpoint.url": "http://remote.invalid:8080"}, arguments=["--allow-remote"]
    ) as editor:
        place = await editor.open("secret = ║\n")
        assert await editor.suggest(place) is None
        detail = (await editor.reason(place.uri))[1]
        assert "allowedHosts" not in detail
        assert "remote.invalid" in detail


async def test_the_user_s_file(
    engine: EngineServer, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.api_key = "right"
    monkeypatch.setenv("MY_ENDPOINT_KEY", "right")
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(
        f'[endpoint]\nurl = "{engine.url}"\napiKeyEnv = "MY_ENDPOINT_KEY"\n\n[completion]\nlineTokens = 13\n',
        "utf-8",
    )
    async with editing(engine, user={"endpoint.url": None}) as editor:
        assert await longest_answer(editor) == 13
        assert engine.headers[-1]["authorization"] == "Bearer right"


async def test_a_client_wins_over_the_user_s_file(engine: EngineServer, settings_file: Path) -> None:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text("[completion]\nlineTokens = 13\n", "utf-8")
    async with editing(engine, options={"completion.lineTokens": 14}) as editor:
        assert await longest_answer(editor) == 14


async def test_a_broken_settings_file_is_a_warning(engine: EngineServer, settings_file: Path) -> None:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text("[completion\n", "utf-8")
    async with editing(engine) as editor:
        assert str(settings_file) in await warned(editor)
        assert await longest_answer(editor) > 0


@pytest.mark.parametrize("settings", [None, {}, [], 7, "text", {"qwenLsp": None}, {"other": {"a": 1}}])
async def test_strange_notifications_of_change_are_harmless(editor: Editor, settings: Any) -> None:
    did_change(editor, settings)
    assert await longest_answer(editor) > 0


async def test_a_client_that_cannot_be_asked_pushes_its_settings(engine: EngineServer) -> None:
    from tests.support.raw import RawClient, server_command

    async with RawClient.started(server_command(engine)) as client:
        await client.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        client.notify("initialized", {})
        client.notify(
            "workspace/didChangeConfiguration",
            {"settings": {"qwenLsp": {"completion": {"lineTokens": 15}}}},
        )
        document = {"uri": "untitled:a", "languageId": "python", "version": 1, "text": "total =  + 1\n"}
        client.notify("textDocument/didOpen", {"textDocument": document})
        await client.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": "untitled:a"},
                "position": {"line": 0, "character": 8},
                "context": {"triggerKind": 1},
            },
        )
        assert engine.generations[0].max_tokens == 15
        await client.goodbye()
