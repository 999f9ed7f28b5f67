"""The code action of the demo, with the scripted engine in the model's place."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from qwen_lsp.bench.demo import action as demo_action
from qwen_lsp.cli.console import Console
from tests.support.engine_server import EngineServer, says
from tests.support.places import FIXTURES

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("answer", "has_acted", "shown"),
    [
        (
            "Format the counts on one line.",
            True,
            "+ /** Format the counts on one line. */\n",
        ),
        ("I'm sorry, I can't.", False, "nothing changed: The model refused"),
    ],
)
async def test_the_action_of_the_demo(
    engine: EngineServer, settings_file: Path, answer: str, has_acted: bool, shown: str
) -> None:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(f'[endpoint]\nurl = "{engine.url}"\n', "utf-8")
    engine.answer = says(answer)
    out = io.StringIO()
    assert await demo_action.act(FIXTURES / "repos", Console(file=out, width=110)) is has_acted
    assert shown in out.getvalue()
    assert "actions: Write documentation" in out.getvalue()
