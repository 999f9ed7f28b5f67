"""The wheel: what is in it, and that it runs where nothing of this checkout is."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp import __version__
from tests.support.editor import frames
from tests.support.places import REPOSITORY

PACKAGE = REPOSITORY / "qwen_lsp"


def run(
    *command: object, cwd: Path, data: bytes | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run without anything in the environment that leads back to the checkout."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "QWEN_LSP_"))
    }
    ran = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        input=data,
        env={**clean, **(env or {})},
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout.decode()}\n{ran.stderr.decode()}"
    return ran


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as a release does."""
    out = tmp_path_factory.mktemp("wheel")
    # Offline where the build backend is installed, as in the development environment it need not be.
    isolation = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    run(sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", out, REPOSITORY, cwd=out)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module", params=["these", pytest.param("its own", marks=pytest.mark.slow)])
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into an environment of its own, with the dependencies that are here or with all it declares.

    Return the folder of its programs. That a declared dependency is enough is shown at every run by the first
    run of the VS Code extension, which has pip install this wheel.
    """
    place = tmp_path_factory.mktemp("environment")
    is_full = request.param == "its own"
    run(sys.executable, "-m", "venv", *([] if is_full else ["--without-pip"]), place / "venv", cwd=place)
    programs = place / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip = (sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet")
    run(*pip, *([] if is_full else ["--no-deps", "--no-index"]), wheel, cwd=place)
    if not is_full:
        # Files for paths that lie there, as that of this checkout, are not read from within one.
        where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
        packages = run(programs / "python", "-c", where, cwd=place).stdout.decode().strip()
        Path(packages, "these.pth").write_text(f"{sysconfig.get_paths()['purelib']}\n", "utf-8")
    return programs


def test_what_is_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = {
        path.relative_to(REPOSITORY).as_posix()
        for path in PACKAGE.rglob("*")
        if path.suffix in (".py", ".toml", ".scm", ".mjs", ".typed") and "__pycache__" not in path.parts
    }
    assert tracked <= names
    assert {"qwen_lsp/model/catalog.toml", "qwen_lsp/py.typed"} <= names
    pages = "qwen_lsp/review/report/pages/"  # docs/rules, for `qwen-lsp review` where there are no sources
    others = {name for name in names - tracked if ".dist-info/" not in name and not name.startswith(pages)}
    assert {name.removeprefix(pages) for name in names if name.startswith(pages)} >= {"README.md"}
    assert others == set(), "only the package belongs into the wheel"
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_what_it_says_of_itself(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = archive.read(name).decode()
    assert f"Version: {__version__}\n" in metadata
    assert "Requires-Python: >=3.11\n" in metadata
    assert "License-Expression: Apache-2.0\n" in metadata


def test_it_runs_elsewhere(installed: Path, tmp_path: Path) -> None:
    program = installed / "qwen-lsp"
    env = {"QWEN_LSP_CONFIG": str(tmp_path / "none.toml"), "QWEN_LSP_MODELS": str(tmp_path / "models")}
    assert __version__ in run(program, "--version", cwd=tmp_path).stdout.decode()
    schema = json.loads(run(program, "config", "schema", cwd=tmp_path).stdout)
    assert schema["properties"]["completion"]
    models = run(program, "models", "list", cwd=tmp_path, env=env).stdout.decode()
    assert "qwen2.5-coder-0.5b" in models
    doctor = run(
        program, "doctor", "--no-engine", "--json", cwd=tmp_path, env={"QWEN_LSP_CONFIG": endpoint(tmp_path)}
    )
    assert {check["name"]: check["status"] for check in json.loads(doctor.stdout)}["grammars"] == "ok"
    where = run(installed / "python", "-c", "import qwen_lsp; print(qwen_lsp.__file__)", cwd=tmp_path)
    assert str(REPOSITORY) not in where.stdout.decode()


def endpoint(folder: Path) -> str:
    """Write settings with an endpoint, so that nothing is missing."""
    file = folder / "settings.toml"
    file.write_text('[endpoint]\nurl = "http://127.0.0.1:1"\n', "utf-8")
    return str(file)


def test_it_shakes_hands_elsewhere(installed: Path, tmp_path: Path) -> None:
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": {"processId": None, "rootUri": None, "capabilities": {}}},
        {"method": "initialized", "params": {}},
        {"id": 2, "method": "shutdown", "params": None},
        {"method": "exit", "params": None},
    ]
    bodies = [json.dumps({"jsonrpc": "2.0", **message}).encode() for message in messages]
    stream = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)
    ran = run(installed / "qwen-lsp", "serve", cwd=tmp_path, data=stream)
    answers = [json.loads(body) for body in frames(ran.stdout)]
    (initialized,) = [answer for answer in answers if answer.get("id") == 1]
    assert initialized["result"]["serverInfo"] == {"name": "qwen-lsp", "version": __version__}


def test_the_engine_can_be_imported_elsewhere(installed: Path, tmp_path: Path) -> None:
    run(installed / "python", "-c", "import xllamacpp; xllamacpp.CommonParams()", cwd=tmp_path)
