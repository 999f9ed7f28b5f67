"""What is reviewed: a diff as values, the git commands behind it, the files of each side, and pieces of them.

Must not know rules, models or formats. Start with `change.py`.
"""
