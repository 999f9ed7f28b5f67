"""Copies of the texts of a change, for a linter that reads files: below one folder and nowhere else."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


def write(root: Path, path: str, text: str) -> None:
    """Write a text below a folder that is resolved; one that cannot be written there is not checked."""
    file = root / path
    if not file.resolve().is_relative_to(root):
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("utf-8", "replace"))
    except OSError as error:
        log.warning("%s is not checked: %s", path, error)
