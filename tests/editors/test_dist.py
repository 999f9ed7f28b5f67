"""The files of a release: complete, checked, and the same bytes from the same sources."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from qwen_lsp import __version__
from tests.editors import dist
from tests.editors.vscode.host import Missing

pytestmark = [pytest.mark.required, pytest.mark.slow]  # two whole releases


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two releases of the same sources, made one after the other in different folders."""
    folders = (tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second"))
    try:
        for folder in folders:
            dist.build(folder)
    except Missing as missing:
        pytest.skip(str(missing))
    return folders


def test_twice_gives_the_same_bytes(releases: tuple[Path, Path]) -> None:
    first, second = ({file.name: digest(file) for file in folder.iterdir()} for folder in releases)
    assert first == second
    assert set(first) == {
        f"qwen_lsp-{__version__}-py3-none-any.whl",
        f"qwen_lsp-{__version__}.tar.gz",
        "qwen-lsp.vsix",
        "qwen-lsp-jetbrains.zip",
        "qwen-lsp.nvim.zip",
        "qwen-lsp-emacs.tar",
        "qwen-lsp.cdx.json",
        "SHA256SUMS",
    }


def test_the_checksums_are_right(releases: tuple[Path, Path]) -> None:
    lines = (releases[0] / "SHA256SUMS").read_text("utf-8").splitlines()
    assert len(lines) == 7
    for line in lines:
        sum_, name = line.split("  ")
        assert digest(releases[0] / name) == sum_


def test_every_client_carries_the_wheel(releases: tuple[Path, Path]) -> None:
    wheel = f"qwen_lsp-{__version__}-py3-none-any.whl"
    data = (releases[0] / wheel).read_bytes()
    with zipfile.ZipFile(releases[0] / "qwen-lsp.nvim.zip") as neovim:
        assert neovim.read(f"qwen-lsp.nvim/server/{wheel}") == data
        assert "qwen-lsp.nvim/lua/qwen_lsp/init.lua" in neovim.namelist()
    with zipfile.ZipFile(releases[0] / "qwen-lsp.vsix") as extension:
        assert extension.read(f"extension/server/{wheel}") == data
    with zipfile.ZipFile(releases[0] / "qwen-lsp-jetbrains.zip") as plugin:
        (name,) = plugin.namelist()
        with zipfile.ZipFile(io.BytesIO(plugin.read(name))) as jar:
            assert jar.read(f"server/{wheel}") == data
            names = set(jar.namelist())
    assert "META-INF/plugin.xml" in names
    assert "dev/qwenlsp/jetbrains/QwenServerFactory.class" in names
    assert not [name for name in names if name.startswith("com/")], "no stub of the IDE's own classes"


def test_the_bill_of_materials_names_the_engine(releases: tuple[Path, Path]) -> None:
    bill = json.loads((releases[0] / "qwen-lsp.cdx.json").read_text("utf-8"))
    names = {component["name"] for component in bill["components"]}
    assert {"xllamacpp", "pygls", "tree-sitter"} <= names
    assert "pytest" not in names
    assert bill["metadata"]["component"]["name"] == "qwen-lsp"


def test_the_wheel_installs_in_a_clean_environment(releases: tuple[Path, Path], tmp_path: Path) -> None:
    (wheel,) = releases[0].glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True, timeout=600)
    ran = subprocess.run([python, "-m", "qwen_lsp", "--version"], capture_output=True, text=True, check=True)
    assert __version__ in ran.stdout


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
