"""Homes, engines and sessions. Fixtures and tests (`pytestmark`) share the event loop of their module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.editor import Editor, editing
from tests.support.engine_server import EngineServer, running, says
from tests.support.isolation import isolate_user
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the user's settings file would be; every test has a home of its own."""
    return isolate_user(monkeypatch, tmp_path / "home")


@pytest_asyncio.fixture(loop_scope="module")
async def engine() -> AsyncIterator[EngineServer]:
    """An engine for sessions that the test starts by itself."""
    async with running() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    with pytest.MonkeyPatch.context() as patch:
        isolate_user(patch, tmp_path_factory.mktemp("home"))
        async with running() as server, editing(server) as editor:
            yield editor


@pytest_asyncio.fixture(loop_scope="module")
async def editor(session_of_the_module: Editor) -> AsyncIterator[Editor]:
    """A session with default settings that a module shares, each test with documents of its own."""
    editor = session_of_the_module
    editor.engine.answer, editor.engine.script = says("pass"), None
    await until(lambda: not editor.engine.running, "the test before left nothing running")
    editor.engine.generations.clear()
    yield editor
    editor.show_stderr()
    editor.session.on_partial = None
    assert editor.take_messages() == []
