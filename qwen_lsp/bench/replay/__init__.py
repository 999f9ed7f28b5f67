"""`bench replay`: typing played through a real session by several policies.

Must not be imported by the product, only by `cli/`. Start with `run.py`.
"""
