"""`bench infill`: holes in tested programs, filled over LSP or at the bare engine.

Must not be imported by the product, only by `cli/`. Start with `run.py`.
"""
