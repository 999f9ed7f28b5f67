rootProject.name = "qwen-lsp-jetbrains"
