"""The settings that a repository keeps for its reviews, in `.qwen-lsp.toml` under `[review]`.

In CI they, and the dismissals, are read from the base commit: a change must not choose how it is judged.
Nothing in the file is run, and it names no program, no host and no secret.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from qwen_lsp import files, foreign_toml
from qwen_lsp.errors import ConfigError, InputError
from qwen_lsp.review.change import git
from qwen_lsp.review.dismissals import FILE as DISMISSALS
from qwen_lsp.review.dismissals import Dismissal, read
from qwen_lsp.review.find import ruff, spelling
from qwen_lsp.syntax.rules import Severity
from qwen_lsp.text import decode

log = logging.getLogger(__name__)

FILE = ".qwen-lsp.toml"
_MAX_BYTES = 1_000_000
# What a reader who did not ask for more is shown.
DEFAULT_SEVERITY: Severity = "warning"
_RENAMED = {"least_confidence": "min_confidence"}

log = logging.getLogger(__name__)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[review]`. Patterns are those of .gitignore; `disabled` names rules.

    What is less severe than `min_severity` is counted and not shown.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    min_confidence: float | None = None
    min_severity: Severity = DEFAULT_SEVERITY
    fail_on: Severity | None = None
    language: str = "auto"


@dataclass(frozen=True, slots=True)
class Trusted:
    """What is in force. `ignored` are the files that would be, if the user trusted the folder."""

    settings: Settings
    dismissals: tuple[Dismissal, ...]
    ignored: tuple[str, ...] = ()


def load(root: Path | None, commit: str | None = None, *, is_trusted: bool = False) -> Trusted:
    """Read both files from the working tree, or as they were in a commit; "" is a base without files.

    A working tree that is not trusted can only leave out files of its own.

    Raises: ConfigError, InputError when a file is there and cannot be used.
    """
    if root is None:
        return Trusted(Settings(), ())
    if commit == "":
        return Trusted(Settings(), ())
    if commit is not None:
        found = git.blobs(root, [f"{commit}:{FILE}", f"{commit}:{DISMISSALS}"])
    elif not is_trusted:
        return _narrowing(root)
    else:
        found = [_read(root, FILE), _read(root, DISMISSALS)]
    settings, dismissals = (decode(data)[0] if data is not None else "" for data in found)
    return Trusted(_settings(settings), tuple(read(dismissals)))


def waiting(root: Path) -> tuple[str, ...]:
    """Name the files of a folder that would configure reviews if it were trusted. Raises: InputError."""
    linter = (
        name
        for name in dict.fromkeys((*ruff.names_of_configuration(), *spelling.CONFIGURATION))
        if os.path.lexists(root / name)
    )
    return (*_narrowing(root).ignored, *linter)


def _narrowing(root: Path) -> Trusted:
    """Read what an unknown folder may say: which of its files are left out."""
    data, dismissals = _read(root, FILE), _read(root, DISMISSALS)
    ignored = [DISMISSALS] if dismissals and dismissals.strip() else []
    try:
        own = _settings(decode(data)[0]) if data is not None else Settings()
    except ConfigError as error:
        log.warning("%s", error)
        return Trusted(Settings(), (), (FILE, *ignored))
    kept = Settings(exclude=own.exclude)
    return Trusted(kept, (), (*([FILE] if own != kept else []), *ignored))


def _read(root: Path, name: str) -> bytes | None:
    try:
        return files.read_below(root, name, _MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{root / name} is not read: {error.strerror}") from error


def _renamed(values: Any) -> Any:
    """Read old names of settings, with a notice."""
    if not isinstance(values, dict):
        return values
    for old, new in _RENAMED.items():
        if old in values:
            log.warning("%s: `%s` is now called `%s`; please rename it", FILE, old, new)
            values = {new: values[old]} | {name: value for name, value in values.items() if name != old}
    return values


def _settings(text: str) -> Settings:
    try:
        return msgspec.convert(_renamed(foreign_toml.loads(text).get("review", {})), Settings)
    except ValueError as error:  # msgspec's refusal is one, too
        raise ConfigError(f"{FILE}: {error}") from error
