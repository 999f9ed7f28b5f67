--- Ghost text for Neovim without its own (0.10, 0.11): asks while you type, draws, accepts, cycles.
--- The server does the waiting, the filtering and the remembering; here is only what the screen shows.
--- Columns are bytes: the client agrees on utf-8 with the server.
local messages = require('qwen_lsp.messages')

local M = {}

local api = vim.api
local namespace = api.nvim_create_namespace('qwen_lsp_ghost')
local INVOKED, AUTOMATIC = 1, 2
local MORE_MS = 120 -- how often the rest of an early answer is asked for

-- A word with the blanks before it, or a run of marks; `\k` follows 'iskeyword'.
local WORD = [[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)]]
local LINE = [[^\n*[^\n]*]]

--- On the screen: {bufnr, row, col, head, tail, items = {{text, id}}, index, is_draft, accept}. A draft is
--- text that the server is still writing and has not checked; it is shown, but not accepted as it is:
--- `accept` is the part to accept once it is checked.
local shown = nil
--- Under way: {client, bufnr, id, place, streamed}; `streamed` is the text so far.
local asked = nil
local more_timer = vim.uv.new_timer()

local function plugin()
  return require('qwen_lsp')
end

local function cursor()
  local place = api.nvim_win_get_cursor(0)
  return place[1] - 1, place[2]
end

local function line_at(bufnr, row)
  return api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ''
end

local function is_inserting()
  return vim.startswith(api.nvim_get_mode().mode, 'i')
end

--- Replace tabs by blanks, because virtual text has no tab stops.
local function without_tabs(text, column)
  local size = vim.bo.tabstop
  return (text:gsub('()\t', function(at)
    local before = vim.fn.strdisplaywidth(text:sub(1, at - 1), column) + column
    return (' '):rep(size - before % size)
  end))
end

