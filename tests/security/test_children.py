"""The folder that a server is started in against its child processes: no module of it is ever imported."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_lsp import child
from qwen_lsp.child import Backoff, Child
from tests.support.places import REPOSITORY
from tests.support.waiting import until

# Every module that a child has when it works.
LOADED = "import sys, json; import {module}; print(json.dumps(sorted(sys.modules)))"
CHILDREN = ["qwen_lsp.model.engine_host", "qwen_lsp.index.host", "qwen_lsp.index.parse_pool"]

PATIENCE_S = 60.0  # a child whose stderr nobody reads waits for ever

# Starts a child from within the hostile folder, as the server does, and says whether it got to our code.
START = """
import asyncio, os, sys
sys.path.append({repository!r})
from qwen_lsp.child import Child
os.chdir({folder!r})
os.environ.update({variables!r})

async def main():
    lines = []
    child = await Child.start({module!r}, str(os.getpid()), on_stderr=lines.append)
    await child.close(30)
    print(child.returncode, *lines)

asyncio.run(main())
"""


def modules_of(module: str) -> list[str]:
    code = LOADED.format(module=module)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=REPOSITORY)
    return [name for name in json.loads(ran.stdout) if name not in sys.builtin_module_names]


def plant(folder: Path, name: str, canary: Path) -> None:
    """Put a module into a folder that leaves its name when it is imported."""
    file = folder.joinpath(*name.split(".")).with_suffix(".py")
    package = folder / name.partition(".")[0]
    file.parent.mkdir(parents=True, exist_ok=True)
    text = f"open({str(canary / name)!r}, 'w').close()\n"
    (package / "__init__.py" if package.is_dir() else file).write_text(text)
    file.write_text(text)


@pytest.mark.parametrize("module", CHILDREN)
def test_no_module_of_the_working_folder_is_imported(module: str, tmp_path: Path, canary: Path) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    names = [*modules_of(module), "sitecustomize", "usercustomize", "xllamacpp", "signal", "encodings"]
    assert len(names) > 40
    for name in sorted(names, key=lambda name: -name.count(".")):
        plant(folder, name, canary)
    (folder / "evil.pth").write_text(f"import os; open({str(canary / 'pth')!r}, 'w').close()\n")
    variables = {
        "PYTHONPATH": str(folder),
        "PYTHONSTARTUP": str(folder / "signal.py"),
        "PYTHONHOME": "",
        "PYTHONINSPECT": "1",
        "PYTHONBREAKPOINT": "signal.x",
        "PYTHONPLATLIBDIR": str(folder),
    }
    code = START.format(repository=str(REPOSITORY), folder=str(folder), module=module, variables=variables)
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert sorted(path.name for path in canary.iterdir()) == []
    assert "ImportError" not in ran.stdout
    assert "ModuleNotFoundError" not in ran.stdout


def test_a_planted_module_would_be_seen(tmp_path: Path, canary: Path) -> None:
    """The reverse: an ordinary `-m` start in that folder runs it."""
    plant(tmp_path, "qwen_lsp.index.host", canary)
    subprocess.run(
        [sys.executable, "-m", "qwen_lsp.index.host", "1"], cwd=tmp_path, capture_output=True, check=False
    )
    assert list(canary.iterdir())


def test_the_module_form_takes_the_working_folder_out_at_once(tmp_path: Path, canary: Path) -> None:
    """`python -m qwen_lsp` without `-P` may find a planted `qwen_lsp`; what ours imports is not planted."""
    for name in ("click", "msgspec", "platformdirs", "logging", "asyncio", "sqlite3", "tomllib"):
        plant(tmp_path, name, canary)
    ran = subprocess.run(
        [sys.executable, "-m", "qwen_lsp", "config", "show"], cwd=tmp_path, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert list(canary.iterdir()) == []


def test_secrets_and_switches_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    unsafe = {
        "AWS_SECRET_ACCESS_KEY": "s", "GITHUB_TOKEN": "s", "DB_PASSWORD": "s", "QWEN_LSP_API_KEY": "s",
        "PYTHONPATH": "/x", "GIT_DIR": "/x", "LD_PRELOAD": "/x.so", "NODE_OPTIONS": "--require x",
    }  # fmt: skip
    for name, value in unsafe.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    for with_hardware in (False, True):
        given = child.environment(with_hardware=with_hardware)
        assert unsafe.keys() & given.keys() == set()
        assert given["PATH"] == os.environ["PATH"]
    assert child.environment(with_hardware=True)["CUDA_VISIBLE_DEVICES"] == "0"
    assert "CUDA_VISIBLE_DEVICES" not in child.environment()


async def test_a_long_line_on_stderr_blocks_nothing() -> None:
    """Half a megabyte without a line end, and then another line."""
    heard: list[str] = []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import sys; sys.stderr.write('x' * 5000000 + '\\nlast\\n'); print('done')"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    running = Child(process, heard.append)
    assert await asyncio.wait_for(running.first_line(), PATIENCE_S) == b"done"
    assert await running.wait() == 0
    await until(lambda: len(heard) == 2, "both lines are read")
    assert len(heard[0]) == child.MAX_LINE_BYTES
    assert heard[1] == "last"
    await running.close(1)


async def test_a_listener_that_fails_does_not_stop_the_drain() -> None:
    heard: list[str] = []

    def listen(line: str) -> None:
        heard.append(line)
        raise ValueError(line)

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "import sys; sys.stderr.write(('x' * 2_000 + '\\n') * 500); print('done')"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    running = Child(process, listen)
    assert await asyncio.wait_for(running.first_line(), PATIENCE_S) == b"done"
    await running.close(5)
    assert running.returncode == 0


async def test_lines_are_cut_at_the_limit_and_nothing_else_is_lost() -> None:
    stream = asyncio.StreamReader()
    for piece in (b"one\ntw", b"o\n", b"x" * 1000, b"\n\nlast"):
        stream.feed_data(piece)
    stream.feed_eof()
    assert [line async for line in child.lines(stream, 100)] == [b"one", b"two", b"x" * 100, b"", b"last"]


def test_a_child_that_keeps_crashing_is_not_restarted_for_a_while() -> None:
    backoff = Backoff((0.1, 1.0), reset_s=60)
    assert [backoff.died(now, lived_s=1) for now in (0, 2, 4)] == [0.1, 1.0, None]
    assert not backoff.may_start(30)
    assert backoff.may_start(70)
    assert backoff.died(80, lived_s=1) == 0.1, "what was long ago is forgotten"
    assert backoff.died(200, lived_s=100) == 0.1, "and so is what a long life lies between"
