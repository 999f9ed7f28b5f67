"""`make demo`: completion, an action and a review in small repositories. Start with `__main__.py`."""
