--- Actions with a preview: the answer is written live into a floating window, then shown as a diff to
--- apply or to discard. `vim.lsp.buf.code_action()` works too, without the preview.
local messages = require('qwen_lsp.messages')

local M = {}

local api = vim.api
--- The open preview: {bufnr, window, stream_id, cancel}.
local preview = nil
local next_id = 0

local function plugin()
  return require('qwen_lsp')
end

local function close()
  if preview and api.nvim_win_is_valid(preview.window) then
    api.nvim_win_close(preview.window, true)
  end
  preview = nil
end

--- Fill the window; it grows with its text, to at most two thirds of the screen.
local function write(text, filetype, footer)
  local lines = vim.split(text, '\r?\n')
  vim.bo[preview.bufnr].modifiable = true
  api.nvim_buf_set_lines(preview.bufnr, 0, -1, false, lines)
  vim.bo[preview.bufnr].modifiable = false
  if filetype and vim.bo[preview.bufnr].filetype ~= filetype then
    vim.bo[preview.bufnr].filetype = filetype
  end
  local width = 40
  for _, line in ipairs(lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line))
  end
  api.nvim_win_set_config(preview.window, {
    width = math.min(width, math.floor(vim.o.columns * 0.8)),
    height = math.max(1, math.min(#lines, math.floor(vim.o.lines * 0.66))),
    footer = footer and (' ' .. footer .. ' ') or nil,
  })
end

local function open(title, stream_id)
  close()
  local bufnr = api.nvim_create_buf(false, true)
  vim.bo[bufnr].bufhidden = 'wipe'
  local window = api.nvim_open_win(bufnr, true, {
    relative = 'cursor',
    row = 1,
    col = 0,
    width = 40,
    height = 1,
    style = 'minimal',
    border = 'rounded',
    title = ' ' .. title .. ' ',
    footer = ' ' .. messages.text('writing') .. ' ',
  })
  preview = { bufnr = bufnr, window = window, stream_id = stream_id }
  local function discard()
    if preview and preview.cancel then
      preview.cancel()
    end
    close()
  end
  for _, key in ipairs({ 'q', '<Esc>' }) do
    vim.keymap.set('n', key, discard, { buffer = bufnr, nowait = true })
  end
  return preview
end

--- The text so far of the action that the preview waits for.
function M.on_stream(streamed)
  if preview and streamed.id == preview.stream_id and api.nvim_buf_is_valid(preview.bufnr) then
    write(streamed.text, nil, messages.text('writing'))
  end
end

--- Pairs of a URI and its text edits, with the version they were made for.
local function changes_of(edit)
  local changes = {}
  for _, change in ipairs(edit.documentChanges or {}) do
    if change.edits then
      local document = change.textDocument
      table.insert(changes, { uri = document.uri, version = document.version, edits = change.edits })
    end
  end
  for uri, edits in pairs(edit.changes or {}) do
    table.insert(changes, { uri = uri, edits = edits })
  end
  return changes
end

--- Whether an open document is not the one any more that an edit was made for.
local function is_stale(edit)
  for _, change in ipairs(changes_of(edit)) do
    local bufnr = vim.uri_to_bufnr(change.uri)
    local version = vim.lsp.util.buf_versions[bufnr]
    if change.version and change.version ~= vim.NIL and version and change.version ~= version then
      return true
    end
  end
  return false
end

--- A unified diff of what an edit does, made by applying it to copies.
local function diff_of(edit, encoding)
  local parts = {}
  for _, change in ipairs(changes_of(edit)) do
    local name = vim.fn.fnamemodify(vim.uri_to_fname(change.uri), ':.')
    local bufnr = vim.uri_to_bufnr(change.uri)
    local before = {}
    if vim.uv.fs_stat(vim.uri_to_fname(change.uri)) or api.nvim_buf_is_loaded(bufnr) then
      vim.fn.bufload(bufnr)
      before = api.nvim_buf_get_lines(bufnr, 0, -1, false)
    end
    local copy = api.nvim_create_buf(false, true)
    api.nvim_buf_set_lines(copy, 0, -1, false, before)
    vim.lsp.util.apply_text_edits(change.edits, copy, encoding)
    local after = api.nvim_buf_get_lines(copy, 0, -1, false)
    api.nvim_buf_delete(copy, { force = true })
    local function whole(lines)
      return table.concat(lines, '\n') .. '\n'
    end
    table.insert(parts, ('--- %s\n+++ %s\n'):format(name, name) .. vim.diff(whole(before), whole(after)))
  end
  return (table.concat(parts):gsub('\n$', ''))
end

--- Show the end of an action: a diff to apply, an explanation, or a message.
local function finish(client, result)
  if not preview then
    return
  end
  preview.cancel = nil
  if result.edit then
    write(diff_of(result.edit, client.offset_encoding), 'diff', messages.text('confirm'))
    vim.keymap.set('n', '<CR>', function()
      close()
      if is_stale(result.edit) then
        return plugin().notify(messages.text('stale'), vim.log.levels.WARN)
      end
      vim.lsp.util.apply_workspace_edit(result.edit, client.offset_encoding)
    end, { buffer = preview.bufnr, nowait = true })
  elseif result.markdown then
    write(result.markdown, 'markdown', messages.text('close'))
  else
    close()
    if result.message then
      plugin().notify(result.message)
    end
  end
end

--- Run `qwenLsp.action` and show what comes of it.
local function run(client, title, argument)
  next_id = next_id + 1
  argument.id = argument.id or ('neovim-%d'):format(next_id)
  local current = open(title, argument.id)
  local id = plugin().execute(client, 'qwenLsp.action', argument, function(result)
    if preview == current then
      finish(client, result or {})
    end
  end)
  current.cancel = function()
    plugin().call(client, 'cancel_request', id)
  end
end

--- The client's side of `qwenLsp.action`, for actions that are one.
function M.run_command(command, client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  if client then
    run(client, command.title, (command.arguments or {})[1] or {})
  end
end

--- Run the command of an action: ours with a preview, any other as it is.
local function run_any(client, command)
  if command.command == 'qwenLsp.action' then
    return M.run_command(command, client.id)
  end
  plugin().execute(client, command.command, (command.arguments or {})[1], function() end)
end

local function resolve(client, action)
  if action.edit or not action.data then
    if action.command then
      return run_any(client, action.command)
    end
    open(action.title)
    return finish(client, action)
  end
  local current = open(action.title, action.data.id)
  local _, id = plugin().call(client, 'request', 'codeAction/resolve', action, function(error, resolved)
    if preview ~= current then
      return
    end
    if error then
      close()
      return plugin().notify(error.message, vim.log.levels.WARN)
    end
    if resolved.command and not resolved.edit then
      close()
      return run_any(client, resolved.command)
    end
    finish(client, resolved)
  end, 0)
  current.cancel = function()
    plugin().call(client, 'cancel_request', id)
  end
end

--- The lines of a command's range, or the visual selection, or the cursor.
local function range_params(client, call)
  local util, encoding = vim.lsp.util, client.offset_encoding
  if call and call.range > 0 then
    local last = api.nvim_buf_get_lines(0, call.line2 - 1, call.line2, false)[1] or ''
    return util.make_given_range_params({ call.line1, 0 }, { call.line2, #last }, 0, encoding)
  end
  return util.make_range_params(0, encoding)
end

--- Choose from the actions for the selection, see the chosen one written, and apply or discard it.
function M.choose(call)
  local client = plugin().client()
  if not client then
    return plugin().notify(messages.text('no_server'))
  end
  if not client.server_capabilities.codeActionProvider then
    return plugin().notify(messages.text('not_offered', 'textDocument/codeAction'))
  end
  local params = range_params(client, call)
  local line = params.range.start.line
  params.context = {
    triggerKind = 1,
    diagnostics = vim.tbl_map(function(diagnostic)
      return diagnostic.user_data and diagnostic.user_data.lsp
    end, vim.diagnostic.get(0, { lnum = line })),
  }
  plugin().call(client, 'request', 'textDocument/codeAction', params, function(error, actions)
    actions = vim.tbl_filter(function(action)
      return not action.disabled
    end, not error and type(actions) == 'table' and actions or {})
    if #actions == 0 then
      return plugin().notify(messages.text('no_action'))
    end
    vim.ui.select(actions, {
      prompt = 'qwen-lsp',
      format_item = function(action)
        return action.title
      end,
    }, function(action)
      if action then
        resolve(client, action)
      end
    end)
  end, 0)
end

--- Change the selection as an instruction says; asks for one when none is given.
function M.edit(call, instruction)
  local client = plugin().client()
  if not client then
    return plugin().notify(messages.text('no_server'))
  end
  if not plugin().offers(client, 'qwenLsp.action') then
    return plugin().notify(messages.text('not_offered', 'qwenLsp.action'))
  end
  if instruction == '' then
    return vim.ui.input({ prompt = messages.text('instruction') }, function(answer)
      if answer and answer ~= '' then
        M.edit(call, answer)
      end
    end)
  end
  local params = range_params(client, call)
  run(client, instruction, {
    kind = 'edit',
    uri = params.textDocument.uri,
    version = vim.lsp.util.buf_versions[api.nvim_get_current_buf()],
    range = params.range,
    instruction = instruction,
  })
end

return M
