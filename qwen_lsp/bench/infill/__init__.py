"""`bench infill`: holes in tested programs, filled over LSP or at the bare engine. Start with `run.py`."""
