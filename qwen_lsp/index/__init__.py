"""The index of a repository: listing, reading, the database, building it, the map; its own process.

Must not know the LSP or who asks. Start with `reader.py`; `host.py` is the process.
"""
