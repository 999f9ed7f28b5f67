"""Code actions: listed at once without the model, carried out and checked when one is chosen.

Must not know the LSP, HTTP or another feature. Start with `run.py`, which picks the way an action goes.
"""
