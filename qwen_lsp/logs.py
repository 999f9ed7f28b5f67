"""Where log lines go: stderr, and a file that rotates. Never stdout (invariant 10)."""

from __future__ import annotations

import logging
import sys
import traceback
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

from qwen_lsp import files

_FILE_BYTES = 2_000_000
_FILES = 3


class _PrivateFile(RotatingFileHandler):
    """A log file, and what it becomes when it rotates, that only its user may read."""

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(
            open(self.baseFilename, f"{self.mode}b", opener=files.private_opener), encoding=self.encoding
        )


def log_file() -> Path:
    """Return the path of the log file."""
    return Path(platformdirs.user_log_dir("qwen-lsp", appauthor=False)) / "server.log"


def start(level: str) -> None:
    """Send the log to stderr and to the file; a folder that cannot be written costs only the file."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    try:
        files.private_file(log_file())
        handlers.append(
            _PrivateFile(log_file(), maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8", delay=True)
        )
    except OSError:
        pass
    form = logging.Formatter("%(asctime)s %(levelname).1s %(name)s: %(message)s")
    for handler in handlers:
        handler.setFormatter(form)
        logging.getLogger().addHandler(handler)
    logging.getLogger("qwen_lsp").setLevel(level.upper())


def record_crash() -> str:
    """Append the current exception to the log file; return a sentence that says where to find it."""
    try:
        files.private_file(log_file())
        with open(log_file(), "a", encoding="utf-8", opener=files.private_opener) as file:
            file.write(traceback.format_exc())
    except OSError:
        return f"{traceback.format_exc().splitlines()[-1]} (the log file cannot be written)"
    return f"{log_file()} says what; please report it with that text"
