"""Two consecutive releases of a package, as texts, and the pinned set of them.

Where archives come from is the business of `bench.archives`, what becomes of texts that of `release_traces`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qwen_lsp.bench import archives
from qwen_lsp.bench.archives import Archive, Registry
from qwen_lsp.errors import InputError

Half = Literal["", "tuning", "reporting"]

_SPEC = re.compile(r"(?:(npm):)?(@?[\w.\-]+(?:/[\w.\-]+)?)==([\w.+\-]+?)\.\.([\w.+\-]+)\Z")
_DEFAULTS = Path(__file__).with_name("releases.toml")


@dataclass(frozen=True, slots=True)
class Release:
    """Two versions of a package. `hashes` are those that the archives must have, "" where none is pinned.

    Shape: a hash is `sha256-HEX` (PyPI) or `sha512-BASE64` (npm's `integrity`).
    """

    registry: Registry
    name: str
    old: str
    new: str
    hashes: tuple[str, str] = ("", "")
    half: Half = ""

    def __str__(self) -> str:
        return f"{'npm:' if self.registry == 'npm' else ''}{self.name}=={self.old}..{self.new}"


def parse(spec: str) -> Release:
    """Read `NAME==A..B` (PyPI) or `npm:NAME==A..B`.

    Raises: InputError.
    """
    match = _SPEC.match(spec)
    if match is None:
        raise InputError(f"{spec!r} is not NAME==A..B (PyPI) or npm:NAME==A..B")
    registry, name, old, new = match.groups()
    return Release("npm" if registry else "pypi", name, old, new)


def default_set() -> list[Release]:
    """Return the pinned releases behind the published figures."""
    entries = tomllib.loads(_DEFAULTS.read_text("utf-8"))["release"]
    return [
        Release(
            entry["registry"],
            entry["name"],
            entry["old"],
            entry["new"],
            (entry["hashes"][0], entry["hashes"][1]),
            entry["half"],
        )
        for entry in entries
    ]


def texts(release: Release, folder: Path | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Return the text files of both versions by path, without the archive's own root.

    Raises: InputError when a version cannot be fetched, or is not what was pinned.
    """
    old, new = (
        archives.texts(Archive(release.registry, release.name, version, pinned), folder)
        for version, pinned in zip((release.old, release.new), release.hashes, strict=True)
    )
    return old, new
