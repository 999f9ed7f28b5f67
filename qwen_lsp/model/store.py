"""The models directory: which models are on this machine, and whether they are what they should be.

A file has its final name only when it is whole and was checked. Beside it lies a small JSON with
the hash and the source. This module knows no network.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from qwen_lsp.errors import ModelError, ModelNotFound
from qwen_lsp.model import catalog, hardware, part, q8_copy, recommend, speed
from qwen_lsp.model.catalog import Profile

_CHUNK_BYTES = 1024 * 1024


class Record(msgspec.Struct, frozen=True):
    """What was downloaded, from where and when (UTC)."""

    sha256: str
    size_bytes: int
    source: str
    downloaded: str


@dataclass(frozen=True, slots=True)
class Installed:
    """A model that is on this machine."""

    profile: Profile
    path: Path


def directory() -> Path:
    """Return the folder that holds the models; QWEN_LSP_MODELS names another."""
    import platformdirs

    if named := os.environ.get("QWEN_LSP_MODELS"):
        return Path(named).expanduser().absolute()  # child processes work in folders of their own
    return Path(platformdirs.user_data_dir("qwen-lsp", appauthor=False)) / "models"


def final_path(profile: Profile) -> Path:
    """Return where the model's file is or will be."""
    if not profile.file_name:
        raise ModelError(
            f"{profile.name} is too large for one machine and has no file here; "
            "run it on a server and set `endpoint.url`"
        )
    return directory() / profile.file_name


def part_path(profile: Profile) -> Path:
    """Return where an unfinished download is kept."""
    path = final_path(profile)
    return path.with_name(path.name + ".part")


def path(profile: Profile) -> Path | None:
    """Return the model's file when it is there, None otherwise. Looks at the size, not at the hash."""
    if not profile.file_name:
        return None
    file = final_path(profile)
    try:
        size_bytes = file.stat().st_size
    except OSError:
        return None
    return file if profile.size_bytes in (None, size_bytes) else None


def installed() -> list[Installed]:
    """List the models on this machine, in the catalog's order."""
    found = ((profile, path(profile)) for profile in catalog.profiles())
    return [Installed(profile, file) for profile, file in found if file]


def choose(name: str = "auto") -> Installed:
    """Return the model of that name; `auto`: of those on disk, the one that suits this machine best.

    That is the largest that fits and answers in time (model/recommend). Instruct models come before base
    ones, which cannot follow a request. When none suits, the smallest is returned: a slow model is better
    than none.
    Raises: ModelNotFound when the catalog or the disk has no such model.
    """
    if name.strip().lower() != "auto":
        profile = catalog.find(name)
        file = path(profile)
        if file is None:
            final_path(profile)  # says so when no file can ever be there
            raise ModelNotFound(
                f"{profile.name} is not on this machine; get it with `qwen-lsp models pull {profile.name}`"
            )
        return Installed(profile, file)
    models = installed()
    if not models:
        raise ModelNotFound("no model is on this machine; get one with `qwen-lsp models pull`")
    machine, speeds = hardware.known(), speed.remembered()

    def rank(model: Installed) -> tuple[bool, bool, bool, float]:
        found = recommend.estimate(model.profile, machine, speeds)
        size = model.profile.memory_bytes or 0
        return found.fits, found.is_quick, model.profile.kind == "instruct", size if found.suits else -size

    return max(models, key=rank)


def verify(profile: Profile, advance: part.Advance = lambda done_bytes, total_bytes: None) -> str:
    """Return the sha256 of the model's file once it was read and found right.

    Cost: reads the whole file, about a second for each gigabyte.
    Raises: ModelError when it is corrupt, ModelNotFound when it is not there.
    """
    file = final_path(profile)
    if not file.is_file():
        raise ModelNotFound(f"{profile.name} is not on this machine; {file} does not exist")
    record = read_record(profile)
    expected = profile.sha256 or (record.sha256 if record else None)
    if expected is None:
        raise ModelError(f"nothing is known of {file} to compare it with; remove it and pull it again")
    try:
        found = sha256(file, advance)
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from error
    if found != expected:
        raise ModelError(
            f"{file} is corrupt: its sha256 is {found}, it should be {expected}; "
            f"run `qwen-lsp models remove {profile.name}` and `qwen-lsp models pull {profile.name}`"
        )
    return found


def remove(profile: Profile) -> int:
    """Delete the model's file and what is left of unfinished downloads; return the bytes freed.

    Raises: ModelNotFound when there is nothing, ModelError when the file cannot be deleted.
    """
    file, unfinished = final_path(profile), part_path(profile)
    freed_bytes = sum(item.stat().st_size for item in (file, unfinished) if item.is_file())
    if not freed_bytes:
        raise ModelNotFound(
            f"{profile.name} is not on this machine; there is nothing to remove in {directory()}"
        )
    try:
        file.unlink(missing_ok=True)
        _record_path(file).unlink(missing_ok=True)
        part.drop(unfinished)
        freed_bytes += q8_copy.remove(file)
    except OSError as error:
        raise ModelError(f"cannot remove {file}: {error.strerror}; is a server still using it?") from error
    return freed_bytes


def read_record(profile: Profile) -> Record | None:
    """Return what was written down at download; None for a file that was put there by hand."""
    try:
        return msgspec.json.decode(_record_path(final_path(profile)).read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def admit(profile: Profile, whole: part.Whole, source: str) -> Path:
    """Give the checked part its final name, and write down where it came from."""
    file, unfinished = final_path(profile), part_path(profile)
    with unfinished.open("rb+") as handle:
        os.fsync(handle.fileno())  # or a power cut could leave the final name on a file of zeros
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = Record(whole.sha256, whole.size_bytes, source, now)
    _record_path(file).write_bytes(msgspec.json.format(msgspec.json.encode(record)) + b"\n")
    os.replace(unfinished, file)
    part.close(unfinished)
    return file


def sha256(file: Path, advance: part.Advance) -> str:
    """Hash a file, reporting how far it is."""
    total_bytes, done_bytes, digest = file.stat().st_size, 0, hashlib.sha256()
    with file.open("rb") as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            digest.update(chunk)
            done_bytes += len(chunk)
            advance(done_bytes, total_bytes)
    return digest.hexdigest()


def _record_path(file: Path) -> Path:
    return file.with_name(file.name + ".json")
