"""A local-first coding assistant for every LSP editor, on a Qwen Coder model.

Must not know an editor. Start with ARCHITECTURE.md, then `completion/completer.py`, `actions/run.py` and
`review/reviewer.py`. The modules beside this file are the ground floor, which everything may import.
"""

__version__ = "0.1.0"
