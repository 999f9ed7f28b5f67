"""Requests of several windows through the relay to an engine that answers when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import msgspec
import pytest

from qwen_lsp.errors import EndpointStale
from qwen_lsp.model import relay
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.generation import Request
from qwen_lsp.model.relay import Relay
from qwen_lsp.model.slots import Slots
from qwen_lsp.model.turns import Turns
from tests.support.waiting import until

HOST = "127.0.0.1"


class Engine:
    """Stands in for an engine and its process: it writes a prompt back, its end when it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.may_answer = asyncio.Event()
        self.client: Client | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        body = msgspec.json.decode(await reader.readexactly(length))
        self.asked.append(body)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + _event(content=body["prompt"]))
        await self.may_answer.wait()
        writer.write(_event(content="", stop=True, stop_type="eos"))
        writer.close()

    async def ready(self) -> Client:
        assert self.client is not None
        return self.client

    def used(self, *, has_answered: bool = False) -> None:
        pass

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        yield

    async def end_if_it_hangs(self) -> None:
        pass


def _event(**values: Any) -> bytes:
    return b"data: " + msgspec.json.encode(values) + b"\n\n"


class Served:
    def __init__(self, engine: Engine) -> None:
        self.engine = cast(Any, engine)
        self.turns = Turns(1)
        self.slots = Slots()


@contextlib.asynccontextmanager
async def windows(*tokens: str) -> AsyncIterator[tuple[Engine, list[Client]]]:
    """Some windows of one engine with one slot."""
    engine = Engine()
    served = Served(engine)
    theirs = await asyncio.start_server(engine.serve, HOST, 0)
    engine.client = Client(Endpoint(f"http://{HOST}:{theirs.sockets[0].getsockname()[1]}", is_ours=True))
    relaying = Relay(lambda token: served if token in tokens else None)
    ours = await asyncio.start_server(relaying.serve, HOST, 0)
    url = f"http://{HOST}:{ours.sockets[0].getsockname()[1]}"
    try:
        yield engine, [Client(Endpoint(url, api_key=token, is_ours=True)) for token in tokens]
    finally:
        engine.may_answer.set()
        ours.close()
        theirs.close()


async def answer(client: Client, prompt: str, *, is_renewable: bool = False) -> str:
    async with client.stream(Request(prompt, 64, is_renewable=is_renewable)) as chunks:
        return "".join([chunk.text async for chunk in chunks])


async def test_one_that_has_waited_is_sent_back_and_its_window_asked_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "_STALE_S", 0.0)
    monkeypatch.setattr("qwen_lsp.model.turns._KEPT_S", 10.0)
    async with windows("ash", "oak", "elm") as (engine, (ash, oak, elm)):
        first = asyncio.create_task(answer(ash, "first"))
        await until(lambda: engine.asked, "it is asked")
        old = asyncio.create_task(answer(oak, "old", is_renewable=True))
        await asyncio.sleep(0.05)
        engine.may_answer.set()
        assert await first == "first"
        with pytest.raises(EndpointStale):
            await old
        other = asyncio.create_task(answer(elm, "other"))
        await asyncio.sleep(0.05)
        assert [body["prompt"] for body in engine.asked] == ["first"], "the turn is kept"
        monkeypatch.setattr(relay, "_STALE_S", 60.0)
        assert await answer(oak, "old and new", is_renewable=True) == "old and new"
        assert await other == "other"
        assert [body["prompt"] for body in engine.asked] == ["first", "old and new", "other"]
        assert [body["n_predict"] for body in engine.asked] == [64, 16, 64], "short, for another one waits"
        assert not any("is_renewable" in body for body in engine.asked), "the engine need not know"


async def test_one_that_is_not_to_be_renewed_waits() -> None:
    async with windows("ash", "oak") as (engine, (ash, oak)):
        first = asyncio.create_task(answer(ash, "first"))
        await until(lambda: engine.asked, "it is asked")
        second = asyncio.create_task(answer(oak, "second"))
        await asyncio.sleep(0.05)
        engine.may_answer.set()
        assert [await first, await second] == ["first", "second"]


async def test_one_that_has_not_waited_is_answered() -> None:
    async with windows("ash") as (engine, (ash,)):
        engine.may_answer.set()
        assert await answer(ash, "now", is_renewable=True) == "now"
