"""The Neovim plugin with the real server and the real model, as its README tells a new user to set it up."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.editors import programs
from tests.editors.neovim import PLUGIN, started
from tests.support.places import REPOSITORY

pytestmark = pytest.mark.model

README = PLUGIN / "README.md"
DUMP = PLUGIN / "screen.txt"
CODE = 'def celsius(fahrenheit):\n    """Convert a temperature from Fahrenheit to Celsius."""\n    \n'


def readme_init(clone: Path) -> str:
    """Return the init.lua of the README, with the place of the clone filled in as a user does."""
    (block,) = re.findall(r"```lua\n(.*?)```", README.read_text("utf-8"), re.S)[:1]
    assert "~/qwen-lsp" in block
    return str(block).replace("~/qwen-lsp", str(clone))


async def test_a_new_user_follows_the_readme(tmp_path: Path, home: Path, real_model: Path) -> None:
    clone = home / "clone"
    shutil.copytree(PLUGIN, clone / "editors" / "neovim")
    # The machine may be busy with other tests; nobody waits for the answer.
    (home / "settings.toml").write_text("[completion]\ntimeoutMs = 300_000\n", "utf-8")
    file = tmp_path / "temperature.py"
    file.write_text(CODE, "utf-8")
    async with started(tmp_path, file, init=readme_init(clone)) as neovim:
        await neovim.keys(":set columns=78 lines=14<CR>")
        await neovim.until("(require('qwen_lsp').server_status or {}).state ~= nil", "the server speaks")
        await neovim.keys("jjA")
        await neovim.until(
            "vim.tbl_contains({ 'ready', 'busy', 'slow' }, require('qwen_lsp').server_status.state)",
            "the model is loaded",
        )
        await neovim.keys("<M-Bslash>")
        suggestion = await neovim.until_ghost()
        await neovim.until("not require('qwen_lsp.ghost').is_draft()", "the answer is whole")
        suggestion = await neovim.until_ghost()
        assert "return" in suggestion
        assert "32" in suggestion, "the formula"
        screen = await neovim.screen()
        assert any(suggestion.splitlines()[0].strip() in row for row in screen)
        dump = "\n".join(row for row in screen if row) + "\n"
        if programs.UPDATE:
            before = DUMP.read_text("utf-8") if DUMP.is_file() else "SCREEN\n"
            README.write_text(README.read_text("utf-8").replace(before, dump), "utf-8")
            DUMP.write_text(dump, "utf-8")
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_buf_get_lines(0, 2, 3, false)[1]:find('return') ~= nil", "accepted")
        await neovim.keys("<Esc>:QwenLsp explain<CR>")
        await neovim.until("vim.fn.execute('messages'):find('qwen%-lsp: ') ~= nil", "it is explained")
        await neovim.keys(":checkhealth qwen_lsp<CR>")
        await neovim.until("vim.bo.filetype == 'checkhealth'", "the check opens")
        health = "\n".join(await neovim.lines())
    assert "ERROR" not in health, health
    assert "qwen-lsp, version" in health
    assert "qwen2.5-coder" in health
    kept = DUMP.read_text("utf-8")
    assert kept in README.read_text("utf-8"), "the README shows the dump"
    assert kept.splitlines()[:2] == dump.splitlines()[:2], "the dump is of this run's file"
    assert REPOSITORY.name not in kept
