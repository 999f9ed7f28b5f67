"""Real editors with the real server: a home of their own, `qwen-lsp` on PATH, and an engine.

The engine is the scripted one where a test is about what the editor does, and the real model where it
is about the whole.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import preloaded
from tests.support.engine_server import EngineServer, running
from tests.support.isolation import isolate_user
from tests.support.places import REPOSITORY
from tests.support.weights import MODELS, required_file


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A fresh home, in which `qwen-lsp` is this code."""
    home = tmp_path / "home"
    isolate_user(monkeypatch, home)
    program = home / "bin" / "qwen-lsp"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.join(preloaded.program())} "$@"\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    return home


@pytest.fixture
def real_model(monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """The real weights, for the server that the editor starts."""
    file = required_file()
    monkeypatch.setenv("QWEN_LSP_MODELS", str(MODELS))
    return file


@pytest_asyncio.fixture(loop_scope="function")
async def engine() -> AsyncIterator[EngineServer]:
    """The scripted engine; at the end it must have seen only what a real one knows."""
    async with running() as server:
        yield server
    assert server.unknown == []
