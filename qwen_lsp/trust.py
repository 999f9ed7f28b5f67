"""Which folders the user trusts: one private file of the user's own, beside the settings.

In a folder that is not trusted, files can only narrow what is done: nothing of it or named by it is run, and
its settings for reviews wait. A folder is known by its real path, and those below it are trusted with it.
Knows nothing of who asks.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from qwen_lsp import files
from qwen_lsp.config import user_file
from qwen_lsp.errors import InputError

log = logging.getLogger(__name__)

_MAX_BYTES = 1_000_000


def trust_file() -> Path:
    """Return where the trusted folders are kept."""
    return user_file().with_name("trusted.json")


def folders() -> tuple[str, ...]:
    """Return the trusted folders; none where the file cannot be read."""
    try:
        found = json.loads(files.read(trust_file(), _MAX_BYTES))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError) as error:
        log.warning("no folder is trusted: %s cannot be read: %s", trust_file(), error)
        return ()
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def is_trusted(folder: Path | str) -> bool:
    """Say whether the user trusts a folder, or one that holds it."""
    path = Path(os.path.realpath(folder))
    return any(path.is_relative_to(one) for one in folders() if os.path.isabs(one))


def add(folder: Path) -> str:
    """Trust a folder; return its real path. Raises: InputError, when it is none or nothing can be written."""
    path = os.path.realpath(folder)
    if not os.path.isdir(path):
        raise InputError(f"{folder} is not a folder")
    _change(lambda known: sorted({*known, path}))
    return path


def remove(folder: Path) -> bool:
    """Trust a folder no longer; return whether it was named. Raises: InputError."""
    names = {os.path.realpath(folder), str(folder)}
    was_known = bool(names & set(folders()))
    if was_known:
        _change(lambda known: [one for one in known if one not in names])
    return was_known


def _change(change: Callable[[Sequence[str]], list[str]]) -> None:
    from filelock import FileLock  # a server only reads

    file = trust_file()
    try:
        files.private_folder(file.parent)
        with FileLock(f"{file}.lock", mode=0o600):
            files.write_private(file, json.dumps(change(folders()), indent=2).encode() + b"\n")
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror or error}") from error
