--- Suggestions through Neovim's own inline completion (0.12 and newer); the same names as in ghost.lua.
--- Neovim asks and draws. Accepting is ours, because Neovim inserts the whole text at the place that was
--- asked for, also when a part of it has been typed since.
local M = {}

local api = vim.api
local INVOKED = 1
-- As in ghost.lua.
local WORD = [[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)]]
local LINE = [[^\n*[^\n]*]]

function M.attach(_, bufnr)
  vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
end

--- Whether Neovim draws a suggestion in this buffer. Neovim has no call that only asks: where it draws elsewhere some
--- day, the keys for other candidates and for dismissing do what they did before; accepting does not depend on it.
function M.is_visible()
  local namespace = api.nvim_get_namespaces()['nvim.lsp.inline_completion']
  local marks = namespace and api.nvim_buf_get_extmarks(0, namespace, 0, -1, { limit = 1 }) or {}
  return #marks > 0 and vim.fn.pumvisible() == 0
end

local function insert(item, part)
  local place = api.nvim_win_get_cursor(0)
  local row, col = place[1] - 1, place[2]
  local text = type(item.insert_text) == 'string' and item.insert_text or item.insert_text.value
  text = text:gsub('\r\n?', '\n')
  local from = item.range and item.range.start or { row = row, col = col }
  local typed = table.concat(api.nvim_buf_get_text(0, from.row, from.col, row, col, {}), '\n')
  if not vim.startswith(text, typed) then
    return
  end
  local rest = text:sub(#typed + 1)
  local pattern = ({ word = WORD, line = LINE })[part]
  local taken = pattern and vim.fn.matchstr(rest, pattern) or rest
  taken = taken ~= '' and taken or rest
  local lines = vim.split(taken, '\n')
  vim.cmd('let &undolevels = &undolevels')
  api.nvim_buf_set_text(0, row, col, row, col, lines)
  api.nvim_win_set_cursor(0, { row + #lines, (#lines == 1 and col or 0) + #lines[#lines] })
  local client = vim.lsp.get_client_by_id(item.client_id)
  local id = item.command and (item.command.arguments or {})[1]
  if client and id then
    local is_all = taken == rest
    client:notify(is_all and 'qwenLsp/didAccept' or 'qwenLsp/didPartiallyAccept', {
      id = id,
      characters = not is_all and vim.fn.strchars(taken) or nil,
    })
  end
end

--- Insert the suggestion, or its next 'word' or 'line'; what is left is asked for again by Neovim. Returns whether there
--- is one; it is inserted after a mapping that asks has ended.
function M.accept(part)
  if vim.fn.pumvisible() ~= 0 then
    return false -- the key belongs to the menu
  end
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      insert(item, part)
    end,
  })
end

function M.next()
  vim.lsp.inline_completion.select({ count = 1 })
end

function M.previous()
  vim.lsp.inline_completion.select({ count = -1 })
end

--- Hide the suggestion until the text changes.
function M.dismiss()
  local filter = { bufnr = api.nvim_get_current_buf() }
  vim.lsp.inline_completion.enable(false, filter)
  vim.lsp.inline_completion.enable(true, filter)
end

--- Ask by hand. Neovim has no call for that: we ask, the server remembers the answer, and Neovim, which
--- asks when the cursor moves, gets it.
function M.trigger()
  local client, bufnr = require('qwen_lsp').client(), api.nvim_get_current_buf()
  if not client then
    return
  end
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = INVOKED }
  client:request('textDocument/inlineCompletion', params, function(error, result)
    local items = not error and result and (result.items or result) or {}
    if #items == 0 then
      return require('qwen_lsp').explain()
    end
    if api.nvim_get_current_buf() == bufnr and vim.startswith(api.nvim_get_mode().mode, 'i') then
      api.nvim_exec_autocmds('CursorMovedI', { buffer = bufnr, modeline = false })
    end
  end, bufnr)
end

return M
