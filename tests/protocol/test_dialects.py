"""Ghost text from every kind of endpoint, through the whole server."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.support.editor import editing
from tests.support.engine_server import EngineServer, says

pytestmark = pytest.mark.asyncio(loop_scope="module")

KINDS: list[tuple[str, Literal["llama", "openai", "ollama"]]] = [
    ("llama", "llama"),
    ("ollama", "ollama"),
    ("openai", "openai"),
    ("suffix", "openai"),
]


@pytest.mark.parametrize(("kind", "server"), KINDS)
async def test_ghost_text(
    engine: EngineServer, kind: str, server: Literal["llama", "openai", "ollama"]
) -> None:
    engine.kind, engine.answer, engine.model = server, says(" first + second"), "qwen2.5-coder-1.5b"
    asked = "auto" if kind != "suffix" else kind
    async with editing(engine, user={"endpoint.kind": asked}) as editor:
        place = await editor.open("def add(first, second):\n    return║\n\n\nprint(add(1, 2))\n")
        assert ((await editor.suggest(place)) or "").strip() == "first + second"
    assert engine.unknown == []
    assert all(generation.state == "ended" or generation.state == "left" for generation in engine.generations)


async def test_ghost_text_without_probabilities(engine: EngineServer) -> None:
    engine.kind, engine.has_logprobs, engine.answer = "openai", False, says(" first + second")
    async with editing(engine) as editor:
        place = await editor.open("def add(first, second):\n    return║\n\n\nprint(add(1, 2))\n")
        assert ((await editor.suggest(place)) or "").strip() == "first + second"
