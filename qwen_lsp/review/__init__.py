"""The review of a change: what is compared (`change/`), what is found (`find/`), how it is told (`report/`).

Must not know the LSP or another feature. Start with `reviewer.py`: a Change goes in, a Report comes out.
"""
