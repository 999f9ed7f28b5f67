"""`qwen-lsp action` as a real process, the scripted engine behind it: patches, files, JSON, refusals."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from tests.protocol.test_command_line import run
from tests.support.engine_server import EngineServer, says

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = "def total(prices):\n    t = 0\n    for p in prices:  # 价格 😀\n"
CODE = f"{HEAD}        t = t + p\n    return t\n".replace("\n", "\r\n")
BETTER = f"{HEAD}        t += p\n    return t\n```"


@pytest.fixture
def file(engine: EngineServer, settings_file: Path, tmp_path: Path) -> Path:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text(f'[endpoint]\nurl = "{engine.url}"\n', "utf-8")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    file = tmp_path / "shop.py"
    file.write_bytes(CODE.encode())
    engine.answer = says(BETTER)
    return file


async def test_a_patch_that_git_takes(file: Path, tmp_path: Path) -> None:
    ran = await run("action", "simplify", f"{file}:1-5", "--diff")
    assert ran.code == 0
    # The line ends of the patch are the file's own: taken as bytes, not as text.
    patch = tmp_path / "change.patch"
    patch.write_bytes(ran.out.encode())
    done = await asyncio.create_subprocess_exec("git", "-C", str(tmp_path), "apply", str(patch))
    assert await done.wait() == 0
    assert file.read_bytes() == CODE.replace("t = t + p", "t += p").encode()


async def test_the_file_is_changed(file: Path) -> None:
    ran = await run("action", "simplify", f"{file}:4", "--apply")
    assert (ran.code, ran.out) == (0, "")
    assert file.read_bytes() == CODE.replace("t = t + p", "t += p").encode()


async def test_one_object(file: Path) -> None:
    ran = await run("action", "simplify", f"{file}:1-5", "--json")
    assert ran.json["reason"] is None
    (edit,) = ran.json["edits"]
    assert (edit["range"]["start"]["line"], edit["newText"]) == (3, "+=")
    assert file.read_bytes() == CODE.encode()


async def test_a_refusal_changes_nothing(file: Path, engine: EngineServer) -> None:
    engine.answer = says("抱歉，我无法完成。")
    ran = await run("action", "simplify", f"{file}:1-5", "--apply", "--lang", "zh")
    assert ran.code == 1
    assert "模型拒绝了请求" in ran.err
    assert file.read_bytes() == CODE.encode()
    engine.answer = says("抱歉，我无法完成。")
    ran = await run("action", "simplify", f"{file}:1-5", "--json")
    assert ran.code == 1
    assert json.loads(ran.out)["reason"] == "refusal"


async def test_an_explanation_is_printed(file: Path, engine: EngineServer) -> None:
    engine.answer = says("It adds up the prices.")
    ran = await run("action", "explain", f"{file}:1-5")
    assert (ran.code, ran.out) == (0, "It adds up the prices.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dance", "shop.py:1"], "there is no action 'dance'"),
        (["edit", "shop.py:1"], "--instruction"),
        (["fix", "shop.py"], "is not FILE:LINE-LINE"),
        (["fix", "shop.py:99"], "line 99 does not exist"),
        (["fix", "none.py:1"], "cannot be read"),
        (["fix", "shop.py:1", "--diff", "--json"], "exclude one another"),
    ],
)
async def test_what_is_wrong_is_said(file: Path, arguments: list[str], said: str) -> None:
    ran = await run("action", *arguments, cwd=file.parent)
    assert ran.code == 2
    assert said in ran.err
