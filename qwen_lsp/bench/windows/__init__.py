"""`qwen-lsp bench windows`: several windows and one engine. Start with run.py."""
