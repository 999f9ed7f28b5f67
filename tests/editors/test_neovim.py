"""The Neovim plugin in a real Neovim 0.11 with the real server: what a person types and what is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.editors.neovim import file_in, ready, scripted, started
from tests.support.engine_server import EngineServer, endless, says
from tests.support.waiting import until

pytestmark = pytest.mark.required

CODE = "def add(a, b):\n    \n"


async def test_ghost_text_appears_and_tab_accepts_all(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("total = a + b\n    return total")
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("jA")
        assert await neovim.until_ghost("total = a + b\n    return total")
        assert "    total = a + b" in await neovim.screen(), "a person sees it"
        assert await neovim.lines() == ["def add(a, b):", "    "], "and it is no text yet"
        await neovim.keys("<Tab>")
        await neovim.until("#vim.api.nvim_buf_get_lines(0, 0, -1, false) == 3", "it is inserted")
        assert await neovim.lines() == ["def add(a, b):", "    total = a + b", "    return total"]
        assert await neovim.lua("return vim.api.nvim_win_get_cursor(0)") == [3, 16]
        await neovim.keys("<Esc>u")
        assert await neovim.lines() == ["def add(a, b):", "    "], "one undo takes it back"


async def test_accepting_a_word_and_a_line(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("total = a + b\n    return total")
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("jA")
        await neovim.until_ghost("total = a + b\n    return total")
        await neovim.keys("<M-Right>")
        await neovim.until_ghost(" = a + b\n    return total")
        assert await neovim.lines() == ["def add(a, b):", "    total"]
        await neovim.keys("<M-Right>")
        await neovim.until_ghost(" a + b\n    return total")
        await neovim.keys("<M-Down>")
        await neovim.until_ghost("\n    return total")
        assert await neovim.lines() == ["def add(a, b):", "    total = a + b"]
        await neovim.keys("<M-Down>")
        await neovim.until("#vim.api.nvim_buf_get_lines(0, 0, -1, false) == 3", "the last line")
        assert (await neovim.lines())[-1] == "    return total"


async def test_typing_through_keeps_it_and_typing_away_hides_it(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("return a + b")
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("jA")
        await neovim.until_ghost("return a + b")
        for typed in range(1, 4):
            await neovim.keys("return a + b"[typed - 1])
            assert await neovim.ghost() == "return a + b"[typed:], "without a blink"
        engine.answer = says("")
        await neovim.keys("x")
        await neovim.until_no_ghost()
        await neovim.keys("<Esc>")
        assert await neovim.ghost() is None


async def test_dismissing_and_cancelling(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("return a + b")
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("jA")
        await neovim.until_ghost()
        await neovim.keys("<C-]>")
        await neovim.until_no_ghost()
        assert await neovim.lines() == ["def add(a, b):", "    "], "the key did nothing else"
        engine.answer = endless(between_s=0.05)
        await neovim.keys("# <M-Bslash>")
        await until(lambda: engine.running, "it is written")
        await neovim.keys("<Esc>")
        await until(lambda: not engine.running, "leaving insert mode cancels")


async def test_the_answer_is_seen_while_it_is_written(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("first_name + second_name + third_name", between_s=0.3)
    async with started(tmp_path, file_in(tmp_path, "x = \n", "x.py"), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("A")
        early = await neovim.until_ghost()
        assert early != "first_name + second_name + third_name"
        await neovim.until_ghost("first_name + second_name + third_name")  # the rest comes without a key


async def test_tab_on_a_text_that_is_still_written_takes_the_whole_of_it(
    tmp_path: Path, engine: EngineServer
) -> None:
    engine.answer = says("first_name + second_name", between_s=0.2)
    options = scripted(engine, settings={"completion": {"answerEarly": False}})
    async with started(tmp_path, file_in(tmp_path, "x = \n", "x.py"), options) as neovim:
        await ready(neovim)
        await neovim.keys("A")
        await neovim.until_ghost()
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_get_current_line() ~= 'x = '", "it is inserted")
        assert await neovim.lines() == ["x = first_name + second_name"]


async def test_an_early_answer_does_not_take_away_what_is_seen(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("")
    async with started(tmp_path, file_in(tmp_path, "x = \n", "x.py"), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("A")
        # In an order that only a race would give: the text so far, then its checked beginning.
        await neovim.lua(
            "local plugin, ghost = require('qwen_lsp'), require('qwen_lsp.ghost') "
            "plugin.call = function(_, _, name, params, handler) "
            "  if name == 'textDocument/inlineCompletion' then answer, place = handler, params.position end "
            "  return true, 1 "
            "end "
            "function partial(text) ghost.on_partial({ "
            "  uri = vim.uri_from_bufnr(0), position = place, text = text, "
            "  version = vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()] }) end "
            "function finish(text) local handler = answer; answer = nil; "
            "  handler(nil, { items = { { insertText = text } } }) end "
            "ghost.trigger() partial('first + second') finish('first') "
            "return true"
        )
        assert await neovim.ghost() == "first + second"
        await neovim.keys("<Tab>")
        assert await neovim.lines() == ["x = "], "what is not checked is not inserted"
        await neovim.until("answer ~= nil", "the rest is asked for")
        await neovim.lua("finish('first + second + third') return true")
        assert await neovim.lines() == ["x = first + second + third"]


async def test_other_candidates(tmp_path: Path, engine: EngineServer) -> None:
    engine.script = lambda generation: says(
        "len(items)" if not engine.generations[:-1] else f"{generation.forced and ''}sum(items)"
    )
    async with started(tmp_path, file_in(tmp_path, "x = \n", "x.py"), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("A")
        await neovim.until_ghost("len(items)")
        await neovim.keys("<M-]>")
        await neovim.until("vim.fn.execute('messages'):find('no other suggestion') ~= nil", "it is said")
        assert await neovim.ghost() == "len(items)"


async def test_tab_is_tab_when_nothing_is_shown(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("")
    mine = "vim.keymap.set('i', '<M-Right>', 'mine')\n"
    async with started(tmp_path, file_in(tmp_path, "x\n", "x.txt"), scripted(engine), first=mine) as neovim:
        await ready(neovim)
        await neovim.keys("A<Tab><M-Right>")
        await neovim.until("vim.api.nvim_get_current_line():find('mine') ~= nil", "what the keys did before")
        assert await neovim.lines() == ["x\tmine"]


async def test_nothing_comes_and_the_user_is_told_why(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("")
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("jA<M-Bslash>")
        await neovim.until("vim.fn.execute('messages'):find('qwen%-lsp: ') ~= nil", "a reason")


async def test_pause_and_resume(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("return a + b")
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await ready(neovim)
        assert await neovim.lua("return require('qwen_lsp').status()") == "qwen ready"
        await neovim.keys(":QwenLsp pause<CR>")
        await neovim.until("require('qwen_lsp').status() == 'qwen off'", "the server is paused")
        await neovim.keys("jA")
        await neovim.keys("<M-Bslash>")
        await neovim.until("vim.fn.execute('messages'):find('off') ~= nil", "it is said")
        assert engine.generations == []
        await neovim.keys("<Esc>:QwenLsp resume<CR>")
        await ready(neovim)
        await neovim.keys(":QwenLsp pause soon<CR>")
        await neovim.until("vim.fn.execute('messages'):find('no number of minutes') ~= nil", "it is said")
        assert await neovim.lua("return require('qwen_lsp').status()") == "qwen ready"
        await neovim.keys(":QwenLsp pause 0.02<CR>")
        await neovim.until("require('qwen_lsp').status() == 'qwen off'", "the server is paused")
        await neovim.until("require('qwen_lsp').status() == 'qwen ready'", "the pause ends by itself")
        await neovim.keys("A")
        await neovim.until_ghost("return a + b")


# Takes down what goes to the server.
SENT = """
local client = require('qwen_lsp').client()
local notify = client.notify
_G.sent = {}
client.notify = function(self, method, params)
  _G.sent[method] = params
  return notify(self, method, params)
