"""The HTTP client against a scripted engine: both APIs, every failure, and leaving early."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from qwen_lsp.endpoints import is_http, is_loopback
from qwen_lsp.errors import EndpointError, EndpointRejected, EndpointTimeout, EndpointUnavailable
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.openai import OPENAI
from qwen_lsp.model.generation import Chunk, Request
from tests.support.engine_server import (
    Answer,
    EngineServer,
    endless,
    garbage,
    recorded,
    refuses,
    running,
    says,
)
from tests.support.hub import closed_port_url
from tests.support.waiting import until

REQUEST = Request("prompt", 200, ("<stop>",))


@pytest.fixture
async def engine() -> AsyncIterator[EngineServer]:
    async with running() as server:
        yield server


@asynccontextmanager
async def connected(endpoint: Endpoint) -> AsyncIterator[Client]:
    client = Client(endpoint)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def llama(engine: EngineServer) -> AsyncIterator[Client]:
    async with connected(Endpoint(engine.url)) as client:
        yield client


@pytest.fixture
async def openai(engine: EngineServer) -> AsyncIterator[Client]:
    engine.kind = "openai"
    async with connected(Endpoint(engine.url, OPENAI, model="qwen")) as client:
        yield client


async def collect(client: Client, request: Request = REQUEST) -> list[Chunk]:
    async def work() -> list[Chunk]:
        async with client.stream(request) as chunks:
            return [chunk async for chunk in chunks]

    return await asyncio.wait_for(work(), 60)


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_what_is_asked_of_llama(engine: EngineServer, llama: Client) -> None:
    await collect(llama, Request("<|fim|>价格 = ", 17, ("a", "b", "c", "d", "e"), slot=1))
    body = engine.last.body
    assert engine.last.path == "/completion"
    assert body["prompt"] == "<|fim|>价格 = "
    assert body["n_predict"] == 17
    assert body["stop"] == ["a", "b", "c", "d", "e"]
    assert body["id_slot"] == 1
    assert body["temperature"] == 0.0
    assert (body["cache_prompt"], body["stream"], body["timings_per_token"]) == (True, True, True)
    assert "grammar" not in body


async def test_what_is_asked_of_an_openai_endpoint(engine: EngineServer, openai: Client) -> None:
    await collect(openai, Request("prompt", 17, ("a", "b", "c", "d", "e"), slot=1))
    body = engine.last.body
    assert engine.last.path == "/v1/completions"
    assert (body["model"], body["prompt"], body["max_tokens"]) == ("qwen", "prompt", 17)
    assert body["stop"] == ["a", "b", "c", "d"], "such servers refuse more than four"
    assert (body["temperature"], body["stream"]) == (0.0, True)
    assert not {"grammar", "id_slot", "cache_prompt", "n_predict"} & set(body)


async def test_a_prompt_that_is_only_read(engine: EngineServer, llama: Client, openai: Client) -> None:
    """Zero tokens: OpenAI-compatible servers refuse that, so they are asked for one."""
    await collect(openai, replace(REQUEST, max_tokens=0))
    assert engine.last.body["max_tokens"] == 1
    engine.kind = "llama"
    assert text_of(await collect(llama, replace(REQUEST, max_tokens=0))) == ""
    assert engine.last.body["n_predict"] == 0


@pytest.mark.parametrize("kind", ["llama", "openai"])
async def test_the_answer_comes_in_chunks(
    engine: EngineServer, llama: Client, openai: Client, kind: str
) -> None:
    engine.kind = "llama"
    client = llama if kind == "llama" else openai
    engine.answer = Answer(("return ", "价格", " * 2\r\n", "👩‍💻"), logprob=-0.5)
    chunks = await collect(client)
    assert [chunk.text for chunk in chunks if chunk.text] == list(engine.answer.chunks)
    assert [chunk.logprobs for chunk in chunks if chunk.text] == [(-0.5,)] * 4
    assert chunks[-1].stop_reason
    assert not any(chunk.stop_reason for chunk in chunks[:3])
    assert chunks[-1].timings.generated_tokens == 4
    assert chunks[-1].timings.prompt_tokens == 1
    assert engine.last.state == "ended"


async def test_that_a_prompt_is_being_read_is_no_chunk(engine: EngineServer, llama: Client) -> None:
    engine.answer = Answer(("a", "b"))
    chunks = await collect(llama)
    assert engine.last.body["return_progress"], "else nothing was left out"
    assert [chunk.text for chunk in chunks] == ["a", "b", ""]
    assert all(chunk.timings.prompt_tokens for chunk in chunks)


@pytest.mark.parametrize(
    ("name", "begins", "n_prompt"),
    [
        ("return_sum", " return sum(prices)", 47),
        ("runs_on", " return json.load(file)\n\n\ndef save(", 25),
        ("chinese", " return sum(数字) / len(数字)\n\n# 示例用法\n", 29),
    ],
)
async def test_recorded_answers_of_llama(
    engine: EngineServer, llama: Client, name: str, begins: str, n_prompt: int
) -> None:
    engine.answer = recorded(name)
    chunks = await collect(llama)
    assert text_of(chunks).startswith(begins)
    assert chunks[-1].stop_reason in ("eos", "limit")
    timings = chunks[-1].timings
    assert timings.prompt_tokens == n_prompt
    # A token that is only the beginning of a character comes without a message of its own.
    assert 0 <= timings.generated_tokens - len([chunk for chunk in chunks if chunk.logprobs]) <= 1
    assert 0 <= timings.cached_tokens <= timings.prompt_tokens
    assert timings.prompt_ms > 0
    assert timings.generated_ms > 0
    assert all(value <= 0 for chunk in chunks for value in chunk.logprobs)


async def test_a_recorded_answer_of_an_openai_endpoint(engine: EngineServer, openai: Client) -> None:
    engine.answer = recorded("openai")
    chunks = await collect(openai)
    assert text_of(chunks).startswith(" return sum(数字) / len(数字)")
    assert chunks[-1].stop_reason == "length"
    timings = chunks[-1].timings
    assert (timings.prompt_tokens, timings.cached_tokens, timings.generated_tokens) == (29, 28, 24)
    assert sum(len(chunk.logprobs) for chunk in chunks) == 24


@pytest.mark.parametrize("forced", ["    ", 'say("', "a\\b\t\n", "价格", "x]"])
async def test_llama_is_held_to_a_beginning_by_a_grammar(
    engine: EngineServer, llama: Client, forced: str
) -> None:
    engine.answer = says("rest")
    chunks = await collect(llama, replace(REQUEST, forced=forced))
    assert engine.last.forced == forced, "the server read something else out of the grammar"
    assert text_of(chunks) == f"{forced}rest"
    assert engine.last.prompt == "prompt"


@pytest.mark.parametrize(
    ("forced", "prompt", "text"), [("obj.na", "promptobj.na", "obj.narest"), ("    ", "prompt", "rest")]
)
async def test_elsewhere_a_beginning_is_put_into_the_prompt(
    engine: EngineServer, openai: Client, forced: str, prompt: str, text: str
) -> None:
    engine.answer = says("rest")
    chunks = await collect(openai, replace(REQUEST, forced=forced))
    assert engine.last.prompt == prompt
    assert text_of(chunks) == text


FAILURES: list[tuple[Answer, type[EndpointError], str]] = [
    (refuses(500, "out of memory"), EndpointRejected, "answered 500: out of memory"),
    (refuses(400, "too long"), EndpointRejected, "answered 400: too long"),
    (refuses(401, "no key"), EndpointRejected, "check `endpoint.apiKeyEnv`"),
    (refuses(403, "wrong key"), EndpointRejected, "check `endpoint.apiKeyEnv`"),
    (refuses(404), EndpointRejected, "answered 404"),
    (refuses(503, "Loading model"), EndpointUnavailable, "not ready: Loading model"),
    (says("return 1", end="drop"), EndpointUnavailable, ""),
    (Answer(end="drop"), EndpointUnavailable, ""),
    (garbage("data: {not json"), EndpointRejected, "unreadable"),
    (garbage("data: []"), EndpointRejected, "unreadable"),
    (garbage("data: 42"), EndpointRejected, "unreadable"),
    (garbage("data: null"), EndpointRejected, "unreadable"),
    (garbage('data: {"content": 7, "choices": [{"text": 7}]}'), EndpointRejected, "unreadable"),
    (garbage('data: {"surprise": 1}'), EndpointRejected, "unreadable"),
    (garbage('data: {"error": {"message": "boom", "code": 500}}'), EndpointRejected, "boom"),
    (garbage('data: {"error": "boom"}'), EndpointRejected, "boom"),
    (garbage('error: {"message": "boom"}'), EndpointRejected, "boom"),
    (garbage("<html>a proxy's page</html>"), EndpointUnavailable, "in mid-answer"),
]


@pytest.mark.parametrize("kind", ["llama", "openai"])
@pytest.mark.parametrize(("answer", "error", "said"), FAILURES)
async def test_every_failure_is_an_error_of_ours(
    engine: EngineServer,
    llama: Client,
    openai: Client,
    kind: str,
    answer: Answer,
    error: type[EndpointError],
    said: str,
) -> None:
    engine.kind = "llama"
    engine.answer = answer
    client = llama if kind == "llama" else openai
    with pytest.raises(error) as caught:
        await collect(client)
    assert said in str(caught.value)
    engine.answer = says("well")
    assert text_of(await collect(client)) == "well", "one failure must not spoil the next request"


async def test_an_answer_may_be_empty(engine: EngineServer, llama: Client) -> None:
    engine.answer = Answer()
    assert text_of(await collect(llama)) == ""


async def test_nobody_there() -> None:
    async with connected(Endpoint(closed_port_url())) as client:
        with pytest.raises(EndpointUnavailable, match="cannot be reached"):
            await collect(client)
        with pytest.raises(EndpointUnavailable):
            await client.served()
        assert not await client.health()


async def test_a_host_that_does_not_exist() -> None:
    async with connected(Endpoint("http://no-such-host.invalid:1")) as client:
        with pytest.raises((EndpointUnavailable, EndpointTimeout)):
            await client.served()


@pytest.mark.parametrize("kind", ["llama", "openai"])
async def test_leaving_early_closes_the_connection_and_frees_the_slot(
    engine: EngineServer, llama: Client, openai: Client, kind: str
) -> None:
    engine.kind = "llama"
    engine.answer = endless(between_s=0.05)
    client = llama if kind == "llama" else openai
    async with client.stream(replace(REQUEST, slot=1)) as chunks:
        async for chunk in chunks:
            if chunk.text:
                break
        if kind == "llama":
            assert [slot.is_busy for slot in await client.slots()] == [False, True]
    await until(lambda: engine.last.state == "left", "the server sees the client leave")
    assert not any(slot.is_busy for slot in await llama.slots())


async def test_cancelling_closes_the_connection(engine: EngineServer, llama: Client) -> None:
    engine.answer = Answer(end="hang")
    task = asyncio.create_task(collect(llama))
    await until(lambda: engine.running, "the request arrives")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: engine.last.state == "left", "the server sees the client leave")


async def test_the_key_is_sent_and_never_shown(engine: EngineServer) -> None:
    engine.api_key = "secret-key"
    async with connected(Endpoint(engine.url, api_key="secret-key")) as client:
        assert text_of(await collect(client)) == "pass"
        assert "secret-key" not in repr(client.endpoint)
    async with connected(Endpoint(engine.url, api_key="wrong")) as client:
        with pytest.raises(EndpointRejected, match="apiKeyEnv") as caught:
            await collect(client)
        assert "wrong" not in str(caught.value)
    async with connected(Endpoint(engine.url)) as client:
        with pytest.raises(EndpointRejected, match="401"):
            await client.served()
        assert await client.health(), "llama.cpp tells its health to everybody"


async def test_health_while_loading(engine: EngineServer, llama: Client) -> None:
    engine.is_loading = True
    assert not await llama.health()
    with pytest.raises(EndpointUnavailable, match="not ready"):
        await llama.served()
    engine.is_loading = False
    assert await llama.health()


async def test_the_other_questions(engine: EngineServer, llama: Client, openai: Client) -> None:
    assert (await openai.served()).model == "qwen", "the settings name it"
    async with connected(Endpoint(engine.url, OPENAI)) as unnamed:
        assert (await unnamed.served()).model == "scripted-0.5b"
    assert await openai.health()
    with pytest.raises(EndpointRejected, match="404"):
        await llama.served()
    engine.kind = "llama"
    assert (await llama.served()).model == "scripted-0.5b.gguf"
    assert len(await llama.tokenize("<|fim_prefix|>")) == 1
    assert [slot.id for slot in await llama.slots()] == [0, 1]


async def test_what_a_dialect_has_not_is_not_asked_for(engine: EngineServer, openai: Client) -> None:
    with pytest.raises(EndpointRejected, match="`openai` cannot split a text into tokens"):
        await openai.tokenize("x")
    with pytest.raises(EndpointRejected, match="`openai` cannot list slots"):
        await openai.slots()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"])
async def test_no_proxy_sees_what_goes_to_this_machine(
    engine: EngineServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with running(EngineServer(answer=says("from the proxy"))) as proxy:
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with connected(Endpoint(engine.url)) as client:
            assert text_of(await collect(client)) == "pass"
        assert proxy.generations == []
        assert proxy.unknown == []


async def test_a_redirect_is_not_followed(engine: EngineServer, llama: Client) -> None:
    """It could lead away from the one host that the user allowed."""
    engine.answer = refuses(307, "elsewhere")
    with pytest.raises(EndpointRejected, match="307"):
        await collect(llama)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.9.9.9", True),
        ("http://localhost:1", True),
        ("http://[::1]:8080", True),
        ("https://LOCALHOST", True),
        ("http://10.0.0.1:8080", False),
        ("http://0.0.0.0:8080", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://user@127.0.0.1@example.com", False),
        ("http://127.0.0.1@example.com", False),
        ("http://2130706433", False),
        ("http://[::ffff:10.0.0.1]", False),
        ("http://gpu:8080", False),
        ("127.0.0.1:8080", False),
        ("", False),
        ("http://", False),
        ("http://[::1", False),
    ],
)
def test_is_loopback(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", True),
        ("https://gpu.example.com/v1", True),
        ("http://[::1]:8080", True),
        ("127.0.0.1:8080", False),
        ("localhost:8080", False),
        ("gpu", False),
        ("htp://gpu", False),
        ("file:///etc/passwd", False),
        ("http://", False),
        ("http://:8080", False),
        ("http://gpu:99999", False),
        ("http://gpu:0", False),
        ("http://[::1", False),
        ("http://gpu\0", False),
        ("", False),
    ],
)
def test_is_http(url: str, expected: bool) -> None:
    assert is_http(url) is expected


async def test_the_body_is_json_in_utf8(engine: EngineServer, llama: Client) -> None:
    await collect(llama, Request('quote " backslash \\ tab \t 价 👩‍💻 \u2028', 1))
    assert json.loads(json.dumps(engine.last.body))["prompt"] == 'quote " backslash \\ tab \t 价 👩‍💻 \u2028'


@pytest.mark.parametrize("has_logprobs", [True, False])
async def test_whether_log_probabilities_come_is_what_answers_show(has_logprobs: bool) -> None:
    async with running(EngineServer(kind="openai", has_logprobs=has_logprobs)) as server:
        client = Client(Endpoint(server.url, OPENAI, model="qwen"))
        assert client.can.logprobs, "as the dialect says"
        async with client.stream(Request("x = ", 8)) as chunks:
            assert [chunk async for chunk in chunks]
        assert client.can.logprobs is has_logprobs
        assert ("logprobs" in client.can.missing) is not has_logprobs
        await client.close()
