"""A list of endpoints, in virtual time: who is asked, who is skipped and when each is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import httpx
import msgspec
import psutil
import pytest

from qwen_lsp.config import Config, ModelConfig
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.errors import EndpointError, EndpointUnavailable
from qwen_lsp.model import catalog, store
from qwen_lsp.model.failover import FailOver
from qwen_lsp.model.generation import Request
from qwen_lsp.model.hosts import ModelHosts, open_host
from qwen_lsp.model.shared import SharedEngine
from qwen_lsp.model.state import State
from tests.support import virtual_time

REQUEST = Request("def add(a, b):\n    return ", 8)


@dataclass
class Machine:
    """A llama.cpp server that can be switched off and on."""

    url: str
    model: str
    is_on: bool = True
    is_loading: bool = False
    is_silent: bool = False
    asked: int = 0

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if not self.is_on:
            raise httpx.ConnectError("nobody listens", request=request)
        self.asked += 1
        if self.is_silent:
            await asyncio.Event().wait()
        if self.is_loading:
            return httpx.Response(503, json={"error": {"message": "Loading model"}})
        if request.url.path == "/props":
            return httpx.Response(200, json={"model_alias": self.model})
        if request.url.path == "/completion":
            return httpx.Response(200, content=b'data: {"content": "a", "stop": true}\n\n')
        return httpx.Response(200, json={"status": "ok"})


FIRST, SECOND = "http://127.0.0.1:8001", "http://127.0.0.1:8002"


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> dict[str, Machine]:
    """The machines there are; sockets of the kernel would know no virtual time."""
    machines = {
        FIRST: Machine(FIRST, "qwen2.5-coder-7b"),
        SECOND: Machine(SECOND, "qwen2.5-coder-1.5b"),
    }

    async def send(_transport: object, request: httpx.Request) -> httpx.Response:
        machine = machines.get(f"http://{request.url.netloc.decode()}")
        assert machine is not None, f"nobody may be asked at {request.url}"
        return await machine.answer(request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", send)
    return machines


@asynccontextmanager
async def preferring(*urls: str) -> AsyncIterator[tuple[FailOver, list[State]]]:
    """A host for a list of addresses, and what it reports."""
    seen: list[State] = []
    host = open_host(Config(endpoint=EndpointConfig(url=urls)), _no_model, seen.append)
    assert isinstance(host, FailOver)
    try:
        yield host, seen
    finally:
        await host.close()


def _no_model() -> Path:
    raise AssertionError("no engine of our own is wanted")


async def answered_by(host: FailOver) -> str:
    """Ask once, as features do; return the address that answered."""
    client = await host.ready()
    async with client.stream(REQUEST) as chunks:
        assert [chunk async for chunk in chunks]
    return client.endpoint.url


def test_the_first_one_answers_while_it_is_up(network: dict[str, Machine]) -> None:
    first, second = network.values()

    async def story() -> None:
        async with preferring(FIRST, SECOND) as (host, seen):
            for _ in range(3):
                assert await answered_by(host) == first.url
                await asyncio.sleep(20)
            assert second.asked == 0
            assert (host.model, host.is_endpoint, host.state.skipped) == ("qwen2.5-coder-7b", True, ())
            assert seen[-1] == State("ready", url=first.url)

    virtual_time.run(story())


def test_the_next_one_is_taken_until_the_first_is_back(
    network: dict[str, Machine],
) -> None:
    first, second = network.values()

    async def story() -> None:
        async with preferring(FIRST, SECOND) as (host, seen):
            assert await answered_by(host) == first.url
            first.is_on = False
            with pytest.raises(EndpointError):  # just answered, so it is not asked for its health
                await answered_by(host)
            assert await answered_by(host) == second.url
            assert seen[-1] == State("ready", url=second.url, skipped=(first.url,))
            assert host.model == "qwen2.5-coder-1.5b"
            await asyncio.sleep(90)
            assert await answered_by(host) == second.url
            first.is_on = True
            await asyncio.sleep(61)  # the longest pause
            assert seen[-1] == State("ready", url=first.url), "told without a request"
            assert await answered_by(host) == first.url

    virtual_time.run(story())


def test_a_request_after_a_pause_is_not_lost_to_one_that_died_meanwhile(network: dict[str, Machine]) -> None:
    first, second = network.values()

    async def story() -> None:
        async with preferring(FIRST, SECOND) as (host, _):
            assert await answered_by(host) == first.url
            first.is_on = False
            await asyncio.sleep(30)
            assert await answered_by(host) == second.url

    virtual_time.run(story())


def test_one_that_accepts_but_never_answers_is_down(network: dict[str, Machine]) -> None:
    first, second = network.values()

    async def story() -> None:
        async with preferring(FIRST, SECOND) as (host, _):
            assert await answered_by(host) == first.url
            first.is_silent = True
            await asyncio.sleep(30)
            assert await answered_by(host) == second.url

    virtual_time.run(story())


def test_pauses_grow_and_are_forgotten_after_a_quiet_time(
    network: dict[str, Machine],
) -> None:
    first = network[FIRST]

    async def story() -> None:
        async with preferring(FIRST, SECOND) as (host, seen):

            async def back_after_s() -> float:
                """Switch the first one off for a moment; return how long it then takes to be used again."""
                first.is_on = False
                await asyncio.sleep(10)  # else its health would not be asked
                await host.ready()
                assert host.state.skipped == (first.url,)
                first.is_on = True
                began = virtual_time.now_ms()
                for _ in range(1000):
                    if not host.state.skipped:
                        break
                    await asyncio.sleep(0.1)
                return (virtual_time.now_ms() - began) / 1000

            await host.ready()
            pauses = [await back_after_s() for _ in range(4)]
            assert pauses == sorted(pauses)
            assert pauses[0] < 2 < 20 < pauses[-1]
            await asyncio.sleep(600)
            await host.ready()
            assert await back_after_s() < 2, "the earlier ones are forgotten"
            assert seen[-1].url == first.url

    virtual_time.run(story())


def test_nothing_is_hammered(network: dict[str, Machine]) -> None:
    first, second = network.values()

    async def story() -> None:
        async with preferring(FIRST, SECOND) as (host, _):
            await host.ready()
            first.is_loading = True  # it answers 503, so that each attempt is counted
            await asyncio.sleep(10)
            before = first.asked
            for _ in range(60):
                assert await answered_by(host) == second.url
                await asyncio.sleep(10)
            assert first.asked - before < 25, "about one a minute"

    virtual_time.run(story())


def test_all_are_down_and_each_says_why(network: dict[str, Machine]) -> None:
    first, second = network.values()

    async def story() -> None:
        async with preferring(FIRST, SECOND) as (host, seen):
            first.is_on = False
            second.is_on = False
            with pytest.raises(EndpointUnavailable) as caught:
                await host.ready()
            assert first.url in str(caught.value)
            assert second.url in str(caught.value)
            assert (seen[-1].phase, seen[-1].cause, seen[-1].url) == ("failed", "unreachable", first.url)
            second.is_on = True
            assert await answered_by(host) == second.url, "a request tries at once"

    virtual_time.run(story())


def test_one_that_is_not_allowed_gets_nothing_and_is_not_tried_again(network: dict[str, Machine]) -> None:
    async def story() -> None:
        async with preferring("http://gpu.invalid:1", SECOND) as (host, _):
            assert await answered_by(host) == SECOND
            assert host.state.skipped == ("http://gpu.invalid:1",)
            assert all(member.retry is None for member in host._members)
            await asyncio.sleep(1000)  # the network knows no such host

    virtual_time.run(story())


def test_closing_ends_the_attempts(network: dict[str, Machine]) -> None:
    first = network[FIRST]

    async def story() -> None:
        async with preferring(FIRST, SECOND) as (host, _seen):
            first.is_on = False
            await host.ready()
            await host.close()
            first.is_on = True
            asked = first.asked
            await asyncio.sleep(1000)
            assert first.asked == asked

    virtual_time.run(story())


@pytest.mark.parametrize(
    ("endpoint", "is_shared", "kinds"),
    [
        (EndpointConfig(), True, ("SharedEngine", "SharedEngine")),
        (EndpointConfig(url="http://127.0.0.1:1"), True, ("RemoteEndpoint", "RemoteEndpoint")),
        ({"chat": {"url": "http://127.0.0.1:2"}}, False, ("SharedEngine", "RemoteEndpoint")),
        ({"url": "http://127.0.0.1:1", "chat": {"url": "engine"}}, False, ("RemoteEndpoint", "SharedEngine")),
        ({"url": "http://127.0.0.1:1", "chat": {"model": "7b"}}, False, ("RemoteEndpoint",) * 2),
        ({"chat": {"url": ["http://127.0.0.1:2", "engine"]}}, False, ("SharedEngine", "FailOver")),
        ({"url": ["http://127.0.0.1:1"]}, True, ("RemoteEndpoint",) * 2),
    ],
)
def test_completion_and_chat_have_the_hosts_of_the_settings(
    endpoint: object, is_shared: bool, kinds: tuple[str, str]
) -> None:
    config = Config(endpoint=msgspec.convert(endpoint, EndpointConfig, from_attributes=True))
    hosts = ModelHosts(config, _no_model, lambda use, state: None)
    assert (hosts.completion is hosts.chat) is is_shared
    assert (type(hosts.completion).__name__, type(hosts.chat).__name__) == kinds


async def test_an_engine_that_two_lists_need_is_one_and_reports_to_both() -> None:
    seen: list[tuple[str, str]] = []
    chat = {"url": ["http://127.0.0.1:9", "engine"]}
    config = Config(endpoint=msgspec.convert({"chat": chat}, EndpointConfig))
    hosts = ModelHosts(config, _no_model, lambda use, state: seen.append((use, state.phase)))
    assert isinstance(hosts.chat, FailOver)
    assert hosts.chat._members[1].host is hosts.completion
    await hosts.close()


@pytest.mark.parametrize(
    ("settings", "has_two"),
    [
        ({"model": {"chat": "qwen2.5-coder-1.5b"}}, True),
        ({"model": {"chat": ""}}, False),
        ({"model": {"chat": "qwen2.5-coder-1.5b"}, "engine": {"shared": False}}, False),
        ({"model": {"chat": "qwen2.5-coder-1.5b"}, "endpoint": {"url": "http://127.0.0.1:1"}}, False),
        (
            {"model": {"chat": "qwen2.5-coder-1.5b"}, "endpoint": {"url": ["http://127.0.0.1:1", "engine"]}},
            True,
        ),
    ],
)
def test_chat_may_have_a_model_of_its_own_in_the_shared_engine(settings: object, has_two: bool) -> None:
    config = msgspec.convert(settings, Config)
    hosts = ModelHosts(config, _no_model, lambda use, state: None)
    assert (hosts.completion is not hosts.chat) is has_two
    assert type(hosts.completion) is type(hosts.chat)


def test_without_memory_for_two_models_chats_are_answered_by_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Decided once: a model that is loaded takes the memory that was looked for."""
    monkeypatch.setenv("QWEN_LSP_MODELS", str(tmp_path))
    profile, first = catalog.find("qwen2.5-coder-1.5b"), tmp_path / "first.gguf"
    file = store.final_path(profile)
    with open(file, "wb") as sparse:
        sparse.truncate(profile.size_bytes)
    config = Config(model=ModelConfig(chat=profile.name))
    for available, wanted in ((2**40, file), (10**6, first)):
        monkeypatch.setattr(psutil, "virtual_memory", lambda n=available: SimpleNamespace(available=n))
        chat = ModelHosts(config, lambda: first, lambda use, state: None).chat
        assert isinstance(chat, SharedEngine)
        assert chat._model_path() == wanted
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=0))
        assert chat._model_path() == wanted
    assert "no memory for `model.chat`" in caplog.text
