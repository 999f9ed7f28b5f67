"""Actions and review in a real Neovim with the real server: the floating preview, diagnostics, quickfix."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.editors.neovim import Neovim, file_in, ready, scripted, started
from tests.editors.programs import git
from tests.support.engine_server import EngineServer, says

pytestmark = pytest.mark.required

CODE = "def add(a, b):\n    return a + b\n"
DOCSTRING = '```python\ndef add(a, b):\n    """Return the sum of two numbers."""\n    return a + b\n```\n'
BAD = "def total(items):\n    for index in range(len(items) + 1):\n        print(items[index])\n"


async def open_file(neovim: Neovim) -> None:
    await ready(neovim)
    # The menu of actions, without a person: the docstring.
    await neovim.lua(
        "vim.ui.select = function(items, options, done) "
        "  for _, item in ipairs(items) do "
        "    if item.data and item.data.kind == (wanted or 'docstring') then return done(item) end "
        "  end "
        "  for _, item in ipairs(items) do "
        "    if item.title:lower():find(wanted or 'docstring') then return done(item) end "
        "  end "
        "end return true"
    )


FLOAT = "vim.api.nvim_win_get_config(0).relative ~= ''"


async def test_an_action_is_seen_as_a_diff_and_applied(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says(DOCSTRING, between_s=0.02)
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await open_file(neovim)
        await neovim.keys(":1,2QwenLsp actions<CR>")
        await neovim.until(FLOAT, "the preview opens")
        await neovim.until("vim.bo.filetype == 'diff'", "the diff is there")
        diff = await neovim.lines()
        assert '+    """Return the sum of two numbers."""' in diff
        assert not [line for line in diff if line.startswith("-") and not line.startswith("---")]
        assert any("q: discard" in row for row in await neovim.screen())
        await neovim.keys("<CR>")
        await neovim.until("vim.api.nvim_buf_line_count(0) == 3", "it is applied")
        assert '    """Return the sum of two numbers."""' in await neovim.lines()
        await neovim.keys("u")
        assert await neovim.lines() == CODE.splitlines()


async def test_a_discarded_action_leaves_no_trace(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says(DOCSTRING)
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await open_file(neovim)
        await neovim.keys(":1,2QwenLsp actions<CR>")
        await neovim.until("vim.bo.filetype == 'diff'", "the diff is there")
        await neovim.keys("q")
        await neovim.until("vim.bo.filetype == 'python'", "the preview closes")
        assert await neovim.lines() == CODE.splitlines()
        assert not await neovim.lua("return vim.bo.modified")


async def test_an_explanation_is_markdown_in_the_preview(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("It adds two numbers and returns the sum.")
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await open_file(neovim)
        await neovim.lua("wanted = 'explain' return true")
        await neovim.keys(":1,2QwenLsp actions<CR>")
        await neovim.until("vim.bo.filetype == 'markdown'", "the explanation is there")
        assert "It adds two numbers and returns the sum." in "\n".join(await neovim.lines())
        await neovim.keys("q")
        await neovim.until("vim.bo.filetype == 'python'", "it closes")


async def test_an_edit_by_instruction(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("```python\ndef add(a, b):\n    return b + a\n```\n")
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await open_file(neovim)
        await neovim.keys(":1,2QwenLsp edit swap the operands<CR>")
        await neovim.until("vim.bo.filetype == 'diff'", "the diff is there")
        assert "+    return b + a" in await neovim.lines()
        assert "swap the operands" in engine.last.prompt
        await neovim.keys("<CR>")
        await neovim.until("vim.api.nvim_buf_get_lines(0, 1, 2, false)[1] == '    return b + a'", "applied")


async def test_a_review_fills_the_quickfix_list(tmp_path: Path, engine: EngineServer) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    file = root / "shop.py"
    file.write_text("def total(items):\n    return sum(items)\n", "utf-8")
    for arguments in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-qm", "one")):
        git(root, *arguments)
    file.write_text(BAD, "utf-8")
    async with started(tmp_path, file, scripted(engine)) as neovim:
        await open_file(neovim)
        await neovim.keys(":QwenLsp review<CR>")
        await neovim.until("vim.bo.filetype == 'qf'", "the quickfix window opens")
        (found, *_) = await neovim.lua("return vim.fn.getqflist()")
        assert found["lnum"] == 2
        assert "off-by-one" in found["text"]
        await neovim.keys("<CR>")
        await neovim.until("vim.bo.filetype == 'python'", "the place is opened")
        count = "#vim.diagnostic.get(0)"
        assert await neovim.until(f"{count} > 0 and {count}", "diagnostics")
        await neovim.keys(":2<CR>:QwenLsp dismiss<CR>")
        await neovim.until("#vim.fn.getqflist() == 0", "it is dismissed")
        await neovim.until(f"{count} == 0", "here too")
