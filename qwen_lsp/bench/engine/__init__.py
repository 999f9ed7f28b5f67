"""`bench engine`: how fast our engine reads and writes, and what its settings do to that.

Must not be imported by the product, only by `cli/`. Start with `run.py`.
"""
