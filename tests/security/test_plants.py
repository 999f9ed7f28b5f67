"""No plant of a folder runs in any feature: a repository full of them, a real server, the commands."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qwen_lsp.actions.task import KINDS
from qwen_lsp.cli.main import main
from tests.security.plants import CODE, OUTSIDE, PLANTS, build
from tests.support.engine_server import EngineServer, says
from tests.support.isolation import user_names
from tests.support.raw import RawClient, process_command
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="the plants are scripts with a `#!` line"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not on PATH"),
]


@pytest.fixture
def reached() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a listener that no user named, and what reached it."""
    heard: list[bytes] = []

    class Stranger(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            heard.append(self.request.recv(65_536))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", heard
        server.shutdown()
    assert heard == [], "something was sent where no user wanted it"


@pytest.fixture
def root(
    tmp_path: Path, canary: Path, monkeypatch: pytest.MonkeyPatch, reached: tuple[str, list[bytes]]
) -> Path:
    """The repository, with the working folder and a relative PATH in it."""
    monkeypatch.setenv("QWEN_LSP_INDEX", str(tmp_path / "index"))
    folder = tmp_path / "hostile"
    build(folder, canary, reached[0])
    assert ran(canary) == [], "building it runs nothing"
    places = (".", "bin", "node_modules/.bin", ".venv/bin", str(folder / "bin"))
    monkeypatch.setenv("PATH", os.pathsep.join((*places, os.environ["PATH"])))
    monkeypatch.setenv("VIRTUAL_ENV", str(folder / ".venv"))
    monkeypatch.chdir(folder)
    return folder


TEXT = CODE + "\n\ndef last():\n    \n"


def ran(canary: Path) -> list[str]:
    return sorted(path.name for path in canary.iterdir())


def test_there_are_enough_kinds() -> None:
    assert len(PLANTS) == len(set(PLANTS))
    assert len(PLANTS) >= 40


def test_the_plants_work(root: Path, canary: Path) -> None:
    """The reverse: whoever is less careful runs them."""
    git = next(one for one in ("/usr/bin/git", "/usr/local/bin/git", "/bin/git") if Path(one).exists())
    subprocess.run([git, "diff"], cwd=root, capture_output=True, check=False)
    subprocess.run([git, "status"], cwd=root, capture_output=True, check=False)
    subprocess.run(["git", "diff"], cwd=root, capture_output=True, check=False)
    python = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", "import json"], env=python, capture_output=True, check=False)
    subprocess.run([sys.executable, "-m", "qwen_lsp"], cwd=root, capture_output=True, check=False)
    found = ran(canary)
    assert [one for one in found if one.startswith("git-")]
    assert [one for one in found if one.startswith("module-")]
    assert [one for one in found if one.startswith("program-")]


async def test_nothing_runs_in_a_server(root: Path, canary: Path, engine: EngineServer) -> None:
    engine.answer = says("pass")
    async with RawClient.started((*process_command(engine), "--log-level=info"), cwd=root) as client:
        capabilities: dict[str, Any] = {"textDocument": {"codeAction": {"dataSupport": True}}}
        await client.request(
            "initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": capabilities}
        )
        client.notify("initialized", {})
        uri = (root / "a.py").as_uri()
        for path, language in (("a.py", "python"), ("b.ts", "typescript")):
            item = {"uri": (root / path).as_uri(), "languageId": language, "version": 1, "text": TEXT}
            client.notify("textDocument/didOpen", {"textDocument": item})
        await until(lambda: any("indexed" in line for line in client.stderr), "the index is there")
        at = {"textDocument": {"uri": uri}, "position": {"line": 11, "character": 4}}
        found = await client.request("textDocument/inlineCompletion", {**at, "context": {"triggerKind": 0}})
        assert found["items"], "it completes"
        whole = {"start": {"line": 3, "character": 0}, "end": {"line": 7, "character": 17}}
        asked = {"textDocument": {"uri": uri}, "range": whole, "context": {"diagnostics": []}}
        assert await client.request("textDocument/codeAction", asked), "it lists actions"
        for kind in KINDS:
            data = {"id": kind, "kind": kind, "uri": uri, "version": 1, "range": whole, "instruction": "x"}
            data["diagnostics"] = [{"range": whole, "message": "wrong"}]
            await client.answer(
                "workspace/executeCommand", {"command": "qwenLsp.action", "arguments": [data]}
            )
        for options in (
            {"scope": "workspace"},
            {"scope": "file", "uri": uri},
            {"scope": "workspace", "base": "HEAD"},
        ):
            command = {"command": "qwenLsp.review", "arguments": [options]}
            await client.answer("workspace/executeCommand", command)
        await client.answer("qwenLsp/explain", {"textDocument": {"uri": uri}})
        client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
        await client.goodbye()
    assert ran(canary) == []
    assert engine.generations
    assert not [made for made in engine.generations if OUTSIDE in str(made.body)]


FORMS = {
    "review": ["review"],
    "review staged": ["review", "--staged"],
    "review unstaged": ["review", "--unstaged"],
    "review base": ["review", "--base", "HEAD"],
    "review range": ["review", "HEAD..HEAD"],
    "review ci": ["review", "--ci", "--base", "HEAD"],
    "review diff": ["review", "--diff", "../change.diff"],
    "review stdin": ["review", "--stdin"],
    "review plan": ["review", "--dry-run"],
    "index": ["index"],
    "map": ["map"],
    "context": ["context", "a.py:5:5"],
    "doctor": ["doctor", "--no-engine"],
    "trust": ["trust", "--list"],
}


async def test_nothing_runs_in_a_command(root: Path, canary: Path, engine: EngineServer) -> None:
    user_names(engine.url)
    diff = "--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,2 @@\n import os\n+x = eval(input())\n"
    (root.parent / "change.diff").write_text(diff)
    for name, arguments in FORMS.items():
        given = io.BytesIO(diff.encode()) if "--stdin" in arguments else None
        options = ["--no-model-pass"] if "review" in name else []
        # In a thread, because the engine is in this one.
        done = await asyncio.to_thread(CliRunner().invoke, main, [*arguments, *options], input=given)
        assert not done.exception or isinstance(done.exception, SystemExit), (name, done.exception)
        assert OUTSIDE not in done.output, name
        assert ran(canary) == [], name


def test_nothing_runs_in_a_command_of_its_own_process(root: Path, canary: Path) -> None:
    """Started in the folder, with its modules and its programs before all others."""
    program = [sys.executable, "-P", "-m", "qwen_lsp"]
    for arguments in (["review", "--no-model-pass", "--format", "json"], ["index"]):
        done = subprocess.run([*program, *arguments], cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1, 2), done.stderr
        assert "Traceback" not in done.stderr
        assert ran(canary) == [], arguments
