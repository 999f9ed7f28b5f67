"""One chat answer: what is asked of each kind of endpoint, deadlines, and leaving early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from qwen_lsp.errors import EndpointRejected, EndpointTimeout
from qwen_lsp.model.chat import ask
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.openai import OPENAI
from qwen_lsp.model.generation import ChatRequest, Message
from tests.support.engine_server import EngineServer, endless, garbage, refuses, says
from tests.support.waiting import until

MESSAGES = (Message("system", "Be brief."), Message("user", "价格?"))


@pytest.fixture
async def openai(engine: EngineServer) -> AsyncIterator[Client]:
    engine.kind = "openai"
    client = Client(Endpoint(engine.url, OPENAI, model="qwen"))
    yield client
    await client.close()


async def test_what_llama_is_asked(engine: EngineServer, llama: Client) -> None:
    engine.answer = says("x = 1")
    schema = {"type": "object"}
    reply = await ask(
        llama, ChatRequest(MESSAGES, 9, begins="```python\n", stop=("```",), json_schema=schema)
    )
    body = engine.last.body
    assert engine.last.path == "/completion"
    assert body["prompt"].endswith("价格?<|im_end|>\n<|im_start|>assistant\n```python\n")
    assert (body["id_slot"], body["n_predict"], body["stop"]) == (1, 9, ["```"])
    assert body["json_schema"] == schema
    assert body["temperature"] == 0.0
    assert (reply.text, reply.stop_reason) == ("```python\nx = 1", "eos")
    assert reply.timings.generated_tokens > 0


async def test_what_an_openai_endpoint_is_asked(engine: EngineServer, openai: Client) -> None:
    engine.answer = says("x = 1")
    reply = await ask(openai, ChatRequest(MESSAGES, 9, stop=tuple("abcdef"), json_schema={}, n_probs=2))
    body = engine.last.body
    assert engine.last.path == "/v1/chat/completions"
    assert body["messages"] == [{"role": entry.role, "content": entry.content} for entry in MESSAGES]
    assert (body["model"], body["max_tokens"], len(body["stop"])) == ("qwen", 9, 4)
    assert body["response_format"]["type"] == "json_schema"
    assert (reply.text, reply.stop_reason) == ("x = 1", "stop")
    assert len(reply.logprobs) == len(reply.others) == 3
    assert reply.others[0][0][0] == "else", "the token itself is none of the others"
    assert reply.timings.generated_tokens == 3


async def test_the_answer_is_heard_as_it_is_written(engine: EngineServer, llama: Client) -> None:
    engine.answer = says("a b c")
    heard: list[str] = []
    await ask(llama, ChatRequest(MESSAGES, 9), heard.append)
    assert heard == ["a", "a b", "a b c"]


async def test_the_hearer_ends_it(engine: EngineServer, llama: Client) -> None:
    engine.answer = endless()
    reply = await ask(llama, ChatRequest(MESSAGES, 9999), lambda text: len(text) > 40)
    assert reply.stop_reason == "left"
    await until(lambda: not engine.running, "the slot is free")
    assert engine.last.state == "left"


async def test_the_deadline_frees_the_slot(engine: EngineServer, llama: Client) -> None:
    engine.answer = endless()
    with pytest.raises(EndpointTimeout, match=r"within 0\.2 s"):
        await ask(llama, ChatRequest(MESSAGES, 9999, timeout_ms=200))
    await until(lambda: not engine.running, "the slot is free")
    assert engine.last.state == "left"


async def test_a_cancellation_frees_the_slot(engine: EngineServer, llama: Client) -> None:
    engine.answer = endless()
    task = asyncio.create_task(ask(llama, ChatRequest(MESSAGES, 9999)))
    await until(lambda: bool(engine.running), "it runs")
    task.cancel()
    await until(lambda: not engine.running, "the slot is free")
    assert engine.last.state == "left"


async def test_an_answer_that_grew_too_long(engine: EngineServer, llama: Client, openai: Client) -> None:
    engine.answer = says("a b c d e")
    engine.kind = "llama"
    assert (await ask(llama, ChatRequest(MESSAGES, 2))).is_cut_off
    assert (await ask(openai, ChatRequest(MESSAGES, 2))).is_cut_off
    assert not (await ask(llama, ChatRequest(MESSAGES, 9))).is_cut_off


@pytest.mark.parametrize("line", ["data: {", 'data: {"choices": [{"delta": {"content": 3}}]}', "data: [3]"])
async def test_what_cannot_be_read(engine: EngineServer, openai: Client, line: str) -> None:
    engine.answer = garbage(line)
    with pytest.raises(EndpointRejected):
        await ask(openai, ChatRequest(MESSAGES, 9))


async def test_an_error_in_mid_answer(engine: EngineServer, openai: Client) -> None:
    engine.answer = garbage('data: {"error": {"message": "out of memory"}}')
    with pytest.raises(EndpointRejected, match="out of memory"):
        await ask(openai, ChatRequest(MESSAGES, 9))


async def test_a_refusal(engine: EngineServer, llama: Client) -> None:
    engine.answer = refuses(400, "no such slot")
    with pytest.raises(EndpointRejected, match="no such slot"):
        await ask(llama, ChatRequest(MESSAGES, 9))
