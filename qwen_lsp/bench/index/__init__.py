"""`bench index`: indexing against bare parsing.

Must not be imported by the product, only by `cli/`. Start with `run.py`.
"""
