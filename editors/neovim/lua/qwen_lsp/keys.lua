--- The keys of insert mode, and `<Plug>` mappings for keys of the user's own. A key does what it did before when no
--- suggestion is shown. What the keys do is the suggestions' business (ghost.lua, native.lua).
local M = {}

--- What a key did before it became ours, to be done when there is nothing to accept.
local function earlier_mapping(key)
  local map = vim.fn.maparg(key, 'i', false, true)
  if vim.tbl_isempty(map) then
    return function()
      return key
    end
  end
  return function()
    if map.callback and map.expr ~= 1 then
      vim.schedule(map.callback)
      return ''
    end
    local typed = map.callback and map.callback() or map.rhs
    typed = map.expr == 1 and not map.callback and vim.api.nvim_eval(map.rhs) or typed or ''
    if map.noremap == 1 or map.callback then
      return typed
    end
    -- What was mapped with remapping, such as a <Plug>, is typed so that its own mapping holds.
    vim.api.nvim_feedkeys(vim.keycode(typed), 'm', false)
    return ''
  end
end

--- Map the keys that are named; one that is `false` is not mapped.
function M.map(keys)
  local plugin = require('qwen_lsp')
  local suggestions = plugin.suggestions()
  local function visible(action)
    return function()
      if not suggestions.is_visible() then
        return false
      end
      vim.schedule(action)
      return true
    end
  end
  -- Each returns whether there was something to do.
  local actions = {
    accept = function()
      return plugin.accept()
    end,
    accept_word = function()
      return plugin.accept('word')
    end,
    accept_line = function()
      return plugin.accept('line')
    end,
    next = visible(suggestions.next),
    previous = visible(suggestions.previous),
    dismiss = visible(suggestions.dismiss),
  }
  for name, action in pairs(actions) do
    local key, does = keys[name], { expr = true, replace_keycodes = true, desc = 'qwen-lsp: ' .. name }
    vim.keymap.set('i', ('<Plug>(qwen-lsp-%s)'):format((name:gsub('_', '-'))), function()
      action()
      return ''
    end, does)
    if key then
      local otherwise = earlier_mapping(key)
      vim.keymap.set('i', key, function()
        return action() and '' or otherwise()
      end, does)
    end
  end
  vim.keymap.set('i', '<Plug>(qwen-lsp-trigger)', suggestions.trigger, { desc = 'qwen-lsp: trigger' })
  if keys.trigger then
    vim.keymap.set('i', keys.trigger, suggestions.trigger, { desc = 'qwen-lsp: trigger' })
  end
  -- In visual mode `:` names the selection.
  for _, name in ipairs({ 'edit', 'actions' }) do
    local does = { silent = true, desc = 'qwen-lsp: ' .. name }
    vim.keymap.set({ 'n', 'x' }, ('<Plug>(qwen-lsp-%s)'):format(name), (':QwenLsp %s<CR>'):format(name), does)
    if keys[name] then
      vim.keymap.set({ 'n', 'x' }, keys[name], (':QwenLsp %s<CR>'):format(name), does)
    end
  end
end

return M
