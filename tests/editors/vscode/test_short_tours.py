"""The VS Code extension in a Chinese window, and in one that has no server yet."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from qwen_lsp.model import catalog, store
from tests.editors import programs as editor_programs
from tests.editors.vscode import language_pack, scripted
from tests.editors.vscode.host import Host
from tests.editors.vscode.tours import SYSTEM_PATH, path, tour
from tests.support import engine_server
from tests.support.engine_server import Answer, EngineServer, Generation
from tests.support.holes import fills_holes
from tests.support.hub import Hub

pytestmark = pytest.mark.required


def _fills_and_completes(generation: Generation) -> Answer:
    """Answer the self-test of a server that is added, and what is asked of it afterwards."""
    return scripted.answer(generation) if "def add(left" in generation.prompt else fills_holes(generation)


async def test_tour_in_chinese(host: Host, vsix: Path, programs: Path, tmp_path: Path) -> None:
    key = "the-key-of-the-other-server"
    own = EngineServer(script=_fills_and_completes, kind="openai", model="qwen2.5-coder-1.5b", api_key=key)
    async with (
        engine_server.running(EngineServer(script=scripted.answer)) as engine,
        engine_server.running(own) as other,
    ):
        settings = {"vsix": str(vsix), "engine": engine.url, "other": other.url, "otherKey": key}
        if editor_programs.UPDATE:
            pack = tmp_path / "pack"
            pack.mkdir()
            language_pack.make(pack, host.node, host.code_server)
            settings["pack"] = str(pack)
        await tour("chinese", host, settings, {"PATH": path(programs)})
    assert other.unknown == []


async def test_the_first_run(host: Host, vsix: Path, wheelhouse: Path) -> None:
    """A fresh home, no server on PATH, no network: packages come from a folder."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse), "PIP_CONFIG_FILE": os.devnull}
    async with engine_server.running(EngineServer(script=scripted.answer)) as engine:
        await tour(
            "first-run", host, {"vsix": str(vsix), "engine": engine.url}, {"PATH": SYSTEM_PATH, **offline}
        )


@pytest.mark.model
@pytest.mark.slow
async def test_from_nothing(host: Host, vsix: Path, wheelhouse: Path, real_model: Path) -> None:
    """No server, no model, no network but a hub on loopback: clicks alone lead to accepted ghost text."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheelhouse), "PIP_CONFIG_FILE": os.devnull}
    with Hub() as hub, tempfile.TemporaryDirectory() as models:
        for place in (
            "qwen2.5-coder-0.5b",
            "qwen2.5-coder-1.5b",
        ):  # by the machine, one of them is recommended
            profile = catalog.find(place)
            file = real_model if profile == catalog.default_profile() else store.path(profile)
            if file is not None and profile.huggingface is not None:
                hub.files[f"{profile.huggingface.repository}/{profile.huggingface.file}"] = file.read_bytes()
        env = {"PATH": SYSTEM_PATH, "QWEN_LSP_MODELS": models, "HF_ENDPOINT": hub.url, **offline}
        await tour("from-nothing", host, {"vsix": str(vsix)}, env)
