"""Tests with real weights. Without any they skip and say what is missing (see tests/conftest.py)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from qwen_lsp.config import EngineConfig
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.engine import Engine
from tests.support.isolation import isolate_user
from tests.support.weights import MODELS, PROFILE, required_file

# The smallest context and cache that these tests need: they share the machine with everything else.
CONFIG = EngineConfig(context_tokens=2048, cache_mib=64)
READY_S = 120.0


@pytest.fixture(scope="session")
def profile() -> Profile:
    return PROFILE


@pytest.fixture(scope="session")
def model_file() -> Path:
    """The weights of the default model."""
    return required_file()


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model_file: Path) -> Path:
    """A home of the test's own, but the real models; return the path of the settings file in it."""
    settings = isolate_user(monkeypatch, tmp_path / "home")
    settings.parent.mkdir(parents=True)
    # Nobody types here: an answer takes as long as it takes on a busy machine.
    settings.write_text("[completion]\ntimeoutMs = 300_000\n", "utf-8")
    monkeypatch.setenv("QWEN_LSP_MODELS", str(MODELS))
    return settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """One engine for a module: it takes seconds to load. It is not one that the user has compiled."""
    with pytest.MonkeyPatch.context() as patch:
        isolate_user(patch, tmp_path_factory.mktemp("home"))
        engine = Engine(CONFIG, lambda: model_file, lambda state: None)
        await asyncio.wait_for(engine.ready(), READY_S)
    yield engine
    await engine.close()
