"""What the relay hands on and when, with an engine that says what it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from qwen_lsp.model.engine import CHAT_SLOT, COMPLETION_SLOT
from qwen_lsp.model.generation import Slot
from qwen_lsp.model.relay import Relay
from qwen_lsp.model.slots import Slots
from qwen_lsp.model.turns import Turns
from tests.support.editor import within

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
READING = b'data: {"content":"","stop":false,"prompt_progress":{"total":900,"processed":64}}\n\n'
END = b'data: {"content":"x","stop":true}\n\n'

# Of an engine: what it does with a prompt and a connection; reading more ends when it was given up.
Script = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Any]


@asynccontextmanager
async def relay(script: Script) -> AsyncIterator[int]:
    """Serve a relay, with two slots, to an engine that does what `script` does; yield its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        try:
            await script(json.loads(await reader.readexactly(length))["prompt"], reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()

    engine = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{engine.sockets[0].getsockname()[1]}"

    async def no_slots() -> list[Slot]:
        return []

    client = SimpleNamespace(endpoint=SimpleNamespace(url=url, api_key="k"), slots=no_slots)

    async def ready() -> Any:
        return client

    served: Any = SimpleNamespace(
        engine=SimpleNamespace(ready=ready, in_use=nullcontext, used=lambda has_answered: None),
        turns=Turns(2, pause_s=0.0),
        slots=Slots(),
    )
    front = await asyncio.start_server(Relay(lambda token: served).serve, "127.0.0.1", 0)
    async with engine, front:
        yield front.sockets[0].getsockname()[1]


async def ask(port: int, prompt: str, slot: int) -> bytes:
    """Ask as a window does and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"prompt": prompt, "id_slot": slot, "n_predict": 8}).encode()
    writer.write(b"POST /completion HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    try:
        return bytes(await within(reader.read()))
    finally:
        writer.close()


async def test_what_is_being_read_makes_way_and_is_asked_again() -> None:
    """The engine says how far it has read; that is no word of the answer, so a key still goes first."""
    asked: list[str] = []
    is_reading = asyncio.Event()

    async def script(prompt: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(prompt)
        writer.write(HEAD + READING)
        await writer.drain()
        if asked.count("chat") == 1 and prompt == "chat":
            is_reading.set()
            await reader.read()
        writer.write(END)

    async with relay(script) as port:
        chat = asyncio.create_task(ask(port, "chat", CHAT_SLOT))
        await within(is_reading.wait())
        assert END in await ask(port, "key", COMPLETION_SLOT)
        answer = await chat
    assert asked == ["chat", "key", "chat"]
    assert answer.count(b"HTTP/1.1 200") == 1
    assert answer.endswith(END)


async def test_an_engine_that_dies_while_it_reads_is_asked_once_more() -> None:
    asked: list[str] = []

    async def script(prompt: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(prompt)
        writer.write(HEAD + READING + (END if len(asked) > 1 else b""))

    async with relay(script) as port:
        assert (await ask(port, "key", COMPLETION_SLOT)).count(READING) == 1
    assert asked == ["key", "key"]


@pytest.mark.parametrize("cut", [1, 5, 6, 30, len(READING) - 2, len(READING) - 1])
async def test_a_line_that_comes_in_two_pieces(cut: int) -> None:
    async def script(prompt: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + READING[:cut])
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(READING[cut:] + END)

    async with relay(script) as port:
        assert (await ask(port, "key", COMPLETION_SLOT)).endswith(READING + END)
