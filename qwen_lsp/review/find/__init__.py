"""What finds: rules on syntax, review by completion, narrow questions to a chat model.

Must not know git or formats. Start with `passes.py`.
"""
