"""Files: the one bounded reader of what others wrote, the one atomic write, the one way to a private place.

A reader never waits for a FIFO, never reads a device, never follows a link out of a root and never reads more
than its limit. What we keep of a user's work is for that user alone: folders 0700, files 0600. Knows nothing
of what is in a file.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Literal

Refusal = Literal["link", "special", "large"]

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # opening a FIFO must not wait for its writer
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_HAS_OPENAT = os.open in os.supports_dir_fd and _NO_FOLLOW != 0
_OWN_FOLDER = "qwen-lsp"  # what platformdirs calls every folder of ours


class Refused(OSError):
    """Raised when a file is there but is not read: a link, no regular file, or larger than the limit."""

    def __init__(self, path: str, reason: Refusal, max_bytes: int) -> None:
        why = {
            "link": "it is a link, or lies behind one",
            "special": "it is not a regular file",
            "large": f"it is larger than {max_bytes:,} bytes",
        }
        super().__init__(0, why[reason], path)
        self.reason = reason


def read(path: Path | str, max_bytes: int) -> bytes:
    """Read a file that the user named, through links. Raises: Refused, OSError."""
    return _content(os.open(path, _READ), str(path), max_bytes)


def read_below(root: Path | str, path: str, max_bytes: int) -> bytes:
    """Read the file `path` (relative, with forward slashes) of a folder that anybody may have written.

    No part of `path` may be a link. Raises: Refused, OSError.
    """
    return _content(_open_below(str(root), path, max_bytes), path, max_bytes)


def is_below(root: Path | str, path: str) -> bool:
    """Say whether a folder `path` of a root is there and is reached without a link."""
    if not path.strip("/"):
        return os.path.isdir(root)
    try:
        parts = _parts(path.rstrip("/"))
    except OSError:
        return False
    at = str(root)
    for part in parts:
        at = os.path.join(at, part)
        if not _is_plain_folder(at):
            return False
    return True


def _open_below(root: str, path: str, max_bytes: int) -> int:
    *parents, name = _parts(path)
    if not _HAS_OPENAT:
        at = root
        for part in parents:
            at = os.path.join(at, part)
            if not _is_plain_folder(at):
                raise Refused(path, "link", max_bytes)
        at = os.path.join(at, name)
        if _is_link(os.lstat(at)):
            raise Refused(path, "link", max_bytes)
        return os.open(at, _READ)
    folder = os.open(root, _FOLDER)
    try:
        for part in parents:
            below = _open_part(part, _FOLDER, folder, path, max_bytes)
            os.close(folder)
            folder = below
        return _open_part(name, _READ, folder, path, max_bytes)
    finally:
        os.close(folder)


def _open_part(part: str, flags: int, folder: int, path: str, max_bytes: int) -> int:
    try:
        return os.open(part, flags | _NO_FOLLOW, dir_fd=folder)
    except OSError:
        kind = _kind(part, folder)
        if stat.S_ISLNK(kind):
            raise Refused(path, "link", max_bytes) from None
        if stat.S_ISSOCK(kind):
            raise Refused(path, "special", max_bytes) from None
        raise


def _kind(part: str, folder: int) -> int:
    try:
        return os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return 0


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts) or (os.name == "nt" and "\\" in path):
        raise FileNotFoundError(0, "it is no path below a folder", path)
    return parts


def _is_plain_folder(path: str) -> bool:
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(status.st_mode) and not _is_link(status)


def _is_link(status: os.stat_result) -> bool:
    junction = getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0)
    return stat.S_ISLNK(status.st_mode) or bool(getattr(status, "st_file_attributes", 0) & junction)


def _content(handle: int, path: str, max_bytes: int) -> bytes:
    with open(handle, "rb") as stream:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(21, "it is a folder", path)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(path, "special", max_bytes)
        if status.st_size > max_bytes:
            raise Refused(path, "large", max_bytes)
        data = stream.read(max_bytes + 1)  # it may grow meanwhile
        if len(data) > max_bytes:
            raise Refused(path, "large", max_bytes)
        return data


def write(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace a file's content in one step: afterwards it is the old one or the new one, whole.

    Without `mode` its permissions are kept, and a new one gets the usual ones. Raises: OSError.
    """
    name = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(name, flags, 0o666 if mode is None else mode)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if mode is None and path.exists():
            os.chmod(name, stat.S_IMODE(path.stat().st_mode))
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_private(path: Path, data: bytes) -> None:
    """Replace the content of a file that only its user may read, making its folder. Raises: OSError."""
    private_folder(path.parent)
    write(path, data, mode=0o600)


def private_folder(folder: Path) -> None:
    """Make a folder that only its user may look into; one of ours that is open to others is closed.

    A folder that the user named elsewhere keeps its permissions. Raises: OSError.
    """
    missing: list[Path] = []
    at = folder
    while not at.exists() and at != at.parent:
        missing.append(at)
        at = at.parent
    for one in reversed(missing):
        with contextlib.suppress(FileExistsError):
            one.mkdir(mode=0o700)
    if not folder.is_dir():
        raise NotADirectoryError(20, "it is not a folder", str(folder))
    for one in (folder, *folder.parents):
        if _OWN_FOLDER not in one.parts:
            break
        _close_to_others(one, 0o700)


def private_file(file: Path) -> None:
    """Make a file that only its user may read, and its folder, before a library opens it. Raises: OSError."""
    private_folder(file.parent)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _NO_FOLLOW, 0o600))
    _close_to_others(file, 0o600)


def private_opener(path: str, flags: int) -> int:
    """Open as `open(..., opener=)` wants it: a new file is for its user alone."""
    return os.open(path, flags | _NO_FOLLOW, 0o600)


def _close_to_others(path: Path, mode: int) -> None:
    if sys.platform != "win32":  # there, a user's folders are that user's by inheritance
        status = path.stat()
        if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077:
            path.chmod(mode)