local function draw()
  api.nvim_buf_clear_namespace(shown.bufnr, namespace, 0, -1)
  if vim.fn.pumvisible() == 1 then
    return -- the menu would lie over it
  end
  local lines = vim.split(shown.items[shown.index].text, '\n')
  local first = { { without_tabs(lines[1], vim.fn.virtcol('.') - 1), 'QwenLspGhost' } }
  if #shown.items > 1 then
    table.insert(first, { ('  %d/%d'):format(shown.index, #shown.items), 'QwenLspHint' })
  end
  local below = {}
  for number = 2, #lines do
    table.insert(below, { { without_tabs(lines[number], 0), 'QwenLspGhost' } })
  end
  api.nvim_buf_set_extmark(shown.bufnr, namespace, shown.row, shown.col, {
    virt_text = first,
    virt_text_pos = 'inline',
    virt_lines = below,
    hl_mode = 'combine',
  })
end

local function hide()
  if shown and api.nvim_buf_is_valid(shown.bufnr) then
    api.nvim_buf_clear_namespace(shown.bufnr, namespace, 0, -1)
  end
  shown = nil
end

local function cancel()
  more_timer:stop()
  if asked and asked.id then
    plugin().call(asked.client, 'cancel_request', asked.id)
  end
  asked = nil
end

--- Keep what is shown while the text agrees with it; hide it when it does not.
local function follow()
  if not shown then
    return
  end
  local row, col = cursor()
  local is_behind = row > shown.row or (row == shown.row and col >= shown.col)
  if
    api.nvim_get_current_buf() ~= shown.bufnr
    or not is_behind
    or line_at(shown.bufnr, row):sub(col + 1) ~= shown.tail
    or line_at(shown.bufnr, shown.row):sub(1, shown.col) ~= shown.head
  then
    return hide()
  end
  local typed = table.concat(api.nvim_buf_get_text(shown.bufnr, shown.row, shown.col, row, col, {}), '\n')
  local current = shown.items[shown.index]
  shown.accept = typed == '' and shown.accept or nil
  local items, index = {}, nil
  for _, item in ipairs(shown.items) do
    if #item.text > #typed and vim.startswith(item.text, typed) then
      table.insert(items, { text = item.text:sub(#typed + 1), id = item.id })
      index = item == current and #items or index
    end
  end
  if not index then
    return hide()
  end
  shown.items, shown.index, shown.row, shown.col = items, index, row, col
  shown.head = line_at(shown.bufnr, row):sub(1, col)
  draw()
end

--- Show candidates that were made for a place, as far as the text still agrees.
local function show(bufnr, place, items, is_draft)
  local row, col = cursor()
  local accept = is_draft and shown and shown.accept or nil
  hide()
  shown = {
    bufnr = bufnr,
    row = place.line,
    col = place.character,
    head = line_at(bufnr, place.line):sub(1, place.character),
    tail = line_at(bufnr, row):sub(col + 1),
    items = items,
    index = 1,
    is_draft = is_draft,
    accept = accept,
  }
  follow()
end

local function plain(text)
  return (text:gsub('\r\n?', '\n'))
end

local ask

--- Ask for the rest of an answer that was given early, unless the next key does it first.
local function ask_for_more()
  if more_timer:is_active() then
    return
  end
  more_timer:start(MORE_MS, 0, vim.schedule_wrap(function()
    local client = plugin().client()
    if client and shown and shown.index == 1 and not asked and is_inserting() then
      ask(client, AUTOMATIC)
    end
  end))
end

--- Ask for suggestions at the cursor. `done` gets the items when they are for this place.
function ask(client, kind, done)
  cancel()
  local bufnr = api.nvim_get_current_buf()
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = kind }
  local request = { client = client, bufnr = bufnr, place = params.position }
  asked = request
  local _, id = plugin().call(client, 'request', 'textDocument/inlineCompletion', params, function(error, result)
    if asked ~= request then
      return
    end
    asked = nil
    if error or not is_inserting() or api.nvim_get_current_buf() ~= bufnr then
      return hide()
    end
    local items = {}
    for _, item in ipairs(result and (result.items or result) or {}) do
      local command = type(item.command) == 'table' and item.command or {}
      request.place = item.range and item.range.start or request.place
      table.insert(items, { text = plain(item.insertText), id = (command.arguments or {})[1] })
    end
    follow()
    local is_whole, accept = true, shown and shown.accept
    if #items > 0 then
      is_whole = not request.streamed or #request.streamed <= #items[1].text
      -- An early answer is the beginning of what is shown already, and does not take the rest away.
      local place = request.place
      local is_here = shown and place.line == shown.row and place.character == shown.col
      local is_beginning = #items == 1 and is_here and vim.startswith(shown.items[1].text, items[1].text)
      if not is_beginning or (is_whole and shown.is_draft) then
        show(bufnr, request.place, items, false)
      end
    elseif shown and shown.is_draft then
      hide()
    end
    if not is_whole then
      ask_for_more()
    elseif accept and shown then
      M.accept(accept)
    end
    if done then
      done(#items)
    end
  end, bufnr)
  request.id = id
end

--- The text of an answer under way, or of one that was given early and goes on.
function M.on_partial(partial)
  local bufnr = vim.uri_to_bufnr(partial.uri)
  if bufnr ~= api.nvim_get_current_buf() or partial.version ~= vim.lsp.util.buf_versions[bufnr] then
    return
  end
  local text = plain(partial.text)
  if not asked then
    if shown and text ~= shown.items[1].text then
      ask_for_more()
    end
  elseif vim.deep_equal(partial.position, asked.place) and text:find('%S') and is_inserting() then
    asked.streamed = text
    if not shown or shown.is_draft or #text > #shown.items[1].text then
      show(bufnr, partial.position, { { text = text } }, true)
    end
  end
end

--- Whether something can be accepted.
function M.is_visible()
  return shown ~= nil and vim.fn.pumvisible() == 0
end

--- Whether what is shown is still being written.
function M.is_draft()
  return shown ~= nil and (shown.is_draft or asked ~= nil)
end

--- Insert what is shown: all of it, or its next 'word' or 'line'.
function M.accept(part)
  if not shown then
    return
  end
  if shown.is_draft then
    shown.accept = part or 'all'
    return
  end
  local item = shown.items[shown.index]
  local pattern = ({ word = WORD, line = LINE })[part]
  local taken = pattern and vim.fn.matchstr(item.text, pattern) or item.text
  taken = taken ~= '' and taken or item.text
  local row, col = shown.row, shown.col
  local lines = vim.split(taken, '\n')
  vim.cmd('let &undolevels = &undolevels') -- one undo takes back this and no more
  api.nvim_buf_set_text(shown.bufnr, row, col, row, col, lines)
  api.nvim_win_set_cursor(0, { row + #lines, (#lines == 1 and col or 0) + #lines[#lines] })
  local client = plugin().client()
  if client and item.id then
    if taken == item.text then
      plugin().call(client, 'notify', 'qwenLsp/didAccept', { id = item.id })
    else
      local characters = vim.fn.strchars(taken)
      plugin().call(client, 'notify', 'qwenLsp/didPartiallyAccept', { id = item.id, characters = characters })
    end
  end
  follow()
end

--- Hide what is shown and stop what is being written.
function M.dismiss()
  local client, id = plugin().client(), shown and shown.items[shown.index].id
  if client and id then
    plugin().call(client, 'notify', 'qwenLsp/didDismiss', { id = id })
  end
  cancel()
  hide()
end

local function turn(step)
  shown.index = (shown.index - 1 + step) % #shown.items + 1
  draw()
end

--- Show another candidate; the server has them when it is asked a second time at one place.
local function cycle(step, tries)
  local client = plugin().client()
  if not client or not shown then
    return
  end
  if #shown.items > 1 then
    return turn(step)
  end
  ask(client, INVOKED, function()
    if shown and #shown.items > 1 then
      turn(step)
    elseif shown and tries > 1 then
      cycle(step, tries - 1)
    else
      plugin().notify(messages.text('only_one'))
    end
  end)
end

function M.next()
  cycle(1, 2)
end

function M.previous()
  cycle(-1, 2)
end

--- Ask by hand; when nothing comes, say why.
function M.trigger()
  local client = plugin().client()
  if not client then
    return plugin().notify(messages.text('no_server'))
  end
  ask(client, INVOKED, function(count)
    if count == 0 then
      plugin().explain()
    end
  end)
end

--- Watch a buffer that the client has opened.
function M.attach(client, bufnr)
  local group = api.nvim_create_augroup('qwen_lsp_ghost_' .. bufnr, {})
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = callback })
  end
  on({ 'TextChangedI', 'TextChangedP' }, function()
    follow()
    if not (shown and shown.index > 1) then -- a candidate that was chosen stays while it fits
      ask(client, AUTOMATIC)
    end
  end)
  on('InsertEnter', function()
    vim.schedule(function()
      if is_inserting() and api.nvim_get_current_buf() == bufnr and not asked then
        ask(client, AUTOMATIC)
      end
    end)
  end)
  on({ 'CursorMovedI', 'CompleteChanged', 'CompleteDone' }, function()
    local place = asked and asked.place
    local row, col = cursor()
    if place and (row ~= place.line or col < place.character) then
      cancel()
    end
    follow()
  end)
  on({ 'InsertLeave', 'BufLeave' }, function()
    cancel()
    hide()
  end)
  api.nvim_create_autocmd('LspDetach', {
    group = group,
    buffer = bufnr,
    callback = function(event)
      if event.data.client_id == client.id then
        asked = nil
        hide()
        pcall(api.nvim_del_augroup_by_id, group)
      end
    end,
  })
end

return M
