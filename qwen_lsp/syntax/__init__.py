"""The only code that knows tree-sitter: languages, parsing, definitions, scopes, rules and their queries.

Must not know files, models or features. Start with `languages.py` and `tree.py`.
"""
