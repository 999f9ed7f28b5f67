"""Where log lines go: stderr, and a file that rotates. Never stdout (invariant 10)."""

from __future__ import annotations

import logging
import sys
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

_FILE_BYTES = 2_000_000
_FILES = 3


def log_file() -> Path:
    """Return the path of the log file."""
    return Path(platformdirs.user_log_dir("qwen-lsp", appauthor=False)) / "server.log"


def start(level: str) -> None:
    """Send the log to stderr and to the file; a folder that cannot be written costs only the file."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    try:
        log_file().parent.mkdir(parents=True, exist_ok=True)
        handlers.append(
            RotatingFileHandler(
                log_file(), maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8", delay=True
            )
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
        log_file().parent.mkdir(parents=True, exist_ok=True)
        with log_file().open("a", encoding="utf-8") as file:
            file.write(traceback.format_exc())
    except OSError:
        return f"{traceback.format_exc().splitlines()[-1]} (the log file cannot be written)"
    return f"{log_file()} says what; please report it with that text"
