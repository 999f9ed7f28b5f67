"""A home for every attack, an engine that the user has named, and canaries: what a plant that runs leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.engine_server import EngineServer, running
from tests.support.isolation import isolate_user


@pytest.fixture(autouse=True)
def settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the user's settings file would be; every test has a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return isolate_user(monkeypatch, home)


@pytest_asyncio.fixture(loop_scope="function")
async def engine() -> AsyncIterator[EngineServer]:
    """The engine that the user named."""
    async with running() as server:
        yield server


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A folder in which every plant that runs leaves a file of its name."""
    folder = tmp_path / "canary"
    folder.mkdir()
    return folder
