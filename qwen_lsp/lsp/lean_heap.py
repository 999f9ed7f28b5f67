"""A smaller heap for a process that one window has all day, where the C library is glibc.

Loading hundreds of modules leaves holes behind, which glibc keeps for a process that may grow again, and for
each thread a heap of its own, which Python's lock has no use for.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

# The numbers of <malloc.h>.
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
# What glibc begins with; unless it is set, it grows with each large block that is freed, and such blocks
# then leave holes.
_LARGE_BYTES = 128 << 10


def keep_small() -> None:
    """Have one heap for all threads, and large blocks outside it. Before there are threads."""
    with contextlib.suppress(OSError, AttributeError):
        if sys.platform == "linux":
            libc = ctypes.CDLL(None)
            libc.mallopt(_ARENA_MAX, 1)
            libc.mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


def give_back() -> None:
    """Give the system what is free; a few milliseconds."""
    with contextlib.suppress(OSError, AttributeError):
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
