"""The archive of one version of a package: from PyPI or npm, checked by hash, kept in the cache.

Owns the registries' formats and the archives. An archive is a stranger's: it is read in memory, nothing of
it is unpacked, built or run. What becomes of the texts is the business of each benchmark.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import quote, urljoin

from qwen_lsp.errors import InputError

Registry = Literal["pypi", "npm"]

_PYPI = "https://pypi.org/simple"
_NPM = "https://registry.npmjs.org"
_SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
_TIMEOUT_S = 120.0
_MAX_ARCHIVE_BYTES = 64 * 1024 * 1024
# A larger file is data or generated.
_MAX_FILE_BYTES = 400_000


@dataclass(frozen=True, slots=True)
class Archive:
    """One version of a package. `pinned` is the hash that it must have, "" where none is pinned.

    Shape: a hash is `sha256-HEX` (PyPI) or `sha512-BASE64` (npm's `integrity`).
    """

    registry: Registry
    name: str
    version: str
    pinned: str = ""

    def __str__(self) -> str:
        return f"{'npm:' if self.registry == 'npm' else ''}{self.name}=={self.version}"


def cache_folder() -> Path:
    """Where archives are kept."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("qwen-lsp", appauthor=False)) / "releases"


def texts(one: Archive, folder: Path | None = None) -> dict[str, str]:
    """Return the text files of a version by path, without the archive's own root.

    Raises: InputError when it cannot be fetched, or is not what was pinned.
    """
    return read_archive(_bytes(one, folder or cache_folder()), str(one))


def read_archive(data: bytes, where: str) -> dict[str, str]:
    """Read the UTF-8 files of a .tar.gz; links, odd paths, binary and large files are left out.

    Raises: InputError when it is no such archive.
    """
    found: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                is_odd = path.is_absolute() or ".." in path.parts or len(path.parts) < 2
                if not member.isfile() or is_odd or member.size > _MAX_FILE_BYTES:
                    continue
                file = archive.extractfile(member)
                if file is None:
                    continue
                try:
                    text = file.read().decode("utf-8")
                except UnicodeDecodeError:
                    continue
                if "\0" not in text:
                    found[PurePosixPath(*path.parts[1:]).as_posix()] = text
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"{where}: the archive cannot be read: {error}") from error
    return found


def _bytes(one: Archive, folder: Path) -> bytes:
    name = f"{one.registry}-{one.name}-{one.version}.tar.gz".replace("/", "+")
    file = folder / name
    if file.is_file():
        data = file.read_bytes()
        # What is kept was checked when it came; with a pin it is checked again.
        if not one.pinned or _has_hash(data, one.pinned):
            return data
    url, published = _located(one)
    data = _get(url)
    for expected in (published, one.pinned):
        if expected and not _has_hash(data, expected):
            raise InputError(f"{one}: {url} is not the file with the hash {expected}")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.part")
    unfinished.write_bytes(data)
    unfinished.replace(file)
    return data


def _located(one: Archive) -> tuple[str, str]:
    """Ask the registry where a version's archive is, and for its hash."""
    found = _of_npm(one) if one.registry == "npm" else _of_pypi(one)
    if found is None:
        what = "tarball" if one.registry == "npm" else "source distribution"
        raise InputError(f"the registry has no {what} of {one.name} {one.version}")
    return found


def _of_pypi(one: Archive) -> tuple[str, str] | None:
    index = (os.environ.get("PIP_INDEX_URL") or os.environ.get("UV_INDEX_URL") or _PYPI).rstrip("/")
    page = f"{index}/{_normalized(one.name)}/"
    listed = _json(page, {"Accept": _SIMPLE_JSON}).get("files")
    wanted = {f"{name}-{one.version}.tar.gz" for name in (one.name, _normalized(one.name).replace("-", "_"))}
    for entry in listed if isinstance(listed, Sequence) else ():
        if isinstance(entry, Mapping) and entry.get("filename") in wanted:
            return urljoin(page, str(entry["url"])), f"sha256-{entry['hashes']['sha256']}"
    return None


def _of_npm(one: Archive) -> tuple[str, str] | None:
    registry = (os.environ.get("NPM_CONFIG_REGISTRY") or _NPM).rstrip("/")
    dist = _json(f"{registry}/{quote(one.name, safe='@')}/{one.version}", {}).get("dist")
    if not isinstance(dist, Mapping) or not dist.get("tarball"):
        return None
    return str(dist["tarball"]), str(dist.get("integrity") or "").split()[0]


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _json(url: str, headers: Mapping[str, str]) -> dict[str, Any]:
    try:
        answer = json.loads(_get(url, headers))
    except ValueError as error:
        raise InputError(f"{url}: the registry's answer is not JSON") from error
    if not isinstance(answer, dict):
        raise InputError(f"{url}: the registry's answer is not an object")
    return answer


def _get(url: str, headers: Mapping[str, str] | None = None) -> bytes:
    import httpx

    try:
        with httpx.stream(
            "GET", url, headers=dict(headers or {}), follow_redirects=True, timeout=_TIMEOUT_S
        ) as response:
            if response.status_code != 200:
                raise InputError(f"{url}: the registry answered {response.status_code}")
            parts: list[bytes] = []
            size = 0
            for part in response.iter_bytes():
                size += len(part)
                if size > _MAX_ARCHIVE_BYTES:
                    raise InputError(f"{url}: larger than {_MAX_ARCHIVE_BYTES:,} bytes")
                parts.append(part)
    except httpx.HTTPError as error:
        raise InputError(f"{url}: cannot be fetched: {error}") from error
    return b"".join(parts)


def _has_hash(data: bytes, expected: str) -> bool:
    algorithm, _, value = expected.partition("-")
    if algorithm == "sha256":
        return hashlib.sha256(data).hexdigest() == value
    if algorithm == "sha512":
        return base64.b64encode(hashlib.sha512(data).digest()).decode() == value
    return False
