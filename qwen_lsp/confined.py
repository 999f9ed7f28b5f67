"""Runs a program of the user's on code that nobody has read yet: confined by the kernel, or not at all.

It can write to the folders that it is given alone, open no TCP connection, and use so much memory and time.
Where the system has no such means (anything but Linux with Landlock), `run` starts nothing. Knows nothing of
what is run or why.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qwen_lsp import sandbox
from qwen_lsp.child import environment

_MAX_BYTES = 4 << 30


def run(
    command: Sequence[str],
    folder: Path,
    *,
    writable: Path,
    stdin: str = "",
    variables: Mapping[str, str] | None = None,
    timeout_s: int = 30,
) -> str | None:
    """Run a program in a folder; return what it wrote to stdout, None where it cannot be confined.

    `writable` is the one folder that it can write to; it is also its home and its temporary folder.
    Raises: OSError, subprocess.SubprocessError when it cannot be started or takes too long.
    """
    env = environment() | {"HOME": str(writable), "TMPDIR": str(writable), **(variables or {})}

    def start() -> subprocess.Popen[str] | None:
        if not sandbox.read_only([writable]):
            return None
        return subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    # A thread of its own: what it may no longer do, neither may what it starts, but everybody else.
    with ThreadPoolExecutor(1) as starter:
        process = starter.submit(start).result()
    if process is None:
        return None
    sandbox.limit_child(process.pid, _MAX_BYTES, timeout_s)
    try:
        return process.communicate(stdin, timeout=timeout_s)[0]
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End the program and whatever it has started."""
    try:
        os.killpg(process.pid, 9)
    except (OSError, AttributeError):
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
