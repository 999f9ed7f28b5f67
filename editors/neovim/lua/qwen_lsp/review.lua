--- Review: the server publishes its findings as diagnostics; here they also fill the quickfix list.
local messages = require('qwen_lsp.messages')

local M = {}

--- The findings of the last review, for dismissals.
local findings = {}

local function plugin()
  return require('qwen_lsp')
end

local SEVERITIES = { error = 'E', warning = 'W' }

--- The client, if it runs and its server has this command; else say what is missing.
local function client_for(command)
  local client = plugin().client()
  if not client then
    plugin().notify(messages.text('no_server'))
  elseif not plugin().offers(client, command) then
    plugin().notify(messages.text('not_offered', command))
  else
    return client
  end
end

--- Keep the findings and put them into the quickfix list.
local function list(found)
  findings = found
  local items = vim.tbl_map(function(finding)
    return {
      filename = vim.uri_to_fname(finding.uri),
      lnum = finding.range.start.line + 1,
      col = finding.range.start.character + 1,
      type = SEVERITIES[finding.severity] or 'I',
      text = ('[%s] %s'):format(finding.rule, finding.message),
    }
  end, findings)
  vim.fn.setqflist({}, ' ', { title = 'qwen-lsp', items = items })
end

--- Review the 'workspace' (its changes) or this 'file'; the findings go to the quickfix list.
function M.run(scope)
  local client = client_for('qwenLsp.review')
  if not client then
    return
  end
  local argument = { scope = scope }
  if scope == 'file' then
    argument.uri = vim.uri_from_bufnr(0)
  end
  plugin().execute(client, 'qwenLsp.review', argument, function(result)
    if not result or result.status == 'failed' then
      return -- the server has reported why
    end
    list(result.findings or {})
    if #findings == 0 then
      return plugin().notify(type(result.summary) == 'string' and result.summary or messages.text('no_findings'))
    end
    plugin().notify(messages.text('findings', #findings))
    vim.cmd('botright copen')
  end)
end

--- Write a commit message for what is staged: into this buffer where it is one for a message, else into a register.
function M.commit_message()
  local command = 'qwenLsp.commitMessage'
  local client = client_for(command)
  if not client then
    return
  end
  local bufnr = vim.api.nvim_get_current_buf()
  plugin().execute(client, command, { uri = vim.uri_from_fname(vim.fn.getcwd()) }, function(answer)
    if not answer or answer.message == '' then
      return -- the server has reported why
    end
    if vim.bo[bufnr].filetype == 'gitcommit' and vim.api.nvim_buf_is_loaded(bufnr) then
      return vim.api.nvim_buf_set_lines(bufnr, 0, 0, false, vim.split(answer.message, '\n'))
    end
    vim.fn.setreg('"', answer.message)
    plugin().notify(answer.message)
  end)
end

--- Dismiss the finding on this line: the finding ('fingerprint'), its 'rule', or all of this 'path'.
function M.dismiss(what)
  local client = client_for('qwenLsp.dismiss')
  if not client then
    return
  end
  local uri, line = vim.uri_from_bufnr(0), vim.api.nvim_win_get_cursor(0)[1] - 1
  for _, finding in ipairs(findings) do
    local range = finding.range
    if finding.uri == uri and range.start.line <= line and line <= range['end'].line then
      local argument = { uri = uri, [what] = finding[what] }
      return plugin().execute(client, 'qwenLsp.dismiss', argument, function(is_done)
        if is_done then
          list(vim.tbl_filter(function(other)
            return other[what] ~= finding[what]
          end, findings))
        end
      end)
    end
  end
  plugin().notify(messages.text('no_finding_here'))
end

return M
