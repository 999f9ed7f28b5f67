--- Getting the server and a model from inside Neovim: `:QwenLsp install`, `:QwenLsp models`, `:QwenLsp cancel`.
--- The server goes into a Python environment of its own under stdpath('data'); nothing half-installed stays.
local messages = require('qwen_lsp.messages')

local M = {}

local IS_WINDOWS = vim.fn.has('win32') == 1
local PYTHONS = { 'python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11' }
local NEW_ENOUGH = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'

--- The step under way, for the statusline; nil when there is none.
M.progress = nil

local running

local function notify(text, level)
  require('qwen_lsp').notify(text, level)
end

local function show(text)
  M.progress = text
  vim.cmd.redrawstatus()
end

function M.folder()
  return vim.fs.joinpath(vim.fn.stdpath('data'), 'qwen-lsp', 'venv')
end

local function in_environment(name)
  return vim.fs.joinpath(M.folder(), IS_WINDOWS and 'Scripts' or 'bin', IS_WINDOWS and name .. '.exe' or name)
end

--- The command of the server: as set up, or the one that `install` made; nil when there is neither.
function M.command()
  local cmd = require('qwen_lsp').options.cmd
  if vim.fn.executable(cmd[1]) == 1 then
    return cmd
  end
  local own = in_environment('qwen-lsp')
  if cmd[1] == 'qwen-lsp' and vim.fn.executable(own) == 1 then
    return vim.list_extend({ own }, cmd, 2)
  end
end

--- What pip installs: the wheel in this plugin, or the clone that it is a folder of.
local function package()
  local root = vim.fs.dirname(vim.fs.dirname(vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))))
  local wheels = vim.fn.glob(vim.fs.joinpath(root, 'server', 'qwen_lsp-*.whl'), false, true)
  if wheels[1] then
    return wheels[1]
  end
  local clone = vim.fs.dirname(vim.fs.dirname(root))
  return vim.fn.filereadable(vim.fs.joinpath(clone, 'pyproject.toml')) == 1 and clone or nil
end

local function python()
  for _, name in ipairs(IS_WINDOWS and { 'py', 'python' } or PYTHONS) do
    if vim.fn.executable(name) == 1 then
      local ok, ran = pcall(function()
        return vim.system({ name, '-c', NEW_ENOUGH }):wait(20000)
      end)
      if ok and ran.code == 0 then
        return name
      end
    end
  end
end

--- What an installer says, in its last lines or before them, where something can be done about it.
local REASONS = {
  { 'no_space', { 'no space left on device', 'enospc', 'not enough space' } },
  { 'proxy', { 'proxyerror', 'cannot connect to proxy', 'tunnel connection failed' } },
  {
    'offline',
    { 'name resolution', 'name or service not known', 'network is unreachable', 'connection refused', 'newconnectionerror' },
  },
}

--- Why pip failed, which says last that there is no such package: a known reason, or nil.
local function reason(lines)
  local text = table.concat(lines, '\n'):lower()
  for _, known in ipairs(REASONS) do
    for _, sign in ipairs(known[2]) do
      if text:find(sign, 1, true) then
        return messages.text(known[1])
      end
    end
  end
end

