"""initialize: what is offered, which encoding is chosen, and that nothing heavy was loaded for it."""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import psutil
import pytest
from lsprotocol import types

from qwen_lsp import __version__
from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.editor import SERVER_COMMAND
from tests.support.editor import Editor, editing, within
from tests.support.engine_server import EngineServer
from tests.support.raw import RawClient

pytestmark = pytest.mark.asyncio(loop_scope="module")

Kind = types.PositionEncodingKind
# What `initialize` must not wait for, and a window hardly ever needs: the engine, the terminal library, the
# other commands, reviews, what an action does, endpoints, who writes.
HEAVY = (
    "xllamacpp",
    "rich",
    "click.testing",
    "qwen_lsp.bench",
    "qwen_lsp.review",
    "qwen_lsp.cli.terminal",
    "qwen_lsp.cli.doctor",
    "qwen_lsp.cli.bench",
    "qwen_lsp.cli.models",
    "qwen_lsp.actions.run",
    "qwen_lsp.actions.prompts",
    "qwen_lsp.actions.checks",
    "qwen_lsp.context.named_files",
    "qwen_lsp.model.remote",
    "qwen_lsp.model.dialects.openai",
    "filelock",
)


async def test_what_is_offered(editor: Editor) -> None:
    assert editor.session.result is not None
    capabilities = editor.session.result.capabilities
    assert capabilities.inline_completion_provider
    sync = capabilities.text_document_sync
    assert isinstance(sync, types.TextDocumentSyncOptions)
    assert sync.change == types.TextDocumentSyncKind.Incremental
    assert sync.open_close
    info = editor.session.result.server_info
    assert info is not None
    assert (info.name, info.version) == ("qwen-lsp", __version__)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([Kind.Utf8, Kind.Utf16], Kind.Utf8),
        ([Kind.Utf16, Kind.Utf8], Kind.Utf16),
        ([], Kind.Utf16),
        (["klingon-8", Kind.Utf32], Kind.Utf32),
    ],
)
async def test_the_position_encoding(engine: EngineServer, offered: list[Any], chosen: Kind) -> None:
    async with editing(engine, encodings=offered) as editor:
        assert editor.session.encoding == chosen


@pytest.mark.parametrize(
    "params",
    [
        {"processId": None, "rootUri": None, "capabilities": {}},
        {"processId": 1, "rootUri": "file:///nowhere", "capabilities": {}, "initializationOptions": None},
        {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": [], "trace": "off"},
    ],
)
async def test_clients_that_say_little(params: dict[str, Any]) -> None:
    async with RawClient.started() as client:
        result = await client.request("initialize", params)
        assert result["capabilities"]["positionEncoding"] == "utf-16"
        await client.goodbye()


async def test_nothing_heavy_is_loaded_and_nothing_is_started() -> None:
    command = (sys.executable, "-X", "importtime", *SERVER_COMMAND[1:])
    async with RawClient.started(command) as client:
        await client.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        assert psutil.Process(client.process.pid).children(recursive=True) == []
        await client.goodbye()
    loaded = {line.rpartition("|")[2].strip() for line in client.stderr if line.startswith("import time:")}
    assert "qwen_lsp.lsp.server" in loaded
    heavy = [name for name in loaded if any(name == one or name.startswith(f"{one}.") for one in HEAVY)]
    assert heavy == []


async def test_it_is_answered_without_a_model_and_without_an_endpoint() -> None:
    """The models folder of this home is empty; the first completion says so, not the handshake."""
    async with lsp_session.start() as session:
        await session.open("untitled:a", "python", "x = ")
        assert not await within(session.complete("untitled:a", 4))
        trace = await within(session.request("qwenLsp/explain", {"textDocument": {"uri": "untitled:a"}}))
        assert trace.reason == "model"
        assert "qwen-lsp models pull" in trace.detail
        assert session.messages == []


async def test_requests_before_initialize_do_not_kill_it() -> None:
    async with RawClient.started() as client:
        early = await client.answer("textDocument/inlineCompletion", _inline("untitled:a"))
        assert early.get("error") or early["result"]["items"] == []
        await client.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        late = await client.answer("textDocument/inlineCompletion", _inline("untitled:a"))
        assert late["result"]["items"] == []
        await client.goodbye()


async def test_unknown_methods_and_unreadable_parameters_are_errors_not_the_end() -> None:
    async with RawClient.started() as client:
        await client.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        assert (await client.answer("textDocument/noSuchThing", {}))["error"]["code"] == -32601
        assert "error" in await client.answer("qwenLsp/explain", {"no": "document"})
        client.notify("$/noSuchThing", {})
        client.notify("textDocument/didOpen", {"nonsense": True})
        assert (await client.answer("qwenLsp/explain", {"textDocument": {"uri": "untitled:a"}}))[
            "result"
        ] is None
        await client.goodbye()


async def test_stdout_is_the_protocol_s_alone(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever prints, from Python or below it, ends up on stderr."""
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os, sys, threading\n"
        "def shout():\n"
        "    done = threading.Event()\n"
        "    atexit.register(done.set)\n"
        "    while 'qwen_lsp.lsp.server' not in sys.modules or sys.stdout is not sys.stderr:\n"
        "        done.wait(0.01)\n"
        "    while not done.is_set():\n"
        "        print('PRINTED', flush=True)\n"
        "        os.write(1, b'WRITTEN\\n')\n"
        "        done.wait(0.01)\n"
        "threading.Thread(target=shout, daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    async with RawClient.started() as client:
        await client.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        for _ in range(20):
            await client.answer("qwenLsp/explain", {"textDocument": {"uri": "untitled:a"}})
        while not {"PRINTED", "WRITTEN"} <= set(client.stderr):
            await within(client.stderr_grew.wait())
            client.stderr_grew.clear()
        await client.goodbye()
    assert not re.search(rb"PRINTED|WRITTEN", bytes(client.stdout))


def _inline(uri: str) -> dict[str, Any]:
    return {
        "textDocument": {"uri": uri},
        "position": {"line": 0, "character": 0},
        "context": {"triggerKind": 1},
    }
