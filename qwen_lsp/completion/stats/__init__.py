"""What became of suggestions, as counters that stay on this machine; no code ever gets into them.

Must not know the LSP, or which suggestion it was. Start with `recorder.py`;
`database.py` keeps the counters, `report.py` sums them up.
"""
