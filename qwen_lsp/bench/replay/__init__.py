"""`bench replay`: typing played through a real session by several policies. Start with `run.py`."""
