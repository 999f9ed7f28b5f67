"""A commit message for a change: what it did to which symbols, as the repository writes its messages.

Must not know models or terminals. Start with `skeleton.py`.
"""
