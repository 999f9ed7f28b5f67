"""`bench context`: lines that need a name from another file, under several contexts.

Must not be imported by the product, only by `cli/`. Start with `run.py`.
"""
