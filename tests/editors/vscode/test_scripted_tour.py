"""The VS Code extension, in a real VS Code, with the real server and the scripted engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.model.engine import CHAT_SLOT
from tests.editors.vscode import scripted
from tests.editors.vscode.host import Host
from tests.editors.vscode.tours import path, tour
from tests.support import engine_server
from tests.support.engine_server import EngineServer

pytestmark = pytest.mark.required


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


@pytest.mark.slow
async def test_tour_with_two_windows(host: Host, vsix: Path, tests_vsix: Path, programs: Path) -> None:
    async with engine_server.running(EngineServer(script=scripted.answer)) as engine:
        settings = {"vsix": str(vsix), "tests": str(tests_vsix), "engine": engine.url}
        await tour("windows", host, settings, {"PATH": path(programs)})
    assert engine.unknown == []
