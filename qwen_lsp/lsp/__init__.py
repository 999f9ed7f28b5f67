"""The only code that knows the LSP: an editor's message becomes a value and a call.

Must not know prompts, HTTP or SQLite. Start with `server.py`, which puts a session together.
"""
