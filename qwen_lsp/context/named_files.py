"""Files that a command line names: read as documents, places in them, their repository, written whole.

Raises InputError, which says what is wrong with the file or the place.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp import files, git
from qwen_lsp.errors import InputError
from qwen_lsp.syntax import languages
from qwen_lsp.text import Document, decode

# Larger files are data; editors do not ask for completion in them either.
_MAX_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file. Units: `line` and `column` from 1; columns in characters."""

    path: Path
    line: int
    column: int


def parse_place(text: str) -> Place:
    """Read FILE:LINE:COL; the file name may itself hold colons (Windows drives)."""
    match = re.fullmatch(r"(.+):(\d+):(\d+)", text)
    if match is None:
        raise InputError(f"{text!r} is not FILE:LINE:COL, such as src/app.py:12:5")
    return Place(Path(match[1]), int(match[2]), int(match[3]))


def read(path: Path, root: Path | None = None) -> Document:
    """Read a file of any usual encoding; with `root`, one of a folder of others: nothing behind a link."""
    try:
        if root is None:
            data = files.read(path, _MAX_BYTES)
        else:
            data = files.read_below(root, path.relative_to(root).as_posix(), _MAX_BYTES)
        text, _ = decode(data)
    except files.Refused as error:
        if error.reason == "large":
            raise InputError(
                f"{path} is larger than {_MAX_BYTES // 1_000_000} MB; qwen-lsp is for source code"
            ) from None
        raise InputError(f"{path} is not read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path} is not a text file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    absolute = path.resolve()
    language = languages.find("", str(path))
    return Document(absolute.as_uri(), text, 0, language.id if language else "plaintext", str(absolute))


def offset(document: Document, place: Place) -> int:
    """Turn the place into an offset. Raises: InputError naming the limit that it passes."""
    name = place.path.name
    if not 1 <= place.line <= document.line_count:
        raise InputError(f"{name} has {document.line_count} lines; line {place.line} does not exist")
    longest = len(document.line(place.line - 1)) + 1
    if not 1 <= place.column <= longest:
        raise InputError(
            f"line {place.line} of {name} has columns 1 to {longest}; column {place.column} does not exist"
        )
    return document.starts[place.line - 1] + place.column - 1


def repository(path: Path) -> Path | None:
    """Return the root of the git repository that holds a file; None outside of one, or without git."""
    with contextlib.suppress(InputError):
        return git.top(path.parent)
    return None


def repository_path(path: Path) -> str:
    """Return the path below the git repository that holds it; outside of one, the file's name."""
    root = repository(path)
    return path.relative_to(root).as_posix() if root and path.is_relative_to(root) else path.name


def write(path: Path, data: bytes) -> None:
    """Replace a file's content in one step, its permissions kept.

    Raises: InputError when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, data)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
