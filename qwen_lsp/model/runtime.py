"""Where the windows of a user find their shared engine: a folder of that user alone, a state file, two locks.

The state file says where the shared engine's process listens and holds the key that proves who it is; the
lock of the process, held for as long as it lives, is what makes it the only one. Starts and connects nothing.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

from qwen_lsp import files

if TYPE_CHECKING:
    from filelock import BaseFileLock

PROCESS = "qwen_lsp.model.broker"
_MAX_BYTES = 10_000
_LOOK_S = 0.05


class Meeting(msgspec.Struct, frozen=True):
    """The content of the state file. `started` is the time on the wall clock, for people."""

    port: int
    key: str
    pid: int
    started: float
    version: str
    build: str


def build() -> str:
    """Return the version of the engine's library."""
    from importlib import metadata

    try:
        return metadata.version("xllamacpp")
    except metadata.PackageNotFoundError:
        return ""


def folder() -> Path:
    """Return the user's runtime folder of this machine, which need not exist."""
    import platformdirs

    named = os.environ.get("XDG_RUNTIME_DIR", "")
    # `su` and `sudo -E` leave that of the other user, whose engine must not get our code, nor ours theirs.
    if os.path.isabs(named) and os.path.isdir(named) and _is_ours(named):
        return Path(named) / "qwen-lsp"
    # A home may be a share that several machines see.
    machine = re.sub(r"[^A-Za-z0-9.-]", "_", platform.node())[:64] or "machine"
    return Path(platformdirs.user_cache_dir("qwen-lsp", appauthor=False)) / "run" / machine


def _is_ours(folder: str) -> bool:
    return sys.platform == "win32" or os.stat(folder).st_uid == os.getuid()


def prepare(place: Path) -> None:
    """Make the folder, for its user alone. Raises: OSError when it cannot be made or is another user's."""
    files.private_folder(place)
    if sys.platform != "win32":
        status = place.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise PermissionError(1, "it is not a folder of this user alone", str(place))


def read(place: Path) -> Meeting | None:
    """Return what the state file says; None where there is none, or nothing readable."""
    try:
        return msgspec.json.decode(files.read(_state_file(place), _MAX_BYTES), type=Meeting)
    except (OSError, msgspec.DecodeError):
        return None


def write(place: Path, meeting: Meeting) -> None:
    """Write the state file in one step. Raises: OSError."""
    files.write_private(_state_file(place), msgspec.json.encode(meeting))


def remove(place: Path) -> None:
    """Delete the state file: nobody listens there any more."""
    with contextlib.suppress(OSError):
        _state_file(place).unlink()


def _state_file(place: Path) -> Path:
    return place / "engine.json"


def claim(place: Path, patience_s: float) -> BaseFileLock | None:
    """Take the lock that the process of the shared engine holds until it ends; None where another has it.

    One that is just ending, and so has no state file any more, is waited for.
    Raises: OSError when there can be no lock there.
    """
    from filelock import Timeout

    lock, end_s = _lock(place / "engine.lock"), time.monotonic() + patience_s
    while True:
        try:
            lock.acquire(blocking=False)
            return lock
        except Timeout:
            if read(place) is not None or time.monotonic() > end_s:
                return None
        time.sleep(_LOOK_S)


@asynccontextmanager
async def starting(place: Path, patience_s: float) -> AsyncIterator[None]:
    """Let one window start the process while others wait; one that takes too long is not waited for.

    Raises: OSError when there can be no lock there.
    """
    import asyncio

    from filelock import Timeout

    lock = _lock(place / "start.lock")
    end_s = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            if asyncio.get_running_loop().time() > end_s:
                break  # its holder hangs; the lock of the process still lets only one live
        await asyncio.sleep(_LOOK_S)
    try:
        yield
    finally:
        lock.release()


def _lock(file: Path) -> BaseFileLock:
    from filelock import FileLock

    # A file that only says that there is a lock would stay when its holder is killed.
    return FileLock(file, mode=0o600, thread_local=False, fallback_to_soft=False)


def process_of(meeting: Meeting, place: Path) -> psutil.Process | None:
    """Return the process that wrote the state file, if it is alive.

    It is known by its command line, which names this folder: a process id may have been given away since,
    and start times move with the clock.
    """
    try:
        process = psutil.Process(meeting.pid)
        command = process.cmdline()
    except psutil.Error:
        return None
    return process if PROCESS in command and str(place) in command else None
