"""Owns: `qwen-lsp bench windows`, several windows and one engine, with and without a review beside.

Must not know: prompts of the product, how a window is drawn. Start with run.py.
"""
