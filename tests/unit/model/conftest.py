"""An engine that says what a test wants, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from qwen_lsp.model.client import Client, Endpoint
from tests.support.engine_server import EngineServer, running


@pytest.fixture
async def engine() -> AsyncIterator[EngineServer]:
    async with running() as server:
        yield server


@pytest.fixture(params=[False, True], ids=["web", "local"])
async def llama(engine: EngineServer, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    client = Client(Endpoint(engine.url, is_ours=request.param))
    yield client
    await client.close()
