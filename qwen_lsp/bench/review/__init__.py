"""`bench review`: known bugs, seeded bugs and clean changes. Start with `run.py`."""
