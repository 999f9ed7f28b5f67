"""The client: what it can do is read once; what is sent to it; a progress bar and its end."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from lsprotocol import types

from qwen_lsp.bench.editor import capabilities as of_an_editor
from qwen_lsp.config import Layer
from qwen_lsp.lsp.capabilities import Capabilities, ClientOptions, capabilities, client_options
from qwen_lsp.lsp.client import Client, plain
from qwen_lsp.lsp.progress import Progress
from qwen_lsp.lsp.server import create


class Wire:
    """The far end of the framework's stream: what was sent, and how it is answered."""

    def __init__(self) -> None:
        self.server = create(Layer("command line", {}))
        self.server.protocol.set_writer(self, include_headers=False)
        self.client = Client(self.server)
        self.sent: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        self.sent.append(json.loads(data))

    def close(self) -> None:
        pass

    def able(self, **what: bool) -> Client:
        self.client.introduce(Capabilities(**what), ClientOptions(), "en")  # type: ignore[arg-type]
        return self.client

    def answer(self, message: dict[str, Any]) -> None:
        protocol = self.server.protocol
        reply = {"jsonrpc": "2.0", "id": message["id"], "result": None}
        protocol.handle_message(protocol.structure_message(reply))

    @property
    def kinds(self) -> list[str]:
        """The progress that was shown."""
        return [one["params"]["value"]["kind"] for one in self.sent if one["method"] == "$/progress"]


def test_a_client_that_says_nothing_can_do_nothing() -> None:
    assert capabilities(types.ClientCapabilities()) == Capabilities()


def test_what_an_editor_can_do() -> None:
    able = capabilities(of_an_editor([types.PositionEncodingKind.Utf8]))
    assert able.encoding == "utf-8"
    assert able.inline_completion
    assert able.progress
    assert able.document_changes
    assert able.answers_configuration


@pytest.mark.parametrize("properties", [[], ["command"]])
def test_actions_are_only_resolved_where_the_edit_may_come_later(properties: list[str]) -> None:
    action = types.CodeActionClientCapabilities(
        resolve_support=types.ClientCodeActionResolveOptions(properties)
    )
    client = types.ClientCapabilities(text_document=types.TextDocumentClientCapabilities(code_action=action))
    assert capabilities(client).resolves_edits is False
    action.resolve_support = types.ClientCodeActionResolveOptions(["edit", *properties])
    assert capabilities(client).resolves_edits is True


def test_options_are_on_only_when_they_are_true(caplog: pytest.LogCaptureFixture) -> None:
    options = client_options({"status": True, "explain": 1, "unheardOf": True})
    assert options == ClientOptions(status=True)
    assert "unheardOf" in caplog.text
    assert client_options("nonsense") == ClientOptions()


async def test_a_method_is_registered_once_and_taken_back_once() -> None:
    wire = Wire()
    client = wire.able()
    for _ in range(2):
        registering = asyncio.ensure_future(client.register("id", "textDocument/completion", None))
        await asyncio.sleep(0)
        if not registering.done():
            wire.answer(wire.sent[-1])
        await registering
    for _ in range(2):
        going = asyncio.ensure_future(client.unregister("id", "textDocument/completion"))
        await asyncio.sleep(0)
        if not going.done():
            wire.answer(wire.sent[-1])
        await going
    assert [one["method"] for one in wire.sent] == [
        "client/registerCapability",
        "client/unregisterCapability",
    ]


async def test_a_progress_bar_begins_and_ends() -> None:
    wire = Wire()
    progress = Progress(wire.able(progress=True), "token", "Title")
    progress.report("too early")
    beginning = asyncio.ensure_future(progress.begin("first", percentage=0))
    await asyncio.sleep(0)
    wire.answer(wire.sent[-1])
    await beginning
    progress.report("half", 50)
    progress.end("done")
    progress.end("twice")
    progress.report("too late")
    assert wire.kinds == ["begin", "report", "end"]


async def test_a_progress_bar_that_ends_before_it_was_there_is_never_shown() -> None:
    wire = Wire()
    progress = Progress(wire.able(progress=True), "token", "Title")
    beginning = asyncio.ensure_future(progress.begin())
    await asyncio.sleep(0)
    progress.end()
    wire.answer(wire.sent[-1])
    await beginning
    assert wire.kinds == []
    assert wire.client.tokens.tokens == {}


async def test_a_client_without_progress_is_not_asked() -> None:
    wire = Wire()
    progress = Progress(wire.able(), "token", "Title")
    await progress.begin()
    progress.end()
    assert wire.sent == []


async def test_its_stop_button_cancels_the_work() -> None:
    wire = Wire()
    progress = Progress(wire.able(progress=True), "token", "Title")
    work: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    beginning = asyncio.ensure_future(progress.begin(work=work))
    await asyncio.sleep(0)
    wire.answer(wire.sent[-1])
    await beginning
    wire.client.tokens.tokens["token"].cancel()
    await asyncio.sleep(0)
    assert work.cancelled()


def test_generic_objects_become_dictionaries() -> None:
    wire = Wire()
    message = {"jsonrpc": "2.0", "method": "x/y", "params": {"a": [{"b": 1}]}}
    params = wire.server.protocol.structure_message(message).params
    assert plain(params) == {"a": [{"b": 1}]}
