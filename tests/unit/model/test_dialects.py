"""What differs between endpoints, against a double of each: what is asked, and what is made of the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.errors import EndpointRejected, EndpointUnavailable
from qwen_lsp.model.chat import ask
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.dialect import Dialect
from qwen_lsp.model.dialects.known import DIALECTS, wanted
from qwen_lsp.model.generation import ChatRequest, Chunk, Message, Request
from qwen_lsp.model.remote import RemoteEndpoint
from tests.support.engine_server import Answer, EngineServer, endless, refuses, running, says
from tests.support.waiting import until

# The APIs that differ in form; tests/unit/model/test_conformance.py has every server.
KINDS = {one.name: one for one in DIALECTS if one.name in ("llama", "ollama", "openai", "suffix")}
REQUEST = Request("<|fim|>before", 20, ("<stop>", "\n"), forced="ret", around=("before", "after"))


def server_of(kind: str) -> EngineServer:
    return EngineServer(
        kind="ollama" if kind == "ollama" else "llama" if kind == "llama" else "openai", model="qwen2.5-coder"
    )


@asynccontextmanager
async def connected(server: EngineServer, dialect: Dialect) -> AsyncIterator[Client]:
    client = Client(Endpoint(server.url, dialect, model="qwen2.5-coder"))
    try:
        yield client
    finally:
        await client.close()


async def collect(client: Client, request: Request = REQUEST) -> list[Chunk]:
    async with client.stream(request) as chunks:
        return [chunk async for chunk in chunks]


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_begins_with_what_is_forced(kind: str) -> None:
    async with running(server_of(kind)) as server, connected(server, KINDS[kind]) as client:
        server.answer = says("urn x")
        chunks = await collect(client)
        assert "".join(chunk.text for chunk in chunks) == "return x"
        assert any(chunk.logprobs for chunk in chunks)
        assert [chunk.stop_reason for chunk in chunks if chunk.stop_reason]
        assert max(chunk.timings.prompt_tokens for chunk in chunks) > 0
        assert server.unknown == []


@pytest.mark.parametrize("kind", KINDS)
async def test_reading_ahead_writes_next_to_nothing(kind: str) -> None:
    async with running(server_of(kind)) as server, connected(server, KINDS[kind]) as client:
        server.answer = endless(between_s=0.0)
        await collect(client, replace(REQUEST, max_tokens=0))
        assert len(server.last.sent) <= len("ret") + 10


@pytest.mark.parametrize("kind", KINDS)
async def test_leaving_the_stream_ends_the_work(kind: str) -> None:
    async with running(server_of(kind)) as server, connected(server, KINDS[kind]) as client:
        server.answer = endless()
        async with client.stream(REQUEST) as chunks:
            await anext(chunks)
        await until(lambda: server.last.state == "left", "it is left")


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_is_told_with_the_server_s_words(kind: str) -> None:
    async with running(server_of(kind)) as server, connected(server, KINDS[kind]) as client:
        server.answer = refuses(400, "the context is full")
        with pytest.raises(EndpointRejected, match="the context is full"):
            await collect(client)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_broken_answer_is_an_error(kind: str) -> None:
    broken = {
        "ollama": Answer(raw=(b'{"response": 3, "done": false}\n',)),
        "llama": Answer(raw=(b"data: {\n\n",)),
    }
    async with running(server_of(kind)) as server, connected(server, KINDS[kind]) as client:
        server.answer = broken.get(kind, Answer(raw=(b'data: {"choices": 7}\n\n',)))
        with pytest.raises(EndpointRejected, match="unreadable"):
            await collect(client)
        server.answer = replace(says("return"), end="drop")
        with pytest.raises(EndpointUnavailable):
            await collect(client)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_chat(kind: str) -> None:
    async with running(server_of(kind)) as server, connected(server, KINDS[kind]) as client:
        server.answer = says("It adds.")
        reply = await ask(client, ChatRequest([Message("user", "Explain.")], 50, n_probs=2))
        assert reply.text == "It adds."
        assert not reply.is_cut_off
        server.answer = endless()
        assert (await ask(client, ChatRequest([Message("user", "Explain.")], 5))).is_cut_off
        assert "Explain." in server.last.prompt


async def test_ollama_gets_the_prompt_as_it_is_and_one_context() -> None:
    async with running(server_of("ollama")) as server, connected(server, KINDS["ollama"]) as client:
        await collect(client)
        assert server.last.prompt == "<|fim|>beforeret"
        first = server.last.body
        assert (first["raw"], first["options"]["stop"]) == (True, ["<stop>", "\n"])
        await ask(client, ChatRequest([Message("user", "Explain.")], 50))
        assert server.last.body["options"]["num_ctx"] == first["options"]["num_ctx"], "it would load anew"


async def test_ollama_s_model() -> None:
    async with running(server_of("ollama")) as server:
        for named, model in (("", "qwen2.5-coder"), ("llama3.2", "llama3.2"), ("llama3.2:latest",) * 2):
            client = Client(Endpoint(server.url, KINDS["ollama"], model=named))
            assert (await client.served()).model == model
            await client.close()
        client = Client(Endpoint(server.url, KINDS["ollama"], model="qwen3-coder"))
        with pytest.raises(EndpointUnavailable, match="ollama pull qwen3-coder"):
            await client.served()
        await client.close()


async def test_the_suffix_has_its_own_field() -> None:
    async with running(server_of("suffix")) as server, connected(server, KINDS["suffix"]) as client:
        await collect(client)
        assert (server.last.body["prompt"], server.last.body["suffix"]) == ("beforeret", "after")


@pytest.mark.parametrize("kind", ["openai", "suffix"])
async def test_a_server_that_takes_four_stops(kind: str) -> None:
    async with running(server_of(kind)) as server, connected(server, KINDS[kind]) as client:
        server.max_stops = 4
        await collect(client, replace(REQUEST, stop=tuple("abcdefg")))
        assert server.last.body["stop"] == list("abcd")


@pytest.mark.parametrize("kind", ["openai", "suffix", "ollama"])
async def test_a_server_without_probabilities(kind: str) -> None:
    async with running(server_of(kind)) as server, connected(server, KINDS[kind]) as client:
        server.has_logprobs, server.answer = False, says("urn x")
        chunks = await collect(client)
        assert "".join(chunk.text for chunk in chunks) == "return x"
        assert not any(chunk.logprobs for chunk in chunks)


@pytest.mark.parametrize("kind", ["llama", "ollama", "openai"])
async def test_what_an_endpoint_speaks_is_found_out(kind: str) -> None:
    async with running(server_of(kind)) as server:
        host = RemoteEndpoint(EndpointConfig(url=f"{server.url}/v1"), lambda state: None)
        client = await host.ready()
        assert client.endpoint.dialect.name == kind
        assert client.endpoint.model.startswith("qwen2.5-coder")
        await host.close()


def test_what_cannot_be_told_by_asking_is_not_asked_for() -> None:
    assert [dialect.name for dialect in wanted("auto")] == ["llama", "ollama", "openai"]
    assert [dialect.name for dialect in wanted("suffix")] == ["suffix"]
