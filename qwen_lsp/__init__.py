"""A local-first coding assistant for every LSP editor, on a Qwen Coder model."""

__version__ = "0.1.0"
