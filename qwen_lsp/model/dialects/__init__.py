"""How endpoints are spoken to: one file a dialect, each a value of `dialect.Dialect`.

Only here stand paths, bodies and answers of an API; nobody else asks what kind an endpoint is, but what it
can do. Must not know HTTP connections. Start with `dialect.py`; a new one is a file and a row in `known.py`.
"""
