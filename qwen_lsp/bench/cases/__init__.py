"""`bench cases`: places with what should come there, asked by hand and unasked. Start with `run.py`."""
