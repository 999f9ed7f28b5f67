--- qwen-lsp for Neovim 0.10 and newer: starts the server and shows what it says.
--- It owns the client, the keys, the command `:QwenLsp` and the statusline. Everything about models,
--- prompts and files is the server's. Help: `:help qwen-lsp`.
local messages = require('qwen_lsp.messages')

local M = {}

--- What `setup` takes; `settings` are the server's own (`qwen-lsp config schema`).
M.defaults = {
  cmd = { 'qwen-lsp', 'serve' },
  settings = {},
  native = true,
  attach = function(_)
    return true
  end,
  keys = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-Down>',
    next = '<M-]>',
    previous = '<M-[>',
    dismiss = '<C-]>',
    trigger = '<M-\\>',
    edit = false, -- in normal and visual mode
    actions = false,
  },
}

local NAME = 'qwen-lsp'
local ROOT_MARKERS = { '.git', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml', 'pom.xml' }

--- The last `qwenLsp/status` of the server.
M.server_status = nil
M.options = M.defaults

local reported = {}
local snooze = vim.uv.new_timer()

--- Whether Neovim's own inline completion is used; `native = false` prefers ours, which also streams.
function M.is_native()
  return M.options.native and vim.lsp.inline_completion ~= nil
end

--- Where suggestions are shown: by Neovim's own inline completion where it has one (0.12), else by ours.
function M.suggestions()
  return M.is_native() and require('qwen_lsp.native') or require('qwen_lsp.ghost')
end

--- The running client of a buffer, the current one by default, else any of ours; nil when there is none.
function M.client(bufnr)
  local own = vim.lsp.get_clients({ name = NAME, bufnr = bufnr or vim.api.nvim_get_current_buf() })
  return own[1] or vim.lsp.get_clients({ name = NAME })[1]
end

--- Call a method of a client, which is a plain function before Neovim 0.11.
function M.call(client, method, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return client[method](client, ...)
  end
  return client[method](...)
end

function M.notify(text, level)
  vim.notify('qwen-lsp: ' .. text, level or vim.log.levels.INFO)
end

--- Whether the server knows a command; one it does not offer is reported, not tried.
function M.offers(client, command)
  local provider = client.server_capabilities.executeCommandProvider
  return provider ~= nil and vim.tbl_contains(provider.commands or {}, command)
end

--- Run a command of the server; `done` gets its result. Returns the request's id.
function M.execute(client, command, argument, done)
  local params = { command = command, arguments = { argument } }
  local _, id = M.call(client, 'request', 'workspace/executeCommand', params, function(error, result)
    if error then
      M.notify(error.message, vim.log.levels.WARN)
    end
    done(not error and result ~= vim.NIL and result or nil)
  end, 0)
  return id
end

local function on_status(_, status)
  M.server_status = status
  -- The server's program may be in an environment that no shell knows.
  local model = status.remedy:match('`qwen%-lsp models pull ?([^`]*)`')
  status.remedy = model and messages.text('pull_here', model) or status.remedy
  local message = status.message .. (status.remedy ~= '' and '\n' .. status.remedy or '')
  if status.state == 'error' and not reported[message] then
    reported[message] = true
    M.notify(message, vim.log.levels.WARN)
  end
  vim.api.nvim_exec_autocmds('User', { pattern = 'QwenLspStatus', modeline = false })
  vim.cmd.redrawstatus()
end

local function client_config(root)
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  capabilities.textDocument.inlineCompletion = { dynamicRegistration = false }
  capabilities.general.positionEncodings = { 'utf-8' } -- columns are bytes, as in Neovim itself
  local settings = vim.deepcopy(M.options.settings)
  local client = {
    streamCompletion = not M.is_native(),
    streamActions = true,
    applyActions = true,
    renderMarkdown = true,
    status = true,
    explain = true,
  }
  return {
    name = NAME,
    cmd = require('qwen_lsp.setup').command(),
    root_dir = root,
    capabilities = capabilities,
    init_options = vim.tbl_extend('force', settings, { client = client }),
    settings = { qwenLsp = settings },
    before_init = function(params)
      params.locale = messages.locale()
    end,
    handlers = {
      ['qwenLsp/status'] = on_status,
      ['qwenLsp/inlineCompletion/partial'] = function(_, partial)
        require('qwen_lsp.ghost').on_partial(partial)
      end,
      ['qwenLsp/stream'] = function(_, streamed)
        require('qwen_lsp.actions').on_stream(streamed)
      end,
    },
    commands = {
      ['qwenLsp.action'] = function(command, context)
        require('qwen_lsp.actions').run_command(command, context.client_id)
      end,
    },
    on_attach = function(attached, bufnr)
      M.suggestions().attach(attached, bufnr)
      require('qwen_lsp.hints').attach(attached, bufnr)
    end,
    on_exit = function()
      M.server_status = nil
    end,
  }
end

--- Start the server for a buffer, or join the one that runs: two would hold the model twice.
function M.start(bufnr)
  if vim.bo[bufnr].buftype ~= '' or not M.options.attach(bufnr) then
    return
  end
  if not require('qwen_lsp.setup').command() then
    if not reported.missing then
      reported.missing = true
      M.notify(messages.text('missing', M.options.cmd[1]), vim.log.levels.WARN)
    end
    return
  end
  local root = vim.fs.root(bufnr, ROOT_MARKERS)
  local before = M.client()
  local id = vim.lsp.start(client_config(root), {
    bufnr = bufnr,
    reuse_client = function(client)
      return client.name == NAME
    end,
  })
  if id and root and before and before.id == id then
    M.add_folder(before, root)
  end
end

--- Tell a running server of one more workspace folder.
function M.add_folder(client, root)
  local folder = { uri = vim.uri_from_fname(root), name = root }
  for _, known in ipairs(client.workspace_folders or {}) do
    if known.uri == folder.uri then
      return
    end
  end
  client.workspace_folders = vim.list_extend(client.workspace_folders or {}, { folder })
  local event = { added = { folder }, removed = {} }
  M.call(client, 'notify', 'workspace/didChangeWorkspaceFolders', { event = event })
end

--- Text for a statusline: `qwen` and what the server is doing, with its speed; empty without a server.
function M.status()
  local status = M.server_status
  local progress = require('qwen_lsp.setup').progress
  if progress then
    return 'qwen ' .. progress
  end
  if not status then
    return ''
  end
  local speed = status.tokensPerSecond and (' %d t/s'):format(status.tokensPerSecond) or ''
  return 'qwen ' .. messages.text('state_' .. status.state) .. speed
end

--- Switch suggestions off or on until Neovim ends, or off for some minutes.
function M.pause(is_paused, minutes)
  local client = M.client()
  snooze:stop()
  if is_paused and minutes then
    snooze:start(minutes * 60000, 0, vim.schedule_wrap(function()
      M.pause(false)
    end))
  end
  if client then
    local change = { completion = { enabled = not is_paused } }
    client.settings = vim.tbl_deep_extend('force', client.settings, { qwenLsp = change })
    M.call(client, 'notify', 'workspace/didChangeConfiguration', { settings = client.settings })
    M.suggestions().dismiss()
  end
end

--- Say why the last suggestion came or did not come. `done` gets the record instead, if given.
function M.explain(done)
  local client = M.client()
  if not client then
    return M.notify(messages.text('no_server'))
  end
  local params = { textDocument = vim.lsp.util.make_text_document_params() }
  M.call(client, 'request', 'qwenLsp/explain', params, function(_, record)
    if done then
      return done(record)
    end
    local message = record and record.summary or messages.text('nothing_asked')
    M.notify(message .. (record and record.remedy ~= '' and '\n' .. record.remedy or ''))
  end, 0)
end

--- End the server and start it again for every open buffer. Returns at once.
function M.restart()
  local client = M.client()
  if client then
    M.call(client, 'stop')
  end
  local left = 100
  local function again()
    left = left - 1
    if M.client() and left > 0 then
      return vim.defer_fn(again, 50)
    end
    M.start_all()
  end
  again()
end

--- Accept the suggestion, or its next 'word' or 'line'; false when none is shown. For mappings of your own.
function M.accept(part)
  local suggestions = M.suggestions()
  if M.is_native() then
    return suggestions.accept(part) -- Neovim knows whether there is one
  end
  if not suggestions.is_visible() then
    return false
  end
  vim.schedule(function()
    suggestions.accept(part)
  end)
  return true
end

--- Whether a suggestion is shown.
function M.is_visible()
  return M.suggestions().is_visible()
end

--- Start the server for every open buffer that has a filetype.
function M.start_all()
  reported.missing = nil
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype ~= '' then
      M.start(bufnr)
    end
  end
end

local subcommands = {
  status = function()
    local status = M.server_status
    local parts = status and { status.message, status.remedy, status.model } or { messages.text('no_server') }
    M.notify(table.concat(vim.tbl_filter(function(part)
      return part ~= ''
    end, parts), '\n'))
  end,
  explain = function()
    M.explain()
  end,
  trigger = function()
    M.suggestions().trigger()
  end,
  pause = function(_, minutes)
    if minutes ~= '' and not tonumber(minutes) then
      return M.notify(messages.text('bad_minutes', minutes), vim.log.levels.ERROR)
    end
    M.pause(true, tonumber(minutes))
  end,
  resume = function()
    M.pause(false)
  end,
  restart = M.restart,
  install = function()
    require('qwen_lsp.setup').install()
  end,
  models = function(_, rest)
    require('qwen_lsp.setup').models(rest)
  end,
  cancel = function()
    require('qwen_lsp.setup').cancel()
  end,
  actions = function(call)
    require('qwen_lsp.actions').choose(call)
  end,
  edit = function(call, instruction)
    require('qwen_lsp.actions').edit(call, instruction)
  end,
  review = function(_, scope)
    require('qwen_lsp.review').run(scope ~= '' and scope or 'workspace')
  end,
  commit = function()
    require('qwen_lsp.review').commit_message()
  end,
  dismiss = function(_, what)
    require('qwen_lsp.review').dismiss(what ~= '' and what or 'fingerprint')
  end,
}

local function on_command(call)
  local name, rest = call.args:match('^(%S+)%s*(.*)$')
  if not subcommands[name] then
    return M.notify(messages.text('no_command', name), vim.log.levels.ERROR)
  end
  subcommands[name](call, rest)
end

local arguments = {
  models = { 'list', 'pull', 'recommend' },
  review = { 'file' },
  dismiss = { 'fingerprint', 'path', 'rule' },
  pause = { '15', '60' },
}

local function complete_command(lead, line)
  local before = line:sub(1, #line - #lead)
  local command = before:match('QwenLsp%s+(%S+)%s+$')
  local choices = {}
  if command then
    choices = arguments[command] or {}
  elseif not before:match('QwenLsp%s+%S') then
    choices = vim.fn.sort(vim.tbl_keys(subcommands))
  end
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, choices)
end

--- Say which options are no options, or of the wrong kind; what is right of them holds.
local function check(options)
  local kinds = { cmd = 'table', settings = 'table', native = 'boolean', attach = 'function', keys = 'table' }
  for name, value in pairs(options) do
    if kinds[name] == nil then
      M.notify(messages.text('bad_option', name), vim.log.levels.WARN)
    elseif type(value) ~= kinds[name] then
      M.notify(messages.text('bad_kind', name, kinds[name]), vim.log.levels.WARN)
      options[name] = nil
    end
  end
  for name, key in pairs(options.keys or {}) do
    if M.defaults.keys[name] == nil then
      M.notify(messages.text('bad_option', 'keys.' .. name), vim.log.levels.WARN)
    elseif key ~= false and type(key) ~= 'string' then
      M.notify(messages.text('bad_kind', 'keys.' .. name, 'string'), vim.log.levels.WARN)
      options.keys[name] = nil
    end
  end
  return options
end

--- Start with Neovim: servers for buffers, keys, `:QwenLsp`. A key that is `false` is not mapped.
function M.setup(options)
  if vim.fn.has('nvim-0.10') == 0 then
    return M.notify(messages.text('too_old'), vim.log.levels.ERROR)
  end
  M.options = vim.tbl_deep_extend('force', M.defaults, check(vim.deepcopy(options or {})))
  vim.api.nvim_set_hl(0, 'QwenLspGhost', { link = 'NonText', default = true })
  vim.api.nvim_set_hl(0, 'QwenLspHint', { link = 'Comment', default = true })
  require('qwen_lsp.keys').map(M.options.keys)
  vim.api.nvim_create_user_command('QwenLsp', on_command, {
    nargs = '+',
    range = true,
    complete = complete_command,
    desc = 'qwen-lsp: suggestions, actions and review',
  })
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('qwen_lsp', {}),
    callback = function(event)
      M.start(event.buf)
    end,
  })
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype ~= '' then
      M.start(bufnr)
    end
  end
end

return M
