"""A child process that must not outlive its parent: by the kernel where it can, by stdin everywhere.

Knows nothing of what the child does.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGKILL when the parent dies, where it can; end at once if it is dead already.

    On other systems an orphan notices the end of its stdin, as soon as it reads from it again.
    """
    ask_for_death_signal()
    if os.name == "posix" and os.getppid() != parent:
        os._exit(1)


def ask_for_death_signal() -> None:
    """Ask for SIGKILL when the thread that started this process ends. Source: prctl(2), PR_SET_PDEATHSIG."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
