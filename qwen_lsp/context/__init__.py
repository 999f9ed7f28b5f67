"""What else helps at a cursor: sources, ranking, packing, recent edits.

Must not know the LSP, SQLite or the exact prompt. Start with `gather.py`.
"""
