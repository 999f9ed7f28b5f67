--- What the server is sent beside requests: where the cursor has settled, what other tools say of its line, and what was
--- copied. The server keeps it in memory only.
local M = {}

local api = vim.api
local NAME = 'qwen-lsp'
local FOCUS_MS = 300 -- a cursor that rests so long has settled
local MIN_COPY, MAX_COPY = 3, 20000 -- bytes: `x` copies, too, and a whole file is no hint
local focus_timer = vim.uv.new_timer()

local function notify(client, method, params)
  local plugin = require('qwen_lsp')
  if not plugin.call(client, 'is_stopped') then
    plugin.call(client, 'notify', method, params)
  end
end

--- The messages of other tools on a line; nil where there are none, because Lua's empty table is no list.
local function messages_on(bufnr, row)
  local found = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(bufnr, { lnum = row })) do
    if diagnostic.source ~= NAME then
      table.insert(found, diagnostic.message)
    end
  end
  return found[1] and found or nil
end

local function settle(client, bufnr)
  focus_timer:start(FOCUS_MS, 0, vim.schedule_wrap(function()
    if api.nvim_get_current_buf() == bufnr and not vim.startswith(api.nvim_get_mode().mode, 'i') then
      local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
      params.diagnostics = messages_on(bufnr, params.position.line)
      notify(client, 'qwenLsp/didFocus', params)
    end
  end))
end

local function copied(client, bufnr)
  local text = table.concat(vim.v.event.regcontents or {}, '\n')
  if #text >= MIN_COPY and #text <= MAX_COPY and text:find('%S') then
    notify(client, 'qwenLsp/didCopy', { textDocument = { uri = vim.uri_from_bufnr(bufnr) }, text = text })
  end
end

--- Watch a buffer that the client has opened.
function M.attach(client, bufnr)
  local group = api.nvim_create_augroup('qwen_lsp_hints_' .. bufnr, {})
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = callback })
  end
  on({ 'CursorMoved', 'BufEnter' }, function()
    settle(client, bufnr)
  end)
  on('TextYankPost', function()
    copied(client, bufnr)
  end)
  on('LspDetach', function(event)
    if event.data.client_id == client.id then
      pcall(api.nvim_del_augroup_by_id, group)
    end
  end)
end

return M
