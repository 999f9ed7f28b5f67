"""The record of what left this machine: one line for each request to another host.

A line says when, where to, how many bytes with which hash, of which files, and how many secrets were taken
out; what was in it only where the user wants that (`endpoint.keepSentText`). `qwen-lsp audit` reads it. Knows
no dialect and no meaning of a text.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
import platformdirs

from qwen_lsp import files
from qwen_lsp.logs import PrivateFile

# Some ten thousand requests: a working day of typing.
_FILE_BYTES = 4_000_000
_FILES = 9


class Sent(msgspec.Struct, frozen=True):
    """One request. Units: `at` are seconds since 1970, `n_bytes` of the body; `sha256` is the body's."""

    at: float
    host: str
    path: str
    n_bytes: int
    sha256: str
    n_redacted: int
    files: tuple[str, ...]
    text: str = ""


def audit_file() -> Path:
    """Return the path of the newest file; older ones stand beside it as `.1`, `.2`, ..."""
    return Path(platformdirs.user_log_dir("qwen-lsp", appauthor=False)) / "audit.jsonl"


@cache
def _handler() -> logging.Handler:
    files.private_file(audit_file())
    return PrivateFile(audit_file(), maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8", delay=True)


def record(
    host: str, path: str, body: bytes, n_redacted: int, sources: Sequence[str], *, keeps_text: bool = False
) -> None:
    """Add a line, with the body as it was sent where it is to be kept.

    A file that cannot be written stops nobody's work, but is named in the log.
    """
    digest = hashlib.sha256(body).hexdigest()
    text = body.decode("utf-8", "replace") if keeps_text else ""
    sent = Sent(time.time(), host, path, len(body), digest, n_redacted, tuple(sources), text)
    line = msgspec.json.encode(sent).decode()
    try:
        _handler().handle(logging.LogRecord("audit", logging.INFO, "", 0, line, None, None))
    except OSError:
        logging.getLogger(__name__).warning("the audit log %s cannot be written", audit_file())


def read(since: float = 0.0) -> Iterator[Sent]:
    """Yield what was recorded at or after a time, the oldest first; lines that are none are left out."""
    newest = audit_file()
    for file in [*(newest.with_name(f"{newest.name}.{n}") for n in range(_FILES, 0, -1)), newest]:
        with suppress(OSError):
            for line in files.read(file, 2 * _FILE_BYTES).splitlines():
                with suppress(msgspec.MsgspecError):
                    sent = msgspec.json.decode(line, type=Sent)
                    if sent.at >= since:
                        yield sent
