"""The host that is not ours: endpoints of both kinds, permission, keys. Our engine is in tests/model."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from qwen_lsp.child import Child
from qwen_lsp.config import Config, EngineConfig
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.errors import ConfigError, EndpointUnavailable, ModelNotFound
from qwen_lsp.model import engine as engine_module
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.engine import Engine, thread_counts
from qwen_lsp.model.engine_host import Launch
from qwen_lsp.model.hosts import open_host
from qwen_lsp.model.remote import RemoteEndpoint
from qwen_lsp.model.shared import SharedEngine
from qwen_lsp.model.state import State
from tests.support.engine_server import EngineServer, running
from tests.support.hub import closed_port_url
from tests.support.isolation import isolate_user
from tests.support.waiting import until

LAUNCH = Launch("model.gguf", "key", 1, 1, 2, 2048, 0, 0)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate_user(monkeypatch, tmp_path)


@pytest.fixture
async def server() -> AsyncIterator[EngineServer]:
    async with running() as engine:
        yield engine


@asynccontextmanager
async def connected(config: EndpointConfig) -> AsyncIterator[tuple[Client, list[State]]]:
    states: list[State] = []
    host = RemoteEndpoint(config, states.append)
    try:
        yield await host.ready(), states
    finally:
        await host.close()


async def refused(config: EndpointConfig) -> tuple[str, list[State]]:
    states: list[State] = []
    host = RemoteEndpoint(config, states.append)
    with pytest.raises((ConfigError, EndpointUnavailable)) as caught:
        await host.ready()
    await host.close()
    return str(caught.value), states


async def test_the_kind_is_found_out(server: EngineServer) -> None:
    async with connected(EndpointConfig(url=server.url)) as (client, states):
        assert client.endpoint.dialect.name == "llama"
        assert client.endpoint.model == "scripted-0.5b.gguf"
        assert [state.phase for state in states] == ["ready"]
    server.kind = "openai"
    async with connected(EndpointConfig(url=f"{server.url}/v1/")) as (client, _):
        assert (client.endpoint.dialect.name, client.endpoint.model) == ("openai", "scripted-0.5b")
        assert client.endpoint.url == server.url


async def test_a_named_kind_and_model_are_taken(server: EngineServer) -> None:
    config = EndpointConfig(url=server.url, kind="openai", model="mine")
    async with connected(config) as (client, _):
        assert (client.endpoint.dialect.name, client.endpoint.model) == ("openai", "mine")


async def test_the_key_comes_from_the_environment(
    server: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.api_key = "k"
    monkeypatch.setenv("THE_KEY", "k")
    async with connected(EndpointConfig(url=server.url, api_key_env="THE_KEY")) as (client, _):
        assert client.endpoint.api_key == "k"
    said, _ = await refused(EndpointConfig(url=server.url, api_key_env="ANOTHER"))
    assert "apiKeyEnv" in said


@pytest.mark.parametrize("url", ["http://192.0.2.1", "https://localhost.example.com", "http://0.0.0.0:1"])
async def test_another_machine_needs_permission(url: str, home: Path) -> None:
    said, states = await refused(EndpointConfig(url=url))
    assert "allowedHosts" in said
    assert str(home) in said
    assert states[0].phase == "failed"


@pytest.mark.parametrize("url", ["localhost:8080", "http://", "http://[::1", "ftp://127.0.0.1/"])
async def test_a_text_that_is_no_address(url: str) -> None:
    said, states = await refused(EndpointConfig(url=url, allow_remote=True))
    assert "endpoint.url" in said
    assert states[0].phase == "failed"


async def test_nobody_there_and_asked_again(server: EngineServer) -> None:
    states: list[State] = []
    host = RemoteEndpoint(EndpointConfig(url=closed_port_url()), states.append)
    for _ in range(2):
        with pytest.raises(EndpointUnavailable, match="cannot be reached"):
            await host.ready()
    assert [state.phase for state in states] == ["failed", "failed"]
    await host.close()
    assert states[-1].phase == "off"


async def test_what_is_closed_stays_closed(server: EngineServer) -> None:
    """A request that is late must not start what nobody would ever stop."""

    def model_path() -> Path:
        raise AssertionError("nothing is started")

    for host in (
        RemoteEndpoint(EndpointConfig(url=server.url), lambda state: None),
        Engine(EngineConfig(), model_path, lambda state: None),
    ):
        await host.close()
        with pytest.raises(EndpointUnavailable, match="being stopped"):
            await host.ready()


def test_which_host() -> None:
    def model_path() -> Path:
        raise AssertionError("nothing is looked up before it is needed")

    assert isinstance(open_host(Config(), model_path, lambda state: None), SharedEngine)
    for own in (EngineConfig(shared=False), EngineConfig(program="llama-server")):
        assert isinstance(open_host(Config(engine=own), model_path, lambda state: None), Engine)
    config = Config(endpoint=EndpointConfig(url="http://127.0.0.1:1"))
    assert isinstance(open_host(config, model_path, lambda state: None), RemoteEndpoint)


async def test_without_a_model_the_engine_is_not_started() -> None:
    def model_path() -> Path:
        raise ModelNotFound("no model is on this machine")

    states: list[State] = []
    engine = Engine(EngineConfig(), model_path, states.append)
    with pytest.raises(ModelNotFound):
        await engine.ready()
    assert engine.pid is None
    await engine.close()


async def test_an_unexpected_error_reaches_whoever_waits(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[int] = []

    def model_path() -> Path:
        asked.append(1)
        if len(asked) > 1:  # the first time the caller asks, then the task that starts the engine
            raise ZeroDivisionError("injected")
        return Path("model.gguf")

    engine = Engine(EngineConfig(), model_path, lambda state: None)
    with pytest.raises(EndpointUnavailable, match="injected"):
        await asyncio.wait_for(engine.ready(), 60)
    assert "supervision failed" in caplog.text
    await engine.close()


async def test_an_engine_that_loads_too_long_leaves_no_connections(
    server: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Watched(Client):
        is_closed = False

        def __init__(self, endpoint: Endpoint) -> None:
            super().__init__(endpoint)
            clients.append(self)

        async def close(self) -> None:
            self.is_closed = True
            await super().close()

    clients: list[Watched] = []
    monkeypatch.setattr(engine_module, "Client", Watched)
    server.is_loading = True
    says_port = f"import sys; print('{{\"port\": {server.port}}}', flush=True); sys.stdin.read()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", says_port), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    child = Child(process, None)
    loading = asyncio.create_task(engine_module._load(child, LAUNCH))
    await until(lambda: bool(clients), "it has said its port")
    loading.cancel()  # as a timeout does
    with pytest.raises(asyncio.CancelledError):
        await loading
    assert [client.is_closed for client in clients] == [True]
    await child.close(1)


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.touch()
    engine = Engine(EngineConfig(program="no-such-llama-server"), lambda: model, lambda state: None)
    with pytest.raises(EndpointUnavailable, match=r"engine\.program"):
        await engine.ready()
    await engine.close()


@pytest.mark.parametrize(("cores", "writing"), [(1, 1), (2, 2), (3, 2), (8, 7)])
def test_of_more_than_two_cores_one_is_left_free_for_writing(
    monkeypatch: pytest.MonkeyPatch, cores: int, writing: int
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: cores)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    assert thread_counts(EngineConfig()) == (writing, cores)


def test_threads_of_the_settings_come_first() -> None:
    assert thread_counts(EngineConfig(threads=3, batch_threads=5)) == (3, 5)
