"""`bench index`: indexing against bare parsing. Start with `run.py`."""
