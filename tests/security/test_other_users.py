"""The boundary to other users of the machine: even with a umask of 0 they read and change nothing of ours."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qwen_lsp.cli.main import main
from qwen_lsp.model import audit, download
from tests.support.engine_server import EngineServer, running, says
from tests.support.hub import Hub, payload, profile_of
from tests.support.hub import isolate as isolate_hubs
from tests.support.isolation import isolate_user
from tests.support.raw import RawClient, process_command
from tests.support.waiting import until

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="other users are those of POSIX"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not on PATH"),
]
NOBODY = 65534
CODE = "def total(prices):\n    t = 0\n    for p in prices:\n        t = t + p\n    return t\n"
# Only the bare end of a path: what the folders above it are called is the system's affair.
EXPECTED = (
    *("settings.toml", "trusted.json", "server.log", "audit.jsonl", "machine.json", "review.sqlite"),
    *("stats-1.sqlite3", "tiny.gguf", "tiny.gguf.json", "dismissed.toml", "explanation.md"),
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Everything that a user has, in folders that anybody may look into, with a umask that hides nothing."""
    folder = Path(tempfile.mkdtemp(prefix="world-"))
    folder.chmod(0o755)
    home, temporary = folder / "home", folder / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    isolate_hubs(monkeypatch, home / "models")
    isolate_user(monkeypatch, home)
    monkeypatch.delenv("QWEN_LSP_MODELS")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = os.umask(0)
    try:
        home.mkdir()
        audit._handler.cache_clear()
        yield folder
    finally:
        os.umask(before)
        if audit._handler.cache_info().currsize:
            audit._handler().close()
        audit._handler.cache_clear()
        shutil.rmtree(folder)


def repository(world: Path) -> Path:
    """Make a repository that only its owner may look into, with a change in it."""
    root = world / "project"
    root.mkdir(mode=0o700)
    (root / "shop.py").write_text("A = 1\n")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
        subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)
    (root / "shop.py").write_text(f"{CODE}value = eval(input())\n")
    return root


def reached(paths: list[Path], own: set[Path]) -> list[str]:
    """Try to list, read and change each path but `own`; return what succeeded."""
    return [
        f"{way} {path}"
        for path in paths
        if path not in own
        for way, flags in (("read", os.O_RDONLY), ("write", os.O_WRONLY))
        if _opens(path, flags)
    ]


