"""Shortens signatures for a prompt: what a call needs stays, what only a reader needs goes. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

# Longer values and signatures are shortened. Units: characters.
_BRIEF_VALUE, _BRIEF_SIGNATURE = 24, 72


@lru_cache(maxsize=20_000)
def brief(signature: str, kind: str) -> str:
    """Shorten a signature: no values of fields, no types and defaults in a long list of parameters."""
    if kind in ("field", "variable", "constant"):
        name, _, value = signature.partition("=")
        return name.rstrip() if len(value) > _BRIEF_VALUE else signature
    opened = signature.find("(")
    if len(signature) <= _BRIEF_SIGNATURE or opened < 0:
        return signature
    closed = _closing(signature, opened)
    names = [_parameter(part) for part in _split(signature[opened + 1 : closed])]
    return f"{signature[: opened + 1]}{', '.join(name for name in names if name)}{signature[closed:]}"


def _parameter(text: str) -> str:
    """Return the name of a parameter; all of it where the type comes first or is not clear."""
    head = re.split(r"\s*\??:|\s*=", text.strip(), maxsplit=1)[0]
    return head if not re.search(r"\s", head) else text.strip()


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "([{<") - (char in ")]}>")
        if char == "," and depth <= 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _closing(text: str, opened: int) -> int:
    depth = 0
    for at in range(opened, len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0:
            return at
    return len(text)
