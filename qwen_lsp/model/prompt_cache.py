"""How much memory an engine may keep earlier prompts in where the user has set none. Pure."""

from __future__ import annotations

# A token of a 32B takes 256 KiB, so of large models fewer places are kept. Also where the file says nothing.
_MAX_MIB = 256


def size_mib(kv_bytes_per_token: int, context_tokens: int) -> int:
    """Return the memory for the states of as many tokens as a slot holds."""
    if not kv_bytes_per_token:
        return _MAX_MIB
    return min(max(kv_bytes_per_token * context_tokens >> 20, 1), _MAX_MIB)
