"""Neovim's `:QwenLsp install` and `models`: from a plugin folder to ghost text, and what a failure leaves."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from qwen_lsp.model import catalog
from tests.editors import dist, programs
from tests.editors.neovim import PLUGIN, Neovim, file_in, started
from tests.editors.vscode import host as vscode_host
from tests.support.hub import Hub

pytestmark = pytest.mark.required

CODE = 'def celsius(fahrenheit):\n    """Convert a temperature from Fahrenheit to Celsius."""\n    \n'
INIT = "vim.opt.runtimepath:prepend('{plugin}')\nrequire('qwen_lsp').setup()\n"
SAID = "vim.fn.execute('messages'):find('{text}', 1, true) ~= nil"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A copy of the plugin alone, as a plugin manager has it."""
    return Path(shutil.copytree(PLUGIN, tmp_path / "plugins" / "qwen-lsp.nvim"))


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """No server on PATH, and data folders of this home."""
    monkeypatch.setenv("PATH", os.defpath.strip(os.pathsep))
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))


async def says(neovim: Neovim, text: str) -> None:
    await neovim.until(SAID.format(text=text), f"it says: {text}")


async def test_without_a_server_it_says_what_to_run(tmp_path: Path, plugin: Path) -> None:
    async with started(tmp_path, file_in(tmp_path, CODE), init=INIT.format(plugin=plugin)) as neovim:
        await says(neovim, "Run :QwenLsp install")
        await neovim.keys(":QwenLsp install<CR>")
        await says(neovim, "this copy of the plugin has no server in it")
        await neovim.keys(":QwenLsp models<CR>")
        await says(neovim, "is not installed")


async def test_a_failed_installation_leaves_nothing(
    tmp_path: Path, plugin: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = programs.without_pip(home / "python")
    monkeypatch.setenv("PATH", f"{python.parent}{os.pathsep}{os.environ['PATH']}")
    (plugin / "server").mkdir()
    (plugin / "server" / "qwen_lsp-0.0.0-py3-none-any.whl").write_bytes(b"no wheel")
    async with started(tmp_path, file_in(tmp_path, CODE), init=INIT.format(plugin=plugin)) as neovim:
        await neovim.keys(":QwenLsp install<CR>")
        await says(neovim, "the server was not installed, and nothing of it is left")
        folder = await neovim.lua("return require('qwen_lsp.setup').folder()")
        assert str(home) in folder
        assert not Path(folder).exists()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "Failed to establish a new connection: [Errno -3] Temporary failure in name resolution",
            "cannot be reached",
        ),
        (
            "Cannot connect to proxy., OSError('Tunnel connection failed: 407'",
            "the proxy lets nothing through",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "the disk is full",
        ),
    ],
    ids=["offline", "proxy", "full disk"],
)
async def test_the_reason_is_not_that_no_such_package_exists(
    tmp_path: Path, plugin: Path, home: Path, monkeypatch: pytest.MonkeyPatch, said: str, expected: str
) -> None:
    """pip fails as it does there: the cause first, and at the end that it knows no such package."""
    python = home / "pip" / "python3"
    python.parent.mkdir()
    python.write_text(
        '#!/bin/sh\ncase "$*" in *venv*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python";; *pip*)\n'
        f'echo "WARNING: {said}"; echo "ERROR: No matching distribution found for pygls"; exit 1;;\n'
        f'*) exec "{sys.executable}" "$@";; esac\n',
        "utf-8",
    )
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{python.parent}{os.pathsep}{os.environ['PATH']}")
    (plugin / "server").mkdir()
    (plugin / "server" / "qwen_lsp-0.0.0-py3-none-any.whl").write_bytes(b"no wheel")
    async with started(tmp_path, file_in(tmp_path, CODE), init=INIT.format(plugin=plugin)) as neovim:
        await neovim.keys(":QwenLsp install<CR>")
        await says(neovim, expected)
        folder = await neovim.lua("return require('qwen_lsp.setup').folder()")
        assert not Path(folder).exists()


async def test_without_a_python_that_is_new_enough(
    tmp_path: Path, plugin: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = home / "old" / "python3"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent))
    async with started(tmp_path, file_in(tmp_path, CODE), init=INIT.format(plugin=plugin)) as neovim:
        await neovim.keys(":QwenLsp install<CR>")
        await says(neovim, "no Python 3.11 or newer with venv was found")


@pytest.mark.model
@pytest.mark.slow
async def test_from_a_plugin_folder_to_accepted_ghost_text(
    tmp_path: Path, plugin: Path, home: Path, real_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands inside the editor only; packages from a folder, the model from a hub on loopback."""
    try:
        packages = vscode_host.wheelhouse()
    except vscode_host.Missing as missing:
        pytest.skip(str(missing))
    built = tmp_path / "built"
    built.mkdir()
    wheel, _ = dist.python_packages(built)
    (plugin / "server").mkdir()
    shutil.copy(wheel, plugin / "server")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    monkeypatch.setenv("QWEN_LSP_MODELS", str(home / "models"))
    place = catalog.default_profile().huggingface
    assert place is not None
    with Hub() as hub:
        hub.files[f"{place.repository}/{place.file}"] = real_model.read_bytes()
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        async with started(tmp_path, file_in(tmp_path, CODE), init=INIT.format(plugin=plugin)) as neovim:
            await neovim.keys(":QwenLsp install<CR>")
            await says(neovim, "the server is installed")
            await neovim.keys(f":QwenLsp models pull {catalog.default_profile().name}<CR>")
            await says(neovim, "the model is downloaded")
            state = "(require('qwen_lsp').server_status or {}).state"
            loaded = f"vim.tbl_contains({{ 'ready', 'busy', 'slow' }}, {state})"
            await neovim.until(loaded, "the model is loaded")
            await neovim.keys("jjA<M-Bslash>")
            await neovim.until_ghost()
            await neovim.until("not require('qwen_lsp.ghost').is_draft()", "the answer is whole")
            await neovim.keys("<Tab>")
            await neovim.until("vim.api.nvim_buf_get_lines(0, 2, 3, false)[1]:find('32') ~= nil", "accepted")
