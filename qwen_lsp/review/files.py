"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from qwen_lsp.errors import InputError


def write(file: Path, text: str) -> None:
    """Write a text as UTF-8, replacing the file in one step. Raises: InputError when it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
            os.chmod(name, file.stat().st_mode & 0o777 if file.exists() else 0o644)
            os.replace(name, file)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error
