"""The key of an endpoint, wherever it comes from: it reaches the endpoint, and nothing else has it.

Looked at: the command lines of all processes while it is used, the environment of our children, the log and
everything else below the home, the workspace, what the server says of itself, and what commands print.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from lsprotocol import types

from qwen_lsp.bench.editor import SERVER_COMMAND
from tests.support.editor import editing, within
from tests.support.engine_server import Answer, EngineServer, Generation, refuses, running, says
from tests.support.holes import fills_holes

KEY = "k3y-0f-the-endpoint-91c7"


def visible_in_processes(but: int) -> list[str]:
    """Return the processes that show the key to others, or inherited it; `but` is who was given it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if any(KEY in part for part in process.cmdline()):
                found.append(f"command line of {process.pid}")
            if process.pid != but and process.pid != os.getpid() and KEY in str(process.environ()):
                found.append(f"environment of {process.pid}")
    return found


def kept_in(folder: Path, but: Path) -> list[Path]:
    """Return the files that hold the key."""
    files = (path for path in folder.rglob("*") if path.is_file() and path != but)
    return [path for path in files if KEY.encode() in path.read_bytes()]


def key_from(source: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"{KEY}\n", "utf-8")
    place.chmod(0o600)
    if source == "variable":
        place.unlink()
        monkeypatch.setenv("TEAM_KEY", KEY)
        return {"endpoint.apiKeyEnv": "TEAM_KEY"}
    if source == "program":
        text = f"print(open({str(place)!r}).read())"
        return {"endpoint.apiKeyCommand": [sys.executable, "-c", text]}
    return {"endpoint.apiKeyFile": str(place)}


@pytest.mark.parametrize("source", ["variable", "program", "file"])
async def test_nothing_but_the_endpoint_gets_it(
    monkeypatch: pytest.MonkeyPatch, settings_file: Path, tmp_path: Path, source: str
) -> None:
    home, root = settings_file.parent, tmp_path / "shop"
    root.mkdir()
    (root / "shop.py").write_text("def total(prices):\n    return sum(prices)\n", "utf-8")
    place = home / "keys" / "team"
    user = {**key_from(source, place, monkeypatch), "log.level": "debug"}
    seen: list[str] = []
    shown = ""
    server_id = 0

    def script(generation: Generation) -> Answer:
        seen.extend(visible_in_processes(server_id))
        return refuses(401, "wrong key") if "refused" in generation.prompt else says("sum(prices)")

    async with running(EngineServer(script=script)) as engine:
        engine.api_key = KEY
        async with editing(engine, root, user=user, command=SERVER_COMMAND) as editor:
            server_id = editor.session.server_process.pid
            uri = (root / "shop.py").as_uri()
            typed = await editor.open("def total(prices):\n    return ║\n", uri=uri)
            assert await editor.suggest(typed) == "sum(prices)"
            data = {"kind": "explain", "uri": uri, "range": _lines(0, 2)}
            params = types.ExecuteCommandParams("qwenLsp.action", [data])
            await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))
            refused = await editor.open("refused = ║\n")
            await editor.suggest(refused)
            for one in (uri, refused.uri):
                shown += str(msgspec.json.encode(_plain(await editor.why(one))))
            shown += "\n".join((*editor.session.stderr, *editor.take_messages()))
            editor.may_log_errors = True
        assert {headers.get("authorization") for headers in engine.headers} == {f"Bearer {KEY}"}
    assert len(seen) == 0, seen
    assert "refused" in shown
    assert KEY not in shown
    assert kept_in(tmp_path, place) == []


def _lines(first: int, last: int) -> dict[str, dict[str, int]]:
    return {"start": {"line": first, "character": 0}, "end": {"line": last, "character": 0}}


def _plain(value: Any) -> Any:
    """Turn what the protocol's library made of an answer into plain values."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


async def test_one_that_is_handed_over_on_standard_input_is_kept_in_its_file_alone(
    settings_file: Path, tmp_path: Path
) -> None:
    seen: list[str] = []

    def script(generation: Generation) -> Answer:
        seen.extend(visible_in_processes(0))
        return fills_holes(generation)

    async with running(EngineServer(script=script, kind="openai", model="qwen2.5-coder-1.5b")) as engine:
        engine.api_key = KEY
        command = [sys.executable, "-P", "-m", "qwen_lsp", "endpoint", "add", engine.url, "--key-stdin"]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        out, err = await within(process.communicate(f"{KEY}\n".encode()))
    assert process.returncode == 0, err
    assert len(engine.generations) > 0
    assert seen == []
    assert KEY not in (out + err).decode()
    (file,) = kept_in(tmp_path, tmp_path / "none")
    assert file.parent.name == "keys"
    assert str(file) in settings_file.read_text("utf-8")
