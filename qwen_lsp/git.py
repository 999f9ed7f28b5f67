"""The one way to run git: what a repository holds or configures is read, never run.

Git is the one on the user's PATH, never one in the repository. Hooks, filters, file system monitors, external
diffs, text converters, pagers, lazy fetches and every transport are off; a bare repository that lies inside
of a working tree is no repository. Time and output are limited. Knows commands as lists of arguments only.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qwen_lsp import sandbox
from qwen_lsp.child import environment, on_path
from qwen_lsp.errors import InputError

TIMEOUT_S = 120.0
MAX_BYTES = 1 << 28
_MAX_MEMORY_BYTES = 8 << 30  # of addresses: large packs are mapped
_MAX_STDERR_BYTES = 1 << 16
_READ_BYTES = 1 << 16
# GIT_CONFIG_COUNT, which carries the settings below, came with this version. Older ones would ignore them.
_MIN_VERSION = (2, 31)

# What wins over the settings of a repository. Each of these would run a program, write, or reach the network,
# or (the last ones) change what a diff shows.
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.pager": "cat",
    "core.editor": "false",
    "core.askPass": "",
    "core.sshCommand": "false",
    "core.gitProxy": "",
    "core.alternateRefsCommand": "",
    "credential.helper": "",
    "gpg.program": "false",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "core.packedGitLimit": "512m",
    "core.quotePath": "true",
    "core.bigFileThreshold": "512m",
    "diff.external": "",
    "diff.noprefix": "false",
    "diff.mnemonicPrefix": "false",
    "diff.relative": "false",
    "diff.suppressBlankEmpty": "false",
    "diff.interHunkContext": "0",
    "diff.algorithm": "default",
    "color.ui": "false",
}
# Options of `git diff` that keep it from running anything, and from looking into submodules, whose own
# settings would then count.
DIFF_OPTIONS = (
    *("--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty"),
    *("--submodule=short", "--no-relative", f"-O{os.devnull}"),
)
_VARIABLES = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_SSH_COMMAND": "false",
    "GIT_ATTR_NOSYSTEM": "1",
    # A replaced object would show another text than the one that is built.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C.UTF-8",
}
_FILTER = re.compile(rb"^filter\.(.+)\.(?:clean|smudge|process|required)$", re.DOTALL | re.IGNORECASE)
_VERSION = re.compile(rb"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Finished:
    """A git command that has ended."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def complaint(self) -> str:
        """The last line that it wrote to stderr, or its exit code."""
        lines = self.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self.code}"


