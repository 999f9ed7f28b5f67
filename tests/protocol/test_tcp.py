"""`serve --tcp PORT`, for debugging: on loopback only, one client, and the same exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

import psutil
import pytest
from lsprotocol import types

from qwen_lsp.bench.editor import SERVER_COMMAND
from tests.support.editor import frames, within
from tests.support.hub import closed_port_url
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as soon as somebody listens."""
    for _ in range(2000):
        with contextlib.suppress(ConnectionRefusedError):
            return await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.01)
    raise AssertionError("nobody listens")


@pytest.mark.parametrize(("ends", "code"), [(["shutdown", "exit"], 0), (["exit"], 1), ([], None)])
async def test_a_session_over_tcp(ends: list[str], code: int | None) -> None:
    port = int(closed_port_url().rsplit(":", 1)[1])
    process = await asyncio.create_subprocess_exec(
        *(*SERVER_COMMAND, "--tcp", str(port)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    talk = asyncio.create_task(process.communicate())
    try:
        reader, writer = await connect(port)
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(process.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening == ["127.0.0.1"]
        writer.write(
            frame(
                '{"id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}'
            )
        )
        head = await within(reader.readuntil(b"\r\n\r\n"))
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        body = await within(reader.readexactly(length))
        assert types.TEXT_DOCUMENT_INLINE_COMPLETION.rpartition("/")[2] in body.decode()
        for number, method in enumerate(ends, 2):
            identifier = f'"id":{number},' if method == "shutdown" else ""
            writer.write(frame(f'{{{identifier}"method":"{method}","params":null}}'))
            if method == "shutdown":
                await within(reader.readuntil(b"}"))
        if not ends:
            writer.close()
        output, errors = await within(talk)
        sys.stdout.write(errors.decode("utf-8", "replace"))
        assert frames(output) == []
        assert code is None or process.returncode == code
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    finally:
        if process.returncode is None:
            process.kill()
        await talk
    await until(lambda: not psutil.pid_exists(process.pid), "it is gone")


def frame(content: str) -> bytes:
    body = content.replace("{", '{"jsonrpc":"2.0",', 1).encode()
    return f"Content-Length: {len(body)}\r\n\r\n".encode() + body


async def test_a_port_that_is_taken_is_one_line_of_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        taken_port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(*SERVER_COMMAND, "--tcp", str(taken_port)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await within(process.communicate())
    assert process.returncode == 2
    said = errors.decode("utf-8", "replace")
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith(f"error: port {taken_port} cannot be used")
