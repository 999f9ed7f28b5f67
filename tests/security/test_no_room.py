"""A home that cannot be written, a disk that is full: clear words or less memory, never a crash or a loss."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qwen_lsp import trust
from qwen_lsp.cli.main import main
from qwen_lsp.errors import QwenLspError
from qwen_lsp.index import building
from tests.support.engine_server import EngineServer, says
from tests.support.isolation import isolate_user, user_names
from tests.support.raw import RawClient, process_command
from tests.unit.review.repositories import repository, write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits and folders are those of POSIX")
# A place that nothing can be made in, not even by root.
NOWHERE = Path("/dev/null/home")
# What cannot be done there, with a part of what is said; everything else goes on without its memory.
REFUSED = {
    ("index",): "cannot be written",
    ("map",): "cannot be written",
    ("context", "a.py:1:1"): "cannot be written",
    ("trust", "."): "cannot be written",
    ("endpoint", "add", "URL", "--force"): "cannot be",
}
GO_ON = (
    ("review", "--no-model-pass", "--fail-on", "error"),
    ("review", "--no-model-pass", "--format", "json"),
    ("complete", "a.py:2:5"),
    ("action", "explain", "a.py:1-2"),
    ("stats",),
    ("audit",),
    ("trust", "--list"),
    ("models", "list"),
    ("models", "recommend", "--no-measure"),
    ("doctor", "--no-engine"),
    ("purge", "--yes"),
    ("config", "show"),
)
CODE = "def f():\n    return eval(input())\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = repository(tmp_path / "r", {"a.py": "A = 1\n"})
    write(folder, {"a.py": CODE})
    return folder


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch, engine: EngineServer, tmp_path: Path) -> None:
    isolate_user(monkeypatch, NOWHERE)
    monkeypatch.delenv("QWEN_LSP_MODELS")
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[endpoint]\nurl = "{engine.url}"\n')
    monkeypatch.setenv("QWEN_LSP_CONFIG", str(settings))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


@pytest.mark.usefixtures("no_home")
@pytest.mark.parametrize("arguments", [*REFUSED, *GO_ON], ids=" ".join)
async def test_a_command_without_a_home(
    arguments: tuple[str, ...], root: Path, engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.answer = says("pass")
    monkeypatch.chdir(root)
    if arguments in REFUSED and arguments[0] in ("trust", "endpoint"):
        monkeypatch.setenv("QWEN_LSP_CONFIG", str(NOWHERE / "settings.toml"))
    given = [engine.url if one == "URL" else one for one in arguments]
    done = await asyncio.to_thread(CliRunner().invoke, main, given)
    if arguments in REFUSED:
        assert isinstance(done.exception, QwenLspError), done.output
        assert REFUSED[arguments] in str(done.exception)
    else:
        assert not done.exception or isinstance(done.exception, SystemExit), done.exception
        assert "Traceback" not in done.output
    if "--fail-on" in arguments:
        assert done.exit_code == 1, done.output


@pytest.mark.usefixtures("no_home")
async def test_a_server_without_a_home(root: Path, engine: EngineServer) -> None:
    await completes(root, engine, process_command(engine))


async def test_a_server_on_a_full_disk(root: Path, engine: EngineServer) -> None:
    """No file can grow by a byte: the log, the statistics and the index are without."""
    full = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *process_command(engine))
    await completes(root, engine, full)


async def completes(root: Path, engine: EngineServer, command: tuple[str, ...]) -> None:
    engine.answer = says("pass")
    async with RawClient.started(command, cwd=root) as client:
        opening: dict[str, Any] = {"processId": None, "rootUri": root.as_uri(), "capabilities": {}}
        await client.request("initialize", opening)
        client.notify("initialized", {})
        uri = (root / "a.py").as_uri()
        item = {"uri": uri, "languageId": "python", "version": 1, "text": "def f():\n    "}
        client.notify("textDocument/didOpen", {"textDocument": item})
        at = {"textDocument": {"uri": uri}, "position": {"line": 1, "character": 4}}
        found = await client.request("textDocument/inlineCompletion", {**at, "context": {"triggerKind": 0}})
        assert [one["insertText"] for one in found["items"]] == ["pass"]
        for number in (1, 2):
            command_ = {"command": "qwenLsp.review", "arguments": [{"scope": "workspace"}]}
            assert "error" not in await client.answer("workspace/executeCommand", command_), number
        await client.goodbye()
    assert "Traceback" not in "\n".join(client.stderr)


FULL = (
    ("index", "--json"),
    ("review", "--no-model-pass", "--fail-on", "error"),
    ("trust", "."),
    ("endpoint", "remove"),
)


@pytest.mark.parametrize("arguments", FULL, ids=" ".join)
def test_a_command_on_a_full_disk_loses_nothing(
    arguments: tuple[str, ...], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before is there afterwards, whole; what cannot be written is named."""
    user_names("http://127.0.0.1:9")
    with Path(os.environ["QWEN_LSP_CONFIG"]).open("a", encoding="utf-8") as settings:
        settings.write(
            "\n[completion]\nenabled = true\n"
        )  # without it, nothing is left for `endpoint remove` to write
    trust.add(tmp_path)
    monkeypatch.setenv("QWEN_LSP_INDEX", str(tmp_path / "index"))
    building.update(root)
    write(root, {"b.py": CODE})
    kept = [Path(os.environ["QWEN_LSP_CONFIG"]), trust.trust_file(), root / "a.py"]
    before = [file.read_bytes() for file in kept]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-P", "-m", "qwen_lsp", *arguments],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (1 if arguments[0] == "review" else 2), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "something went wrong" not in done.stderr
    assert [file.read_bytes() for file in kept] == before
    assert building.update(root).rebuilt == "", "the index has lost nothing"
