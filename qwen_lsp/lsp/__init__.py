"""The only code that knows the LSP: an editor's message becomes a value and a call.

`session.py` is what a client has open and what answers it; `client.py` is what is sent to it; `requests/`
has a file for each method. Must not know prompts, HTTP or SQLite. Start with `server.py`.
"""
