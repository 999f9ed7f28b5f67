"""TOML that strangers wrote, read in time in proportion to its length.

The standard library walks a dotted key from its beginning for each of its parts, and nests as deep as the
text does. Knows nothing of what is in a file.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

_MAX_PARTS = 100
# What may be one dotted key; a text in quotes that looks like it has no hundred dots either.
_KEY = re.compile(r"[\w.\-\"' \t]++")


def loads(text: str) -> dict[str, Any]:
    """Read a text. Raises: ValueError, which says what is wrong, also of a number or a depth out of range."""
    if any(key.count(".") >= _MAX_PARTS for key in _KEY.findall(text)):
        raise ValueError(f"a key has more than {_MAX_PARTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
