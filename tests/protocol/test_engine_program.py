"""`engine.program`: a llama-server of the user's own, here a scripted one; and the life of both processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from qwen_lsp.config import EngineConfig
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.generation import Request
from qwen_lsp.model.state import State
from tests.support.editor import within
from tests.support.raw import RawClient
from tests.support.stand_in import Program
from tests.support.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a `#!` line"),
]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@asynccontextmanager
async def engine_of(program: Program, states: list[State]) -> AsyncIterator[Engine]:
    config = EngineConfig(program=str(program.path), context_tokens=3000, threads=2)
    engine = Engine(config, lambda: program.model, states.append)
    try:
        yield engine
    finally:
        await engine.close()


async def answer(client: Client) -> str:
    async with client.stream(Request("x = ", 16)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_it_is_started_with_a_key_and_what_the_settings_say(program: Program) -> None:
    states: list[State] = []
    async with engine_of(program, states) as engine:
        client = await within(engine.ready())
        assert await answer(client) == "return 1"
        given = program.tells()["arguments"]
        options = dict(zip(given[2::2], given[3::2], strict=True))
        assert given[:2] == ["--slots", "--no-webui"]
        assert options["--model"] == str(program.model)
        assert options["--host"] == "127.0.0.1"
        assert (options["--parallel"], options["--ctx-size"], options["--threads"]) == ("2", "6000", "2")
        assert client.endpoint.api_key not in str(program.tells())
        assert not Path(options["--api-key-file"]).exists(), "it is gone as soon as it was read"
        assert [state.phase for state in states] == ["starting", "ready"]


async def test_closing_ends_the_program_too(program: Program) -> None:
    async with engine_of(program, []) as engine:
        await within(engine.ready())
        host, pid = engine.pid, program.pid
        assert host is not None
    await until(lambda: is_gone(host) and is_gone(pid), "both processes are gone")


@pytest.mark.parametrize("victim", ["program", "host"])
async def test_either_process_killed_is_started_again(program: Program, victim: str) -> None:
    states: list[State] = []
    async with engine_of(program, states) as engine:
        await within(engine.ready())
        host, pid = engine.pid, program.pid
        assert host is not None
        psutil.Process(pid if victim == "program" else host).kill()
        await until(lambda: is_gone(host) and is_gone(pid), "both processes are gone")
        await until(
            lambda: engine.state.phase == "starting" or engine.pid not in (None, host), "it is noticed"
        )
        client = await within(engine.ready())
        assert await answer(client) == "return 1"
        assert program.pid != pid
        assert "died" in next(state.detail for state in states[2:] if state.phase == "starting")


async def test_it_ends_with_a_language_server_that_is_killed(program: Program, settings_file: Path) -> None:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(
        f'[engine]\nprogram = "{program.path}"\n\n[model]\npath = "{program.model}"\n', "utf-8"
    )
    async with RawClient.started() as client:
        await client.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        document = {"uri": "untitled:a", "languageId": "python", "version": 1, "text": "x = "}
        client.notify("textDocument/didOpen", {"textDocument": document})
        result = await client.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": "untitled:a"},
                "position": {"line": 0, "character": 4},
                "context": {"triggerKind": 1},
            },
        )
        assert result["items"] is not None
        pid = program.pid
        client.process.kill()
        await client.process.wait()
    await until(lambda: is_gone(pid), "the program is gone")


async def test_whoever_takes_the_port_first_gets_neither_key_nor_code(tmp_path: Path) -> None:
    program = Program(tmp_path)
    port_file = tmp_path / "port"
    program.path.write_text(
        f'#!/bin/sh\nwhile [ "$1" != --port ]; do shift; done\n'
        f"echo $2 > {port_file}.part; mv {port_file}.part {port_file}; exec sleep 60\n",
        "utf-8",
    )
    got = bytearray()

    async def squat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.read(10_000))
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"ok"}')
        writer.close()

    async with engine_of(program, []) as engine:
        asked = asyncio.create_task(engine.ready())
        await until(port_file.exists, "the program is started")
        server = await asyncio.start_server(squat, "127.0.0.1", int(port_file.read_text()))
        async with server:
            done, _ = await asyncio.wait({asked}, timeout=2)
            assert not done
            assert engine.state.phase == "starting"
        asked.cancel()
    assert got == b""


async def test_a_program_that_ends_at_once_says_why(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.path.write_text("#!/bin/sh\necho 'error: no such model' >&2\nexit 3\n", "utf-8")
    states: list[State] = []
    async with engine_of(program, states) as engine:
        asked = asyncio.create_task(engine.ready())
        await until(
            lambda: any("no such model" in state.detail for state in states), "the reason is reported"
        )
        asked.cancel()


async def test_one_that_was_compiled_here_is_set_as_the_engine_in_the_wheel_is(program: Program) -> None:
    config = EngineConfig(context_tokens=3000)
    engine = Engine(config, lambda: program.model, lambda state: None, "", lambda layers: str(program.path))
    try:
        assert await answer(await within(engine.ready())) == "return 1"
    finally:
        await engine.close()
    given = program.tells()["arguments"]
    options = dict(zip(given[4::2], given[5::2], strict=True))
    assert given[2:4] == ["--no-cache-idle-slots", "--no-cors-credentials"]
    assert (options["--batch-size"], options["--load-mode"]) == ("64", "none")
    assert not engine.has_fallen_back
