"""Models and the engine: catalog, download, the engine process, HTTP to an endpoint, dialects, likelihoods.

Must not know what a text means. Start with `client.py`; `engine.py` starts the process.
"""