def run(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    index_file: Path | None = None,
    may_write: bool = False,
    timeout_s: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> Finished:
    """Run git in a folder; a command that fails is an answer, too. `index_file` replaces the index.

    Where the kernel can see to it, git writes nothing (but that index) and connects to nobody, unless
    `may_write` is set, for repositories of our own.

    Raises: InputError when there is no git, one that cannot be held to these rules, a repository that is none
    of a working tree's, no answer in time, or too much of it.
    """
    program = find(folder)
    if (bare := _embedded(folder)) is not None:
        raise InputError(
            f"{bare} is a bare git repository, whose settings could run programs: it is not read"
        )
    deadline_s = time.monotonic() + (TIMEOUT_S if timeout_s is None else timeout_s)
    settings = {**_SETTINGS, **_without_filters(program, folder, deadline_s)}
    variables = _variables(settings)
    if index_file is not None:
        variables["GIT_INDEX_FILE"] = str(index_file)
    writable = None if may_write else [] if index_file is None else [index_file.parent]
    return _finish([program, *arguments], folder, variables, stdin, deadline_s, max_bytes, writable)


def output(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    index_file: Path | None = None,
    may_write: bool = False,
) -> bytes:
    """Run git in a folder and return what it writes.

    Raises: InputError as `run` does, and with git's own last line when it fails.
    """
    done = run(folder, *arguments, stdin=stdin, index_file=index_file, may_write=may_write)
    if done.code != 0:
        name = next((one for one in arguments if not one.startswith("-") and "=" not in one), "")
        raise InputError(f"git {name}: {done.complaint}")
    return done.stdout


def top(folder: Path) -> Path | None:
    """Return the root of the working tree that holds a folder; None when it is in none.

    A repository may name any folder as its working tree (`core.worktree`): one that does not hold the folder,
    or that no `.git` lies in, is none.
    Raises: InputError as `run` does.
    """
    done = run(folder, "rev-parse", "--show-toplevel", timeout_s=10.0)
    if done.code != 0:
        return None
    found = Path(os.fsdecode(done.stdout.removesuffix(b"\n")))
    real = os.path.realpath(folder)
    is_above = Path(real).is_relative_to(os.path.realpath(found))
    return found if is_above and os.path.lexists(found / ".git") else None


def find(folder: Path) -> str:
    """Return the git program: the first on PATH that does not lie in the repository around a folder.

    Raises: InputError when there is none, or it is too old to be run safely.
    """
    repository = os.path.realpath(_repository(folder) or folder)
    program = on_path("git", repository)
    if program is None:
        raise InputError("git is not on PATH: install it, or give the change with --diff FILE")
    version = _version(program)
    if version < _MIN_VERSION:
        needed = ".".join(map(str, _MIN_VERSION))
        raise InputError(f"{program} is too old to be run safely in a folder of others: install git {needed}")
    return program


@functools.lru_cache(maxsize=8)
def _version(program: str) -> tuple[int, int]:
    folder, deadline_s = Path(os.path.dirname(program)), time.monotonic() + 10.0
    done = _finish([program, "version"], folder, _variables({}), b"", deadline_s, 4096)
    found = _VERSION.search(done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def is_repository(folder: Path) -> bool:
    """Say whether a folder lies in what looks like a working tree; git is not asked."""
    return _repository(folder) is not None


def _repository(folder: Path) -> Path | None:
    """Return the innermost folder with a `.git`, at or above a folder; git is not asked."""
    start = Path(os.path.abspath(folder))
    return next((one for one in (start, *start.parents) if os.path.lexists(one / ".git")), None)


def _embedded(folder: Path) -> Path | None:
    """Return the bare repository that git would find first, going up from a folder.

    Such a folder, with settings of its own, can be part of any clone. Git has been able to refuse it since
    2.38, which is no reason to trust older ones.
    """
    start = Path(os.path.abspath(folder))
    for one in (start, *start.parents):
        if os.path.lexists(one / ".git"):
            return None
        if (one / "HEAD").is_file() and (one / "objects").is_dir() and (one / "refs").is_dir():
            return one
    return None


def _without_filters(program: str, folder: Path, deadline_s: float) -> dict[str, str]:
    """Return the settings that empty every filter of file contents that is configured anywhere."""
    command = [program, "config", "--list", "--name-only", "-z"]
    listed = _finish(command, folder, _variables(_SETTINGS), b"", deadline_s, MAX_BYTES)
    if listed.code != 0:
        return {}  # no settings that git can read, and it says so again when it is asked for more
    names = {found[1] for name in listed.stdout.split(b"\0") if (found := _FILTER.match(name))}
    emptied: dict[str, str] = {}
    for name in sorted(names):
        filter_ = f"filter.{os.fsdecode(name)}"
        emptied |= {f"{filter_}.{key}": "" for key in ("clean", "smudge", "process")}
        emptied[f"{filter_}.required"] = "false"
    return emptied


def _variables(settings: Mapping[str, str]) -> dict[str, str]:
    env = {name: value for name, value in environment().items() if not name.upper().startswith("GIT_")}
    env |= _VARIABLES
    env["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (name, value) in enumerate(settings.items()):
        env[f"GIT_CONFIG_KEY_{number}"] = name
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return env


def _finish(
    command: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    stdin: bytes,
    deadline_s: float,
    max_bytes: int,
    writable: Sequence[Path] | None = (),
) -> Finished:
    def start() -> subprocess.Popen[bytes]:
        if writable is not None:
            sandbox.read_only(writable)
        return subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    try:
        # A thread of its own: what it may no longer do, neither may what it starts, but everybody else.
        with ThreadPoolExecutor(1) as starter:
            process = starter.submit(start).result()
    except (OSError, ValueError) as error:  # ValueError: a NUL in a name
        raise InputError(f"git cannot be run in {folder}: {error}") from error
    sandbox.limit_child(process.pid, _MAX_MEMORY_BYTES, int(TIMEOUT_S))
    reader = _Reader(process.stdout, max_bytes, process.kill)
    problems = _Reader(process.stderr, _MAX_STDERR_BYTES, None)
    threads = [reader, problems, threading.Thread(target=_write, args=(process.stdin, stdin), daemon=True)]
    for thread in threads:
        thread.start()
    try:
        code = process.wait(max(deadline_s - time.monotonic(), 0.1))
        # What git has written may still be on its way, and what it has started may hold its output open.
        reader.join(max(deadline_s - time.monotonic(), 1.0))
        problems.join(1.0)
        is_late = reader.is_alive()
    except subprocess.TimeoutExpired:
        is_late = True
    finally:
        process.kill()
        process.wait()
    if is_late:
        raise InputError(f"git took too long in {folder}")
    if reader.is_over:
        raise InputError(f"git wrote more than {max_bytes >> 20} MiB in {folder}: ask for less of it")
    return Finished(code, bytes(reader.data), bytes(problems.data))


class _Reader(threading.Thread):
    """Reads a pipe to its end and keeps so much of it; at more, `on_over` may end the writer."""

    def __init__(self, stream: IO[bytes] | None, max_bytes: int, on_over: Callable[[], None] | None) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self._stream, self._max_bytes, self._on_over = stream, max_bytes, on_over
        self.data = bytearray()
        self.is_over = False

    def run(self) -> None:
        with self._stream:
            while chunk := os.read(self._stream.fileno(), _READ_BYTES):
                self.is_over |= len(self.data) + len(chunk) > self._max_bytes
                if not self.is_over:
                    self.data += chunk
                elif self._on_over is not None:
                    self._on_over()


def _write(stream: IO[bytes] | None, data: bytes) -> None:
    assert stream is not None
    with contextlib.suppress(OSError), stream:  # it may end without reading
        stream.write(data)
