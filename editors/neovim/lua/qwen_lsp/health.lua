--- `:checkhealth qwen_lsp`: is there a Neovim, a server and a model to work with?
local M = {}

function M.check()
  local plugin, health = require('qwen_lsp'), vim.health
  health.start('qwen-lsp')
  if vim.fn.has('nvim-0.10') == 0 then
    return health.error('Neovim 0.10 or newer is needed')
  end
  local drawn_by = plugin.is_native() and "Neovim's own inline completion" or 'qwen-lsp'
  health.ok('suggestions are drawn by ' .. drawn_by)
  local program = plugin.options.cmd[1]
  local command = require('qwen_lsp.setup').command()
  if not command then
    return health.error(('`%s` is not installed'):format(program), {
      'install it: `:QwenLsp install`, or as docs/install.md says',
      "or name it: require('qwen_lsp').setup({ cmd = { '/path/to/qwen-lsp', 'serve' } })",
    })
  end
  program = command[1]
  local ran = vim.system({ program, '--version' }, { text = true }):wait(20000)
  if ran.code ~= 0 then
    return health.error(('`%s --version` fails: %s'):format(program, ran.stderr or ''))
  end
  health.ok(('%s is %s'):format(vim.trim(ran.stdout), vim.fn.exepath(program)))
  if not plugin.client() then
    return health.warn('no server runs: open a file that has a filetype', { 'is setup() called in init.lua?' })
  end
  local status = plugin.server_status
  if not status then
    return health.warn('the server has not reported its state yet; run this again')
  end
  local message = ('%s (%s)'):format(status.message, status.model ~= '' and status.model or 'no model')
  if status.state == 'error' then
    health.error(message, { status.remedy, 'run in a shell: qwen-lsp doctor' })
  else
    health.ok(message)
  end
end

return M
