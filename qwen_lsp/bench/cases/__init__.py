"""`bench cases`: places with what should come there, asked by hand and unasked.

Must not be imported by the product, only by `cli/`. Start with `run.py`.
"""
