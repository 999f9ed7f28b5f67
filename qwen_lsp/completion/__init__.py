"""One inline completion: prompt, pacing, generation, answer, filters, gates, cache.

Must not know the LSP, HTTP or another feature. Start with `completer.py`, the story of one request.
"""
