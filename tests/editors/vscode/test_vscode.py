"""The VS Code extension, in a real VS Code, with the real server.

The tours are in editors/vscode/e2e and run under Node; here they get what they need: an installed
VS Code (host.py), the packaged extension with the wheel in it, models and engines.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from qwen_lsp.model import catalog, store
from qwen_lsp.model.engine import CHAT_SLOT
from tests.editors.vscode import scripted
from tests.editors.vscode.host import EXTENSION, Host
from tests.support import engine_server
from tests.support.engine_server import EngineServer
from tests.support.hub import Hub
from tests.support.places import REPOSITORY

pytestmark = pytest.mark.required

ARTEFACTS = REPOSITORY / ".cache" / "vscode-pictures"
_MAX_TOUR_S = 900
# Without an environment that may have `qwen-lsp` in it.
SYSTEM_PATH = os.pathsep.join(folder for folder in os.defpath.split(os.pathsep) if folder)


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH with this checkout's `qwen-lsp` in it."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "qwen-lsp"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m qwen_lsp "$@"\n', "utf-8"
    )
    program.chmod(0o755)
    return folder


async def tour(name: str, host: Host, settings: Mapping[str, object], env: Mapping[str, str]) -> None:
    """Run one tour beside the test's own event loop; its report is shown when it fails."""
    values = {
        "node": str(host.node),
        "codeServer": str(host.code_server),
        "browser": str(host.browser),
        "artefacts": str(ARTEFACTS),
        **settings,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("QWEN_LSP_", "XDG_"))}
    script = EXTENSION / "e2e" / f"{name}.tour.mjs"
    process = await asyncio.create_subprocess_exec(
        *(host.node, "--test", "--test-reporter=spec", script),
        cwd=EXTENSION,
        env={**clean, "HOST": json.dumps(values), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), _MAX_TOUR_S)
    finally:
        if process.returncode is None:
            process.kill()
    report = out.decode("utf-8", "replace")
    print(report)
    assert process.returncode == 0, report[report.find("failing tests") :]
    assert not re.search(r"^ℹ (pass 0|(cancelled|skipped|todo) [1-9].*)$", report, re.MULTILINE), report


@pytest.mark.model
async def test_tour_with_the_real_model(host: Host, vsix: Path, programs: Path, real_model: Path) -> None:
    """The model is not on the machine yet; a hub on loopback has it."""
    place = catalog.default_profile().huggingface
    assert place is not None
    with Hub() as hub, tempfile.TemporaryDirectory() as models:
        hub.files[f"{place.repository}/{place.file}"] = real_model.read_bytes()
        env = {"PATH": path(programs), "QWEN_LSP_MODELS": models, "HF_ENDPOINT": hub.url}
        await tour("real", host, {"vsix": str(vsix)}, env)


async def test_tour_with_the_scripted_engine(
    host: Host, vsix: Path, tests_vsix: Path, programs: Path
) -> None:
    async with engine_server.running(EngineServer(script=scripted.answer)) as engine:
        settings = {"vsix": str(vsix), "tests": str(tests_vsix), "engine": engine.url}
        await tour("scripted", host, settings, {"PATH": path(programs)})
    written = [generation for generation in engine.generations if generation.max_tokens > 0]
    completed = [generation for generation in written if generation.slot != CHAT_SLOT]
    endless = [generation.state for generation in completed if scripted.asked_in(generation) == "endless"]
    forever = [generation.state for generation in written if scripted.acted_on(generation) == "forever"]
    assert set(endless) == set(forever) == {"left"}
    quiet = [generation for generation in completed if scripted.asked_in(generation) == "paused"]
    assert quiet
    assert not [generation.prompt for generation in quiet if "quiet" in generation.prompt]
    assert engine.unknown == []


async def test_tour_in_chinese(host: Host, vsix: Path, programs: Path) -> None:
    async with engine_server.running(EngineServer(script=scripted.answer)) as engine:
        settings = {"vsix": str(vsix), "engine": engine.url}
        await tour("chinese", host, settings, {"PATH": path(programs)})


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


def path(first: Path) -> str:
    return f"{first}{os.pathsep}{os.environ['PATH']}"