end
local space = vim.api.nvim_create_namespace('other')
local said = { lnum = 1, col = 0, message = '`total` is not defined', source = 'ruff' }
local ours = vim.tbl_extend('force', said, { message = 'ours', source = 'qwen-lsp' })
vim.diagnostic.set(space, 0, { said, ours })
return true
"""


async def test_what_is_copied_and_what_other_tools_say_is_sent(tmp_path: Path, engine: EngineServer) -> None:
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.lua(SENT.replace("\n", " "))
        await neovim.keys("yyj")
        await neovim.until("_G.sent['qwenLsp/didFocus'] ~= nil", "the cursor has settled")
        focus = await neovim.lua("return _G.sent['qwenLsp/didFocus']")
        assert focus["position"]["line"] == 1
        assert focus["diagnostics"] == ["`total` is not defined"]
        copied = await neovim.lua("return _G.sent['qwenLsp/didCopy']")
        assert copied["text"] == CODE.split("\n")[0]
        assert copied["textDocument"]["uri"].endswith(".py")
        await neovim.lua("_G.sent = {} return true")
        await neovim.keys("kx")
        await neovim.until("_G.sent['qwenLsp/didFocus'] ~= nil", "the cursor has settled")
        focus = await neovim.lua("return _G.sent['qwenLsp/didFocus']")
        assert "diagnostics" not in focus
        assert not await neovim.lua("return _G.sent['qwenLsp/didCopy'] ~= nil"), "one letter is no hint"


async def test_options_that_are_none_are_named(tmp_path: Path) -> None:
    options = {"cmd": ["no-such-server"], "native": "yes", "keys": {"acept": "<C-l>", "dismiss": False}}
    async with started(tmp_path, file_in(tmp_path, CODE), options) as neovim:
        said = await neovim.until(
            "vim.fn.execute('messages'):match('keys%.acept') ~= nil and vim.fn.execute('messages')",
            "it is said",
        )
        assert "`native`" in said
        assert "dismiss" not in said
        assert await neovim.lua("return require('qwen_lsp').options.native") is True


async def test_one_server_for_two_folders(tmp_path: Path, engine: EngineServer) -> None:
    for name in ("one", "two"):
        (tmp_path / name / ".git").mkdir(parents=True)
        file_in(tmp_path / name, f"{name} = \n", f"{name}.py")
    engine.answer = says("1")
    async with started(tmp_path, tmp_path / "one" / "one.py", scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys(f":edit {tmp_path / 'two' / 'two.py'}<CR>A")
        await neovim.until_ghost("1")
        assert "two.py" in engine.last.prompt
        clients = "vim.tbl_map(function(c) return #c.workspace_folders end, vim.lsp.get_clients())"
        assert await neovim.lua(f"return {clients}") == [2]


async def test_text_that_is_not_ascii(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("总价 / 数量")
    text = "总价, 数量 = 1, 2\n表情 = '😀'; 单价 = \n"
    async with started(tmp_path, file_in(tmp_path, text, "价格.py"), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("jA")
        await neovim.until_ghost("总价 / 数量")
        await neovim.keys("<M-Right>")
        await neovim.until_ghost(" / 数量")
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_get_current_line():find('/ 数量') ~= nil", "it is inserted")
        assert (await neovim.lines())[-1] == "表情 = '😀'; 单价 = 总价 / 数量"


async def test_dos_line_ends(tmp_path: Path, engine: EngineServer) -> None:
    engine.answer = says("total = a + b\n    return total")
    file = tmp_path / "add.py"
    file.write_bytes(CODE.replace("\n", "\r\n").encode())
    async with started(tmp_path, file, scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.keys("jA")
        await neovim.until_ghost("total = a + b\n    return total")
        await neovim.keys("<Tab>")
        await neovim.until("#vim.api.nvim_buf_get_lines(0, 0, -1, false) == 3", "it is inserted")
        await neovim.keys("<Esc>:write<CR>")
        await neovim.until("not vim.bo.modified", "it is written")
    assert _bytes(file) == b"def add(a, b):\r\n    total = a + b\r\n    return total\r\n"


async def test_messages_in_the_user_s_language(
    tmp_path: Path, engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    chinese = "require('qwen_lsp.messages').locale = function() return 'zh-CN' end\n"
    first = f"vim.opt.runtimepath:prepend('{Path('editors/neovim').resolve()}')\n{chinese}"
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine), first=first) as neovim:
        await ready(neovim)
        assert await neovim.lua("return require('qwen_lsp').status()") == "qwen 就绪"
        said = await neovim.lua("return require('qwen_lsp').server_status.message")
        assert any(ord(char) > 0x4E00 for char in said), "the server speaks it too"


async def test_a_missing_server_is_told_once(tmp_path: Path) -> None:
    async with started(tmp_path, file_in(tmp_path, CODE), {"cmd": ["no-such-server"]}) as neovim:
        await neovim.keys(":new other.py<CR>")
        await neovim.until("vim.fn.execute('messages'):find('no%-such%-server') ~= nil", "it is said")
        said = await neovim.lua("return vim.fn.execute('messages')")
        assert said.count("no-such-server") == 1
        await neovim.keys(":checkhealth qwen_lsp<CR>")
        await neovim.until("vim.bo.filetype == 'checkhealth'", "the check opens")
        assert "`no-such-server` is not installed" in "\n".join(await neovim.lines())


async def test_what_the_server_does_not_offer_is_told(tmp_path: Path, engine: EngineServer) -> None:
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await ready(neovim)
        await neovim.lua("require('qwen_lsp').client().server_capabilities.codeActionProvider = nil")
        await neovim.keys(":QwenLsp actions<CR>")
        await neovim.until("vim.fn.execute('messages'):find('does not offer') ~= nil", "it is said")


# A stand-in for the table that Neovim 0.12 has, with the names and fields of its source. Not run on 0.12.
NATIVE = """
local calls = {}
vim.lsp.inline_completion = {
  calls = calls,
  enable = function(on, filter) table.insert(calls, { 'enable', on, filter.bufnr ~= nil }) end,
  select = function(options) table.insert(calls, { 'select', options.count }) end,
  get = function(options)
    if not vim.lsp.inline_completion.item then return false end
    table.insert(calls, { 'get' })
    vim.schedule(function() options.on_accept(vim.lsp.inline_completion.item) end)
    return true
  end,
}
"""


async def test_the_native_branch_with_a_stand_in_for_neovim_0_12(
    tmp_path: Path, engine: EngineServer
) -> None:
    file = file_in(tmp_path, "x = \n", "x.py")
    async with started(tmp_path, file, scripted(engine), first=NATIVE) as neovim:
        await ready(neovim)
        calls = "return vim.lsp.inline_completion.calls"
        assert await neovim.lua(calls) == [["enable", True, True]]
        await neovim.keys("Afi")
        await neovim.until("vim.api.nvim_get_current_line() == 'x = fi'", "it is typed")
        # The item was asked for before `fi` was typed.
        await neovim.lua(
            "vim.lsp.inline_completion.item = { insert_text = 'first + second', client_id = 1, "
            "range = { start = { row = 0, col = 4 }, end_ = { row = 0, col = 4 } } } return true"
        )
        await neovim.keys("<M-Right>")
        await neovim.until("vim.api.nvim_get_current_line() == 'x = first'", "a word is accepted")
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_get_current_line() == 'x = first + second'", "the rest is accepted")
        # Neovim draws in this namespace. Accepting has not needed it.
        await neovim.lua(
            "local space = vim.api.nvim_create_namespace('nvim.lsp.inline_completion') "
            "vim.api.nvim_buf_set_extmark(0, space, 0, 0, { virt_text = { { 'more' } } }) return true"
        )
        await neovim.keys("<M-]><M-[>")
        await neovim.until("#vim.lsp.inline_completion.calls == 5", "candidates are left to Neovim")
        assert (await neovim.lua(calls))[-2:] == [["select", 1], ["select", -1]]


def _bytes(file: Path) -> bytes:
    return file.read_bytes()


# A client without a process, as a second folder's would be.
SECOND = """
local other = vim.lsp.start({
  name = 'qwen-lsp',
  root_dir = '/other',
  cmd = function()
    return {
      request = function(method, _, done)
        if method == 'initialize' then done(nil, { capabilities = {} }) end
        return true, 1
      end,
      notify = function() return true end,
      is_closing = function() return false end,
      terminate = function() end,
    }
  end,
}, { bufnr = vim.api.nvim_create_buf(true, true), reuse_client = function() return false end })
return other
"""


async def test_commands_go_to_the_server_of_the_buffer(tmp_path: Path, engine: EngineServer) -> None:
    async with started(tmp_path, file_in(tmp_path, CODE), scripted(engine)) as neovim:
        await ready(neovim)
        second = await neovim.lua(SECOND)
        attached = f"vim.tbl_keys(vim.lsp.get_client_by_id({second}).attached_buffers)[1]"
        await neovim.until(f"{attached} ~= nil", "the second client has a buffer")
        assert await neovim.lua(f"return require('qwen_lsp').client({attached}).id") == second
        assert await neovim.lua("return require('qwen_lsp').client().id") != second