--- Run commands one after the other; `on_line` gets each line, `done` nil, or the last words of the one that
--- failed and all its lines.
local function run(commands, on_line, done)
  local command = commands[1]
  if not command then
    return done(nil)
  end
  local lines = {}
  local function read(_, data)
    for line in (data or ''):gmatch('[^\r\n]+') do
      table.insert(lines, line)
      vim.schedule(function()
        on_line(line)
      end)
    end
  end
  local ok, process = pcall(vim.system, command, { text = true, stdout = read, stderr = read }, function(ran)
    vim.schedule(function()
      if running and running.is_cancelled then
        return done(messages.text('cancelled'))
      end
      if ran.code ~= 0 then
        return done(lines[#lines] or ('%s: %d'):format(command[1], ran.code), lines)
      end
      run(vim.list_slice(commands, 2), on_line, done)
    end)
  end)
  if not ok then
    return done(tostring(process))
  end
  running.process = process
end

--- Whether something runs already; says so.
local function is_busy()
  if running then
    notify(messages.text('already'), vim.log.levels.WARN)
  end
  return running ~= nil
end

local function finish(after, failure, message)
  running = nil
  show(nil)
  notify(message, failure and vim.log.levels.ERROR or vim.log.levels.INFO)
  if after then
    after(failure)
  end
end

--- Make the environment and install the server into it. `after` gets nil, or what went wrong.
function M.install(after)
  if is_busy() then
    return
  end
  local source, program = package(), python()
  if not program then
    return finish(after, 'python', messages.text('no_python'))
  end
  if not source then
    return finish(after, 'package', messages.text('no_package'))
  end
  running = {}
  show(messages.text('installing'))
  notify(messages.text('installing'))
  local folder = M.folder()
  vim.fn.mkdir(vim.fs.dirname(folder), 'p')
  run({
    { program, '-m', 'venv', '--clear', folder },
    { in_environment('python'), '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', source },
  }, function(line)
    show(messages.text('installing') .. ' ' .. line:sub(1, 40))
  end, function(failure, lines)
    if failure then
      vim.fn.delete(folder, 'rf')
      return finish(after, failure, messages.text('install_failed', reason(lines or {}) or failure))
    end
    finish(after, nil, messages.text('installed'))
    require('qwen_lsp').start_all()
  end)
end

local function models(arguments, on_line, done)
  local command = M.command()
  if not command then
    return finish(done, 'missing', messages.text('missing', 'qwen-lsp'))
  end
  running = {}
  run({ vim.list_extend({ command[1], 'models' }, arguments) }, on_line, done)
end

--- Download a model; with no name, the one that suits this machine. `after` gets nil, or what went wrong.
function M.pull(name, after)
  if is_busy() then
    return
  end
  local arguments = name and name ~= '' and { 'pull', name } or { 'pull' }
  local shown = -1
  models(arguments, function(line)
    local percent = tonumber(line:match('^%s*(%d+) %%'))
    show(percent and ('model %d %%'):format(percent) or line:sub(1, 40))
    if not percent or percent >= shown + 20 then
      shown = percent or shown
      notify(vim.trim(line))
    end
  end, function(failure)
    if failure == 'missing' then
      return
    end
    finish(after, failure, failure and messages.text('pull_failed', failure) or messages.text('pulled'))
    if not failure then
      require('qwen_lsp').restart()
    end
  end)
end

--- Show what `qwen-lsp models list` or `recommend` prints.
local function print_models(what)
  local lines = {}
  models({ what }, function(line)
    table.insert(lines, line)
  end, function(failure)
    if failure ~= 'missing' then
      finish(nil, failure, failure or table.concat(lines, '\n'))
    end
  end)
end

--- `:QwenLsp models [list|recommend|pull [name]]`; with nothing, choose from a list.
function M.models(rest)
  local what, name = rest:match('^(%S*)%s*(%S*)$')
  if what == 'pull' then
    return M.pull(name)
  elseif what == 'list' or what == 'recommend' then
    return not is_busy() and print_models(what)
  elseif what ~= '' then
    return notify(messages.text('no_command', 'models ' .. what), vim.log.levels.ERROR)
  end
  local command = M.command()
  if not command then
    return notify(messages.text('missing', 'qwen-lsp'), vim.log.levels.WARN)
  end
  local ran = vim.system({ command[1], 'models', 'list', '--json' }, { text = true }):wait(30000)
  local ok, all = pcall(vim.json.decode, ran.stdout)
  if ran.code ~= 0 or not ok then
    return notify(vim.trim(ran.stderr), vim.log.levels.ERROR)
  end
  local choices = vim.tbl_filter(function(model)
    return not model.endpointOnly
  end, all)
  vim.ui.select(choices, {
    prompt = messages.text('choose_model'),
    format_item = function(model)
      local here = model.path ~= vim.NIL and messages.text('here') or ('%.1f GB'):format(model.sizeBytes / 1e9)
      local mark = model.isRecommended and ' · ' .. messages.text('suits') or ''
      return ('%s (%s, %s)%s'):format(model.name, here, model.licence, mark)
    end,
  }, function(model)
    if model then
      M.pull(model.name)
    end
  end)
end

--- End what runs. A download goes on where it was when it is asked for again.
function M.cancel()
  if running and running.process then
    running.is_cancelled = true
    running.process:kill('sigterm')
  end
end

return M
