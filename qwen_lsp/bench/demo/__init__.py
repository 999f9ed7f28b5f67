"""`make demo`: completion, an action and a review in small repositories.

Must not be imported by the product, only by `cli/`. Start with `__main__.py`.
"""
