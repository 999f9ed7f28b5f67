"""llama.cpp's real server, in its own dialect and by its OpenAI API, asked as doubles are elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from qwen_lsp.completion import fim_check
from qwen_lsp.endpoints import EndpointConfig, Kind
from qwen_lsp.errors import EndpointRejected
from qwen_lsp.model import chat_check, likelihood
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.fim import render
from qwen_lsp.model.generation import Request
from qwen_lsp.model.remote import RemoteEndpoint

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]
BEFORE, AFTER = "def add(first, second):\n    ", "\n\n\nprint(add(1, 2))\n"


@pytest_asyncio.fixture(loop_scope="module", params=["auto", "openai"])
async def client(
    request: pytest.FixtureRequest, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """The engine as if it were somebody's server."""
    own = (await engine.ready()).endpoint
    monkeypatch.setenv("ENGINE_KEY", own.api_key)
    kind: Kind = request.param
    settings = EndpointConfig(url=own.url, kind=kind, api_key_env="ENGINE_KEY")
    host = RemoteEndpoint(settings, lambda state: None)
    yield await host.ready()
    await host.close()


async def test_what_it_is(client: Client) -> None:
    assert client.endpoint.dialect.name in ("llama", "openai")
    assert client.can.logprobs
    assert client.can.grammar == (client.endpoint.dialect.name == "llama")
    assert "qwen2.5-coder-0.5b" in client.endpoint.model.lower()


async def test_markers_arrive(client: Client, profile: Profile) -> None:
    found = await fim_check.check(client, profile.tokens, "spm")
    assert found.verdict == "works", found
    assert found.has_logprobs


@pytest.mark.parametrize("typed", ["", "ret", "return fi"])
async def test_a_completion_goes_on_from_what_is_typed(client: Client, profile: Profile, typed: str) -> None:
    prompt = render(profile.tokens, "spm", BEFORE, AFTER)
    asked = Request(prompt, 20, (*profile.tokens.stops, "\n"), 0, typed, around=(BEFORE, AFTER))
    async with client.stream(asked) as chunks:
        text = "".join([chunk.text async for chunk in chunks])
    assert text.startswith(typed)
    if client.can.grammar or not typed:  # else it is asked from within a token, as typed
        assert text.lstrip() == "return first + second"


async def test_leaving_frees_it(client: Client, profile: Profile) -> None:
    prompt = render(profile.tokens, "spm", BEFORE, AFTER)
    for _ in range(3):
        async with client.stream(Request(prompt, 500, (), 0)) as chunks:
            async for _chunk in chunks:
                break
    assert await client.health()


async def test_a_chat_and_a_likelihood(client: Client) -> None:
    assert await chat_check.answers(client)
    if client.can.likelihood:
        passage = await likelihood.read(client, BEFORE, "    return first + second", 0)
        assert passage.text == "    return first + second"
    else:
        with pytest.raises(EndpointRejected, match="cannot"):
            await likelihood.read(client, BEFORE, "    return first + second", 0)
