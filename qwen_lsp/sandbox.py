"""What a child that reads the files of others may still do: nothing but read, where the system offers that.

Linux: Landlock and `no_new_privs`, so that neither it nor what it starts writes outside of the folders it is
given or opens a connection; every POSIX system: limits on memory and processor time. A system that has less
is no error; `available()` says what applies. Restrictions cannot be taken back.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

# A parser of one file of at most some megabytes: a few hundred megabytes at the most.
MAX_PARSER_BYTES = 4 << 30
MAX_FILE_CPU_S = 60

# Source: linux/landlock.h and landlock(7). The calls have the same numbers everywhere but on Alpha.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE = 1 << 1, 1 << 4, 1 << 5
_MAKE = sum(1 << bit for bit in range(6, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14  # since versions 2 and 3
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1  # since version 4


def _landlock_version() -> int:
    """Return the version of Landlock that the kernel offers; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    version: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    return max(version, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def available() -> list[str]:
    """Name what applies on this system, for people."""
    found: list[str] = []
    version = _landlock_version()
    if version:
        connections = ", no TCP" if version >= 4 else ""
        found.append(f"Landlock {version} (no writing outside of the index{connections})")
    if sys.platform == "linux":
        found.append("no_new_privs")
    if os.name == "posix":
        found.append("limits of memory and processor time")
    return found


def read_only(writable: Iterable[Path] = ()) -> bool:
    """Let this thread, and what it starts from now on, write below these folders only and connect nowhere.

    Call it before any other thread is started. Return whether the kernel does so.
    """
    if sys.platform != "linux":
        return False
    libc = _libc()
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    version = _landlock_version()
    if not version:
        return False
    file_rights = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE
    file_rights |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    ruleset = struct.pack("=QQ", file_rights, _BIND_TCP | _CONNECT_TCP)[: 16 if version >= 4 else 8]
    handle = libc.syscall(_CREATE_RULESET, ruleset, ctypes.c_size_t(len(ruleset)), 0)
    if handle < 0:
        return False
    try:
        for folder in writable:
            _allow(libc, handle, folder, file_rights)
        _allow(libc, handle, Path(os.devnull), _WRITE_FILE | (file_rights & _TRUNCATE))
        return bool(libc.syscall(_RESTRICT_SELF, handle, 0) == 0)
    finally:
        os.close(handle)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = struct.pack("=Qi", rights, opened)  # packed, as the kernel declares it
        libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(opened)


def limit_memory(max_bytes: int = MAX_PARSER_BYTES) -> None:
    """Let this process have so much address space at most; beyond it, it fails and not the machine."""
    if sys.platform != "win32":
        import resource

        _lower(resource.RLIMIT_AS, max_bytes)


def limit_cpu(seconds: int = MAX_FILE_CPU_S) -> None:
    """Let this process use so much more processor time; then the system ends it. Each call begins again."""
    if sys.platform != "win32":
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + seconds)


def _lower(limit: int, value: int) -> None:
    import resource

    _, hard = resource.getrlimit(limit)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(limit, (value, hard))
    except (OSError, ValueError):  # macOS does not limit address space
        return


def limit_child(pid: int, max_bytes: int, seconds: int) -> None:
    """Give a child that has just been started these limits, where the system can."""
    if sys.platform == "linux":
        import resource

        for limit, value in ((resource.RLIMIT_AS, max_bytes), (resource.RLIMIT_CPU, seconds)):
            with contextlib.suppress(OSError, ValueError):  # it has ended already, or has less
                resource.prlimit(pid, limit, (value, value))
