"""The unfinished file of a download: `NAME.part`, always the first bytes of one known whole file.

A small JSON beside it names that whole file by hash and size, so a part is only ever continued with
bytes of the same file; which source they come from does not matter. This module knows no network
and no catalog.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

# done_bytes, total_bytes
Advance = Callable[[int, int], None]


class SourceFailed(Exception):
    """One source could not give the file; the message is the reason. Never leaves this package."""


class Whole(msgspec.Struct, frozen=True):
    """What a file must be once it is whole."""

    sha256: str
    size_bytes: int


def start(part: Path, whole: Whole) -> int:
    """Return how many bytes of `whole` are there already; a part of any other file is deleted.

    The description is on disk before the first byte is, so a part without one is not ours.
    """
    sidecar = _sidecar(part)
    try:
        is_same = msgspec.json.decode(sidecar.read_bytes(), type=Whole) == whole
    except (OSError, msgspec.DecodeError):
        is_same = False
    if not is_same or held_bytes(part) > whole.size_bytes:
        drop(part)
        sidecar.write_bytes(msgspec.json.encode(whole))
    return held_bytes(part)


def held_bytes(part: Path) -> int:
    """Return the length of the part, 0 when there is none."""
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def drop(part: Path) -> None:
    """Delete the part and all that belongs to it."""
    part.unlink(missing_ok=True)
    _sidecar(part).unlink(missing_ok=True)
    shutil.rmtree(scratch(part), ignore_errors=True)


def scratch(part: Path) -> Path:
    """Return the folder for what a source must put down on the way; it is on the same disk."""
    return part.with_name(part.name + ".tmp")


def close(part: Path) -> None:
    """Forget the description, once the part has become the whole file."""
    _sidecar(part).unlink(missing_ok=True)


def _sidecar(part: Path) -> Path:
    return part.with_name(part.name + ".json")
