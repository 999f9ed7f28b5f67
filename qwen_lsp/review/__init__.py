"""The review of a change: what is compared (`change/`), what is found (`find/`), its report (`report/`).

Must not know the LSP or another feature. Start with `reviewer.py`: a Change goes in, a Report comes out.
"""
