"""`bench actions`: actions judged by tests and by syntax.

Must not be imported by the product, only by `cli/`. Start with `run.py`.
"""
