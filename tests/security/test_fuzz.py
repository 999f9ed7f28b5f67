"""The boundary to a client: whatever it sends, the server lives, answers each id once, and stays small."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest

from tests.security.fuzzing import REQUESTS, Fuzz, Message
from tests.support.editor import frames
from tests.support.engine_server import EngineServer, says
from tests.support.raw import RawClient, process_command

_BATCH = 50
_MAX_GROWTH_BYTES = 150 << 20
_MAX_LOG_BYTES = 1 << 20
_PATIENCE_S = 240.0


class Hostile(RawClient):
    """Answers the server's own requests with anything."""

    def _handle(self, message: Message) -> None:
        if "method" in message and "id" in message:
            chance = Random(str(message["id"]))
            made: list[Message] = [
                {"result": None},
                {"result": [{}]},
                {"result": 5},
                {},
                {"error": {"code": 1}},
            ]
            made += [{"error": {"code": -32601, "message": "no"}}, {"result": {"applied": "x"}}]
            self.message({"id": message["id"], **chance.choice(made)})
        else:
            super()._handle(message)


async def fuzzed(seed: int, count: int, engine: EngineServer, root: Path) -> Hostile:
    """Send so many messages to a real server; check that it still answers, and its size."""
    engine.answer = says("pass")
    fuzz = Fuzz(seed, root.as_uri())
    answered: Counter[Any] = Counter()
    async with Hostile.started(process_command(engine)) as client:
        assert isinstance(client, Hostile)
        capabilities = {"workspace": {"configuration": True, "workspaceEdit": {"documentChanges": True}}}
        opening = {"processId": None, "rootUri": root.as_uri(), "capabilities": capabilities}
        await client.request("initialize", opening)
        client.notify("initialized", {})
        process = psutil.Process(client.process.pid)
        sizes: list[int] = []
        for number, message in enumerate(fuzz.messages(count)):
            method = message.get("method")
            if (isinstance(method, str) and method in REQUESTS) or fuzz.chance.random() < 0.05:
                message["id"] = f"f{number}"
                client.answers[message["id"]] = asyncio.get_running_loop().create_future()
            client.message(message)
            if number % _BATCH == 0:
                await client.answer("qwenLsp/explain", {"textDocument": {"uri": "untitled:1"}})
                sizes.append(process.memory_info().rss)
        waiting = {id_: future for id_, future in client.answers.items() if isinstance(id_, str)}
        _, pending = await asyncio.wait(waiting.values(), timeout=_PATIENCE_S)
        silent = [id_ for id_, future in waiting.items() if future in pending]
        assert not silent, f"seed {seed}: these were never answered: {silent[:5]}"
        # It still completes.
        item = {"uri": "untitled:last", "languageId": "python", "version": 1, "text": "def f():\n    "}
        client.notify("textDocument/didOpen", {"textDocument": item})
        asked = {"textDocument": {"uri": "untitled:last"}, "position": {"line": 1, "character": 4}}
        found = await client.request(
            "textDocument/inlineCompletion", {**asked, "context": {"triggerKind": 0}}
        )
        assert [item["insertText"] for item in found["items"]] == ["pass"]
        await client.goodbye()
    for body in map(json.loads, frames(bytes(client.stdout))):
        if "method" not in body and isinstance(body.get("id"), str):
            answered[body["id"]] += 1
    assert set(answered.values()) <= {1}, "an id is answered once"
    assert max(sizes) - sizes[len(sizes) // 4] < _MAX_GROWTH_BYTES
    assert sum(len(line) for line in client.stderr) < _MAX_LOG_BYTES + 100 * count
    return client


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository to be attacked in."""
    folder = tmp_path / "repo"
    (folder / "deep").mkdir(parents=True)
    for name, text in (("a.py", "def f(a, b):\n    return a\n"), ("b.ts", "let a = 1;\n"), ("deep/c.go", "")):
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


async def test_some_hundred_messages(engine: EngineServer, root: Path) -> None:
    client = await fuzzed(13, 600, engine, root)
    assert _ours(client.stderr) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_fifty_thousand_messages(engine: EngineServer, root: Path, seed: int) -> None:
    client = await fuzzed(100 + seed, 10_000, engine, root)
    assert _ours(client.stderr) == []


def _ours(stderr: list[str]) -> list[str]:
    """Return the tracebacks of failures in code of ours; of the framework's, some are its way to refuse."""
    text = "\n".join(stderr)
    found = []
    for part in text.split("Traceback (most recent call last):")[1:]:
        frames_ = [line for line in part.splitlines() if line.startswith("  File ")]
        if frames_ and "/qwen_lsp/" in frames_[-1]:
            found.append(part[:2_000])
    return found