def _opens(path: Path, flags: int) -> bool:
    """Say whether a file can be opened, or a folder listed."""
    try:
        os.close(os.open(path, flags | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def reached_by_nobody(paths: list[Path], own: set[Path]) -> list[str]:
    """Do `reached` as another user, in a process of its own."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(sender, json.dumps(reached(paths, own)).encode()[:60_000])
        finally:
            os._exit(0)
    os.close(sender)
    with open(receiver, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    found: list[str] = json.loads(text)
    return found


def open_to_others(paths: list[Path], own: set[Path]) -> list[str]:
    """Do the same by permissions, where this process cannot become another user."""
    found = []
    for path in paths:
        mode = path.lstat().st_mode
        closed = any(
            not stat.S_IMODE(folder.lstat().st_mode) & 0o001 for folder in path.parents if folder not in own
        )
        if path not in own and not closed and stat.S_IMODE(mode) & 0o006 and not stat.S_ISLNK(mode):
            found.append(f"{oct(stat.S_IMODE(mode))} {path}")
    return found


def for_others(world: Path) -> list[str]:
    """Return what another user can do with anything in the world but the folders that were there before."""
    own = {world, world / "home", world / "tmp"}
    own |= {world / "home" / name for name in ("config", "data", "cache", "state")}
    paths = [world, *sorted(world.rglob("*"))]
    by_mode = open_to_others(paths, own)
    return by_mode + (reached_by_nobody(paths, own) if os.getuid() == 0 else [])


def test_the_walk_finds_what_is_open(world: Path) -> None:
    """The reverse case."""
    hidden = world / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "open").write_text("x")
    (world / "listed").mkdir(mode=0o755)
    (world / "readable").write_text("x")
    (world / "readable").chmod(0o644)
    (world / "private").write_text("x")
    (world / "private").chmod(0o600)
    (world / "unlisted").mkdir(mode=0o711)
    (world / "unlisted" / "guessed").write_text("x")
    names = {line.rsplit("/", 1)[-1] for line in for_others(world)}
    assert names == {"listed", "readable", "guessed"}


async def test_nobody_reads_what_we_write(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = repository(world)
    async with running() as engine:
        engine.answer = says("It adds up.")
        monkeypatch.chdir(root)
        await use_commands(root, engine)
        await use_audit(engine, monkeypatch)
        await asyncio.to_thread(pull)
        await use_server(root, engine, world)
    assert for_others(world) == []
    written = {path.name for path in world.rglob("*") if path.is_file()}
    assert [name for name in EXPECTED if name not in written and name != "explanation.md"] == []
    assert not list((world / "tmp").iterdir()), "nothing is left in the temporary folder"


async def command(*arguments: str) -> None:
    # In a thread, because the engine is in this one.
    done = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert not done.exception or isinstance(done.exception, SystemExit), (arguments, done.exception)


async def use_commands(root: Path, engine: EngineServer) -> None:
    await command("endpoint", "add", engine.url, "--force")
    await command("trust", str(root))
    await command("index")
    await command("map")
    await command("review", "--no-model-pass")
    await command("review", "--no-model-pass", "--format", "json", "-o", "report.json")
    await command("context", "shop.py:2:5")
    await command("complete", "shop.py:2:5")
    await command("action", "explain", "shop.py:1-5")
    await command("models", "recommend", "--no-measure")
    await command("doctor", "--no-engine")
    await command("stats")


async def use_audit(engine: EngineServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask another host, which the engine is the proxy to, so that it is recorded."""
    with monkeypatch.context() as patch:
        patch.setenv("HTTP_PROXY", engine.url)
        await command("endpoint", "add", "http://gpu.invalid", "--allow-remote", "--force")
        await command("complete", "shop.py:2:5")
    await command("endpoint", "remove")


def pull() -> None:
    data = payload()
    with Hub() as hub:
        hub.add(data)
        download.pull(profile_of(data), hub.config)


async def use_server(root: Path, engine: EngineServer, world: Path) -> None:
    """Edit with a real server; look while it runs, when its temporary files are there."""
    async with RawClient.started((*process_command(engine), "--log-level=info"), cwd=root) as client:
        capabilities: dict[str, Any] = {"window": {"showDocument": {"support": True}}}
        await client.request(
            "initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": capabilities}
        )
        client.notify("initialized", {})
        uri = (root / "shop.py").as_uri()
        item = {"uri": uri, "languageId": "python", "version": 1, "text": f"{CODE}\n\nx = \n"}
        client.notify("textDocument/didOpen", {"textDocument": item})
        at = {"textDocument": {"uri": uri}, "position": {"line": 7, "character": 4}}
        await client.request("textDocument/inlineCompletion", {**at, "context": {"triggerKind": 0}})
        await until(lambda: any("indexed" in line for line in client.stderr), "the index is there")
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 4, "character": 12}}
        data = {"id": "explain", "kind": "explain", "uri": uri, "version": 1, "range": whole}
        for name, argument in (
            ("qwenLsp.action", data),
            ("qwenLsp.review", {"scope": "workspace"}),
            ("qwenLsp.dismiss", {"rule": "code-injection", "uri": uri}),
        ):
            asked = {"command": name, "arguments": [argument]}
            await client.answer("workspace/executeCommand", asked)
        assert [*(world / "tmp").rglob("explanation.md")], "an explanation was written"
        assert for_others(world) == []
        await client.goodbye()
