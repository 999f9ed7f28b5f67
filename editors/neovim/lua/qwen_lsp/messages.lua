--- The few sentences that are this client's own, in English and Chinese; all others come from the server.
local M = {}

local texts = {
  missing = {
    '`%s` is not installed. Run :QwenLsp install',
    '尚未安装 `%s`。请运行 :QwenLsp install',
  },
  installing = { 'installing the server …', '正在安装服务器……' },
  installed = { 'the server is installed. Next: :QwenLsp models pull', '服务器已安装。下一步：:QwenLsp models pull' },
  install_failed = {
    'the server was not installed, and nothing of it is left: %s',
    '服务器安装失败，未留下残余文件：%s',
  },
  no_python = {
    'no Python 3.11 or newer with venv was found; install one (Debian, Ubuntu: python3-venv).',
    '没有找到带 venv 的 Python 3.11 或更新版本；请先安装（Debian、Ubuntu：python3-venv）。',
  },
  no_space = { 'the disk is full', '磁盘已满' },
  proxy = {
    'the proxy lets nothing through; HTTPS_PROXY names it (docs/install.md)',
    '代理未放行；代理由 HTTPS_PROXY 指定（见 docs/install.md）',
  },
  offline = {
    'the package registry cannot be reached. Without network: docs/install.md',
    '无法连接软件源。离线安装见 docs/install.md',
  },
  no_package = {
    'this copy of the plugin has no server in it; see docs/install.md.',
    '此插件副本不含服务器；见 docs/install.md。',
  },
  already = { 'something is being installed already; :QwenLsp cancel ends it.', '正在安装；:QwenLsp cancel 可取消。' },
  cancelled = { 'cancelled', '已取消' },
  pulled = { 'the model is downloaded.', '模型已下载。' },
  pull_failed = {
    'the model was not downloaded: %s. Run it again to resume.',
    '模型下载失败：%s。再次运行可断点续传。',
  },
  choose_model = { 'Which model? ', '选择模型：' },
  here = { 'on this machine', '已在本机' },
  suits = { 'suits this machine', '适合本机' },
  bad_option = { 'setup(): there is no option `%s`.', 'setup()：没有选项 `%s`。' },
  too_old = { 'Neovim 0.10 or newer is needed.', '需要 Neovim 0.10 或更新版本。' },
  no_server = { 'no server runs for this buffer.', '当前缓冲区没有运行中的服务器。' },
  pull_here = { 'Run `:QwenLsp models pull %s`.', '请执行 `:QwenLsp models pull %s`。' },
  bad_kind = { 'setup(): the option `%s` must be a %s; it is ignored.', 'setup()：选项 `%s` 应为 %s 类型，已忽略。' },
  bad_minutes = { '`%s` is no number of minutes.', '`%s` 不是分钟数。' },
  no_command = { 'there is no `%s`.', '没有 `%s` 这个子命令。' },
  nothing_asked = { 'no completion has been requested in this buffer yet.', '当前缓冲区尚未请求过补全。' },
  not_offered = { 'this server does not offer that yet: %s', '当前服务器尚不支持：%s' },
  no_action = { 'there is no action here.', '这里没有可用的操作。' },
  only_one = { 'there is no other suggestion.', '没有其他候选。' },
  writing = { 'writing … (q: stop)', '生成中……（q：停止）' },
  confirm = { '<CR>: apply   q: discard', '<CR>：应用   q：放弃' },
  close = { 'q: close', 'q：关闭' },
  stale = {
    'the text has changed since; nothing was applied.',
    '文本已发生变化，未应用任何修改。',
  },
  instruction = { 'How should the code be changed? ', '希望如何修改代码？' },
  no_findings = { 'no findings.', '没有发现问题。' },
  findings = { '%d findings.', '发现 %d 个问题。' },
  no_finding_here = { 'there is no finding on this line.', '这一行没有审查结果。' },
  state_starting = { 'starting', '启动中' },
  state_loading = { 'loading', '加载中' },
  state_asleep = { 'asleep', '休眠' },
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
