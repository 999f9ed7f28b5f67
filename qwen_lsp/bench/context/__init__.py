"""`bench context`: lines that need a name from another file, under several contexts. Start with `run.py`."""
