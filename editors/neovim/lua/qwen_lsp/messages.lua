--- The few sentences that are this client's own, in English and Chinese; all others come from the server.
local M = {}

local texts = {
  missing = {
    '`%s` is not on PATH. Install it (see editors/neovim/README.md), then restart Neovim.',
    'PATH 中找不到 `%s`。请先安装（见 editors/neovim/README.md），然后重启 Neovim。',
  },
  too_old = { 'Neovim 0.10 or newer is needed.', '需要 Neovim 0.10 或更新版本。' },
  no_server = { 'no server runs for this buffer.', '当前缓冲区没有运行中的服务器。' },
  no_command = { 'there is no `%s`.', '没有 `%s` 这个子命令。' },
  nothing_asked = { 'nothing was asked in this buffer yet.', '当前缓冲区还没有请求过补全。' },
  not_offered = { 'this server does not offer that yet: %s', '当前服务器尚不支持：%s' },
  no_action = { 'there is no action for this place.', '这里没有可用的操作。' },
  only_one = { 'there is no other suggestion.', '没有其他候选。' },
  writing = { 'writing … (q: stop)', '生成中……（q：停止）' },
  confirm = { '<CR>: apply   q: discard', '<CR>：应用   q：放弃' },
  close = { 'q: close', 'q：关闭' },
  stale = {
    'the text has changed since; nothing was applied.',
    '文本在此期间已改变，未应用任何修改。',
  },
  instruction = { 'What should be done? ', '要做什么修改？' },
  no_findings = { 'no findings.', '没有发现问题。' },
  findings = { '%d findings.', '发现 %d 个问题。' },
  no_finding_here = { 'there is no finding on this line.', '这一行没有审查结果。' },
  state_starting = { 'starting', '启动中' },
  state_loading = { 'loading', '加载中' },
  state_ready = { 'ready', '就绪' },
  state_busy = { 'busy', '生成中' },
  state_slow = { 'slow', '较慢' },
  state_off = { 'off', '已关闭' },
  state_error = { 'error', '出错' },
}

--- The user's language, as a locale such as `zh-CN`.
function M.locale()
  local name = vim.v.lang:match('^[%a]+[_-]?%a*')
  return name and #name > 1 and name:gsub('_', '-') or 'en'
end

function M.text(key, ...)
  local pair = texts[key] or { key, key }
  return pair[M.locale():lower():sub(1, 2) == 'zh' and 2 or 1]:format(...)
end

return M
