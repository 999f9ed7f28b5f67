"""Where log lines go: stderr, and a file that rotates. Never stdout (invariant 10).

Whoever sends messages can cause errors: each kind of error is logged once with its traceback, then in one
line, then counted.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

from qwen_lsp import files

# The log of the servers, and that of the process of the shared engine.
SERVER, ENGINE = "server.log", "engine.log"
_FILE_BYTES = 2_000_000
_FILES = 3
_MAX_CHARACTERS = 4_000
_MAX_LINES = 10  # of one kind in a window
_MAX_KINDS = 500
_WINDOW_S = 60.0


@dataclass
class _Kind:
    start: float
    written: int = 0
    left_out: int = 0


class Bounded(logging.Handler):
    """Passes records on, but no flood. State: the kinds of warnings and errors so far.

    A kind is where a record comes from: its template, and what was raised where.
    """

    def __init__(self, handlers: list[logging.Handler], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._handlers = handlers
        self._clock = clock
        self._kinds: dict[tuple[object, ...], _Kind] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on, shortened, or count it."""
        text = _message(record)
        if record.levelno >= logging.WARNING:
            key = _key(record) if len(self._kinds) < _MAX_KINDS or _key(record) in self._kinds else ("",)
            is_first, now = key not in self._kinds, self._clock()
            kind = self._kinds.setdefault(key, _Kind(now))
            left_out = 0
            if now - kind.start >= _WINDOW_S:
                left_out, kind.left_out, kind.written, kind.start = kind.left_out, 0, 0, now
            if kind.written >= _MAX_LINES:
                kind.left_out += 1
                return
            kind.written += 1
            if not is_first:
                record.exc_info = record.exc_text = record.stack_info = None
                text = text.partition("\n")[0]
            if left_out:
                text += f" (and {left_out} more like it)"
        if len(text) > _MAX_CHARACTERS:
            text = f"{text[:_MAX_CHARACTERS]} ... ({len(text):,} characters)"
        record.msg, record.args = text, None
        for handler in self._handlers:
            with contextlib.suppress(OSError):  # a full disk, a terminal that is gone
                handler.handle(record)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a template that does not fit its values
        return str(record.msg)


def _key(record: logging.LogRecord) -> tuple[object, ...]:
    where: tuple[object, ...] = ()
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        frames = list(traceback.walk_tb(error.__traceback__))
        where = (type(error), *((frames[-1][0].f_code, frames[-1][1]) if frames else ()))
    return (record.name, record.pathname, record.lineno, *where)


class PrivateFile(RotatingFileHandler):
    """A log file, and what it becomes when it rotates, that only its user may read.

    Raises: OSError at a line that cannot be written, where the library would print a traceback.
    """

    def handleError(self, record: logging.LogRecord) -> None:
        """Hand a failure of the disk on to who logs."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            raise error
        super().handleError(record)

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(
            open(self.baseFilename, f"{self.mode}b", opener=files.private_opener), encoding=self.encoding
        )


def log_file(name: str = SERVER) -> Path:
    """Return the path of a log file."""
    return Path(platformdirs.user_log_dir("qwen-lsp", appauthor=False)) / name


def start(level: str, name: str = SERVER) -> None:
    """Send the log to stderr and to the file; a folder that cannot be written costs only the file."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    file = log_file(name)
    try:
        files.private_file(file)
        handlers.append(
            PrivateFile(file, maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8", delay=True)
        )
    except OSError:
        pass
    form = logging.Formatter("%(asctime)s %(levelname).1s %(name)s: %(message)s")
    for handler in handlers:
        handler.setFormatter(form)
    logging.getLogger().addHandler(Bounded(handlers))
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
