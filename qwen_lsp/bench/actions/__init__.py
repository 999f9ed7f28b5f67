"""`bench actions`: actions judged by tests and by syntax. Start with `run.py`."""
