"""One file for each method that a client calls: convert in, one call, convert out.

Must not know how anything works, and keeps no state: that is the session's. A file is named like its method.
Start with `inline_completion.py`.
"""
