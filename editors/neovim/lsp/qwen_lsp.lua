--- For `vim.lsp.enable('qwen_lsp')` without this plugin's setup(), on Neovim 0.11 and newer. Ghost text then needs
--- Neovim 0.12: vim.lsp.inline_completion.enable(true).
return {
  cmd = { 'qwen-lsp', 'serve' },
  root_markers = { '.git', 'pyproject.toml', 'package.json', 'go.mod', 'Cargo.toml', 'pom.xml' },
}
