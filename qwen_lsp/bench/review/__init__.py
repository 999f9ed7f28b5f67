"""`bench review`: known bugs, seeded bugs and clean changes.

Must not be imported by the product, only by `cli/`. Start with `run.py`.
"""
