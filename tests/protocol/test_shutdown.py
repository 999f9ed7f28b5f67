"""shutdown, exit, and clients that leave without a word."""

from __future__ import annotations

import asyncio
from typing import Any

import psutil
import pytest

from tests.support.editor import within
from tests.support.engine_server import Answer, EngineServer
from tests.support.raw import RawClient, process_command
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}


async def test_shutdown_then_exit_is_0() -> None:
    async with RawClient.started() as client:
        await client.request("initialize", HELLO)
        client.notify("initialized", {})
        assert await client.request("shutdown", None) is None
        client.notify("exit", None)
        assert await within(client.process.wait()) == 0


async def test_exit_without_shutdown_is_1() -> None:
    async with RawClient.started() as client:
        await client.request("initialize", HELLO)
        client.notify("exit", None)
        assert await within(client.process.wait()) == 1


async def test_exit_before_anything_else_is_1() -> None:
    async with RawClient.started() as client:
        client.notify("exit", None)
        assert await within(client.process.wait()) == 1


async def test_requests_after_shutdown_do_not_hang_the_end() -> None:
    async with RawClient.started() as client:
        await client.request("initialize", HELLO)
        await client.request("shutdown", None)
        client.notify("textDocument/didOpen", {})
        client.message({"id": 99, "method": "qwenLsp/explain", "params": {}})
        client.notify("exit", None)
        assert await within(client.process.wait()) == 0


@pytest.mark.parametrize("after", ["nothing", "initialize", "half a message"])
async def test_a_closed_stdin_ends_the_process(after: str) -> None:
    async with RawClient.started() as client:
        if after != "nothing":
            await client.request("initialize", HELLO)
        if after == "half a message":
            client.send(b"Content-Length: 1000\r\n\r\n{")
        assert client.process.stdin is not None
        client.process.stdin.close()
        await within(client.process.wait())


async def test_garbage_on_stdin_is_survived() -> None:
    async with RawClient.started() as client:
        await client.request("initialize", HELLO)
        client.send(b"Content-Length: 9\r\n\r\n{not json")
        client.send(b"Content-Length: 2\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n{}")
        client.message({"method": "qwenLsp/explain"})
        answer = await client.answer("qwenLsp/explain", {"textDocument": {"uri": "untitled:a"}})
        assert "result" in answer
        await client.goodbye()


@pytest.mark.parametrize("how", ["shutdown", "stdin", "kill"])
async def test_a_generation_under_way_is_ended(engine: EngineServer, how: str) -> None:
    engine.answer = Answer(end="hang")
    async with RawClient.started(process_command(engine)) as client:
        await client.request("initialize", HELLO)
        client.notify("initialized", {})
        document = {"uri": "untitled:a", "languageId": "python", "version": 1, "text": "x = "}
        client.notify("textDocument/didOpen", {"textDocument": document})
        client.message(
            {
                "id": 77,
                "method": "textDocument/inlineCompletion",
                "params": {
                    "textDocument": {"uri": "untitled:a"},
                    "position": {"line": 0, "character": 4},
                    "context": {"triggerKind": 1},
                },
            }
        )
        await until(lambda: engine.running, "the request arrives")
        if how == "shutdown":
            await client.goodbye()
        elif how == "stdin":
            assert client.process.stdin is not None
            client.process.stdin.close()
        else:
            client.process.kill()
        await within(client.process.wait())
        await until(lambda: not engine.running, "the engine sees the client leave")


async def test_no_process_is_left() -> None:
    async with RawClient.started() as client:
        await client.request("initialize", HELLO)
        server = psutil.Process(client.process.pid)
        await client.goodbye()
    await until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE, "it is gone")
    await asyncio.sleep(0)
