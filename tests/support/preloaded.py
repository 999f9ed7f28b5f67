"""`qwen-lsp` with its imports done once: the real command line, a second of processor time cheaper each time.

A process imports everything and then forks a program for whoever connects to its socket, with that one's
streams, environment, folder and arguments. `program()` is what connects; it ends as the forked one does.
Tests of the process itself (signals, memory, imports, its own children) take the real program.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from qwen_lsp.bench.editor import SERVER_COMMAND
from tests.support.places import REPOSITORY

_CLIENT = Path(__file__).with_name("preloaded_client.py")
_FORKS = Path(__file__).with_name("preloaded_server.py")


def program() -> tuple[str, ...]:
    """Return what stands in for `qwen-lsp`; outside Linux, the real one."""
    if sys.platform != "linux":
        return SERVER_COMMAND[:4]
    return (sys.executable, "-I", "-S", str(_CLIENT), _socket())


def command() -> tuple[str, ...]:
    """Return what starts a server, in place of `SERVER_COMMAND`."""
    return (*program(), *SERVER_COMMAND[4:])


@functools.cache
def _socket() -> str:
    """Start the process that forks; return the path of its socket. It ends when its standard input does."""
    folder = tempfile.TemporaryDirectory(prefix="qwen-lsp-preloaded-")
    path = str(Path(folder.name) / "socket")
    process = subprocess.Popen(
        [sys.executable, "-P", str(_FORKS), path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )

    def end() -> None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            process.communicate(timeout=60)
        folder.cleanup()

    atexit.register(end)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.wait()  # it has left the work to a process that is nobody's child
    return path
