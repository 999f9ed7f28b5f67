"""Child processes of ours: how they start, what they inherit, how they are supervised and how they end.

Nothing that lies in a workspace can get into them: they import from the interpreter's own path only, work in
a neutral folder and inherit no variable that changes what Python or git does, and no secret. They end with
their parent, by the kernel where it can, by the end of stdin everywhere; one that is started detached stays.
Knows nothing of what a child does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import logging
import os
import re
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

log = logging.getLogger(__name__)

# No workspace is ever here: the folder of the interpreter's environment.
FOLDER = sys.prefix
MAX_LINE_BYTES = 1 << 20
_READ_BYTES = 1 << 16

# Imports come from where this interpreter's do by itself, then from where ours came from: `-P` leaves out
# the working folder, `-E` what the environment adds. Not `-m`, which makes two copies of a module's types.
_START = (
    "import importlib, sys; sys.argv.pop(0); sys.path += {paths!r}; "
    "importlib.import_module(sys.argv[0]).main()"
)

# What starts one that belongs to nobody: not a child of ours, in no group, session or console of ours. A job
# of Windows that ends all its processes is left where it may be (CREATE_BREAKAWAY_FROM_JOB).
_DETACH = """
import subprocess, sys
def start(flags):
    subprocess.Popen(sys.argv[1:], stderr=subprocess.DEVNULL, start_new_session=True, creationflags=flags)
if sys.platform != "win32":
    start(0)
else:
    flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        start(flags | subprocess.CREATE_BREAKAWAY_FROM_JOB)
    except OSError:
        start(flags)
"""

# What a program that only reads files needs. GPU, library and locale settings are in the families below.
_NEEDED = {
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "HOMEDRIVE", "HOMEPATH"),
    *("APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
}
_NEEDED_FAMILIES = ("LC_", "XDG_", "QWEN_LSP_")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
# These decide what Python imports, what the loader loads first and where git looks.
_UNSAFE_FAMILIES = (
    "PYTHON",
    "GIT_",
    "LD_PRELOAD",
    "LD_AUDIT",
    "DYLD_INSERT",
    "BASH_ENV",
    "ENV",
    "NODE_OPTIONS",
)


def environment(*, with_hardware: bool = False) -> dict[str, str]:
    """Return the variables that a child gets: those that a program needs to find files and libraries.

    `with_hardware` gives it all that are neither secrets nor change what is run: drivers and llama.cpp have
    dozens of their own (CUDA_VISIBLE_DEVICES, GGML_..., HIP_...).
    """
    if with_hardware:
        return {
            name: value
            for name, value in os.environ.items()
            if not name.upper().startswith(_UNSAFE_FAMILIES) and not _SECRET.search(name)
        }
    return {
        name: value
        for name, value in os.environ.items()
        if (name.upper() in _NEEDED or name.upper().startswith(_NEEDED_FAMILIES)) and not _SECRET.search(name)
    }


def on_path(name: str, outside: str) -> str | None:
    """Return the first program of a name on PATH that does not lie below a folder; None for none."""
    return _on_path(name, os.environ.get("PATH", ""), outside)


@functools.lru_cache(maxsize=64)
def _on_path(name: str, path: str, outside: str) -> str | None:
    file = f"{name}.exe" if os.name == "nt" else name
    for folder in path.split(os.pathsep):
        real = os.path.realpath(folder) if folder and os.path.isabs(folder) else ""
        if not real or (outside and Path(real).is_relative_to(outside)):
            continue
        program = os.path.join(real, file)
        is_inside = bool(outside) and Path(os.path.realpath(program)).is_relative_to(outside)
        if os.path.isfile(program) and os.access(program, os.X_OK) and not is_inside:
            return program
    return None


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs `main()` of one of our modules, whatever the working folder holds."""
    flags = ["-P", "-E"]
    flags += ["-s"] if sys.flags.no_user_site else []
    flags += ["-B"] if sys.dont_write_bytecode else []
    flags += ["-X", "utf8"] if sys.flags.utf8_mode else []  # file names must mean the same on both sides
    return [sys.executable, *flags, "-c", _START.format(paths=_import_paths()), module, *arguments]


def _import_paths() -> list[str]:
    """Return where this process imports from, for installations that only a variable or a script names."""
    own = str(Path(__file__).absolute().parents[1])
    here = os.path.realpath(_STARTED_IN) if _STARTED_IN else ""
    inherited = [path for path in sys.path if os.path.isabs(path) and os.path.realpath(path) != here]
    return list(dict.fromkeys([*inherited, own]))


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


_STARTED_IN = _working_folder()


def open_pipe(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start one of our modules for a caller that blocks; its stderr is ours."""
    return subprocess.Popen(
        command(module, *arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=FOLDER,
        env=environment(),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


class Child:
    """A running child that talks in lines."""

    def __init__(self, process: asyncio.subprocess.Process, on_stderr: Callable[[str], None] | None) -> None:
        self._process = process
        self._drain: asyncio.Task[None] | None = None
        if on_stderr is not None:
            self._drain = asyncio.get_running_loop().create_task(self._read_stderr(on_stderr))

    @classmethod
    async def start(
        cls,
        module: str,
        *arguments: str,
        on_stderr: Callable[[str], None] | None = None,
        with_hardware: bool = False,
        is_detached: bool = False,
        defaults: Mapping[str, str] = MappingProxyType({}),
    ) -> Child:
        """Start one of our modules. Without `on_stderr` its stderr is ours.

        `defaults` are variables that it gets where the user has not set them.
        One that `is_detached` outlives us and has no stderr: the child is then what has started it, which
        ends at once, and its stdin and stdout are the module's.
        Raises: OSError when the system starts no process.
        """
        pipe = asyncio.subprocess.PIPE
        first = [sys.executable, "-I", "-S", "-c", _DETACH] if is_detached else []
        process = await asyncio.create_subprocess_exec(
            *first,
            *command(module, *arguments),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe if on_stderr is not None else None,
            cwd=FOLDER,
            env={**defaults, **environment(with_hardware=with_hardware)},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        return cls(process, on_stderr)

    @property
    def pid(self) -> int:
        """The id of the process, which may have ended."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end."""
        return await self._process.wait()

    def send(self, line: bytes) -> None:
        """Write a line, without waiting; to one that has ended, nothing."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(line + b"\n")

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Yield what it writes, line by line, until it closes its stdout."""
        assert self._process.stdout is not None
        async for line in lines(self._process.stdout):
            yield line

    async def first_line(self) -> bytes:
        """Return the next line that it writes; empty when it has ended."""
        async with contextlib.aclosing(self.lines()) as found:
            return await anext(found, b"")

    def kill(self) -> None:
        """End it by force, without waiting."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def close(self, grace_s: float) -> None:
        """Close its stdin, which asks it to end; kill it when it is still there after the grace."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            if grace_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), grace_s)
        finally:
            self.kill()
            await self._process.wait()
            if self._drain is not None:
                self._drain.cancel()

    async def _read_stderr(self, on_stderr: Callable[[str], None]) -> None:
        assert self._process.stderr is not None
        async for line in lines(self._process.stderr):
            try:
                on_stderr(line.decode("utf-8", "replace").rstrip())
            except Exception:  # a full pipe would block the child: go on reading whatever happens
                log.exception("a line of a child's stderr was not handled")


async def lines(stream: asyncio.StreamReader, max_bytes: int = MAX_LINE_BYTES) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a stream without their ends, whatever their length: a longer one is cut.

    Cost: linear; at most `max_bytes` of a line are held.
    """
    held = bytearray()
    while chunk := await stream.read(_READ_BYTES):
        head, *rest = chunk.split(b"\n")
        held += head[: max_bytes - len(held)]
        for start in rest:
            yield bytes(held)
            held = bytearray(start[:max_bytes])
    if held:
        yield bytes(held)


@dataclass(slots=True)
class Backoff:
    """How long to wait before a child that died is started again.

    Earlier deaths no longer count after `reset_s` without one.
    """

    pauses_s: Sequence[float]
    reset_s: float
    deaths: int = 0
    _died_s: float = float("-inf")

    def died(self, now_s: float, lived_s: float) -> float | None:
        """Note a death; return the pause before the next start, or None: it dies too often."""
        if lived_s > self.reset_s or now_s - self._died_s > self.reset_s + lived_s:
            self.deaths = 0
        self.deaths += 1
        self._died_s = now_s
        return self.pauses_s[self.deaths - 1] if self.deaths <= len(self.pauses_s) else None

    def may_start(self, now_s: float) -> bool:
        """Say whether to start one: not while the last ones have died too often and too lately."""
        return self.deaths <= len(self.pauses_s) or now_s - self._died_s > self.reset_s


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGKILL when the parent dies, where it can; end at once if it is dead already.

    On other systems an orphan notices the end of its stdin, as soon as it reads from it again.
    """
    ask_for_death_signal()
    if os.name == "posix" and os.getppid() != parent:
        os._exit(1)


def ask_for_death_signal() -> None:
    """Ask for SIGKILL when the thread that started this process ends. Source: prctl(2), PR_SET_PDEATHSIG."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


# The numbers of sched_setattr(2), for which C libraries have no function before glibc 2.41.
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SHORT_SLICE_NS = 200_000


def wake_sooner() -> None:
    """Let this thread, and what it starts from now on, get a processor sooner when it wakes; no more of it.

    For a process that others wait for and that works for some milliseconds at a time. Linux since 6.12: who
    asks for shorter slices interrupts whoever computes in longer ones, whose share stays the same. Older ones
    take no notice; macOS and Windows prefer who wakes by themselves. Source: sched_setattr(2), and the
    kernel's `sched-eevdf`.
    """
    _set_slice(_SHORT_SLICE_NS)


def wake_as_others() -> None:
    """Undo what `wake_sooner` did to the process that started this one: for one that computes."""
    _set_slice(0)


def _set_slice(length_ns: int) -> None:
    if sys.platform == "linux":
        number = _SCHED_SETATTR.get(os.uname().machine)
        policy, nice = os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)
        if number is not None and sys.maxsize > 1 << 32 and policy == os.SCHED_OTHER:
            # struct sched_attr: size, policy, flags, nice, priority, slice, deadline, period
            values = struct.pack("=IIQiIQQQ", 48, policy, 0, nice, 0, length_ns, 0, 0)
            ctypes.CDLL(None).syscall(number, 0, values, 0)  # a refusal changes nothing


def set_session_nice(nice: int) -> None:
    """Say how much of the processors all of this process's own session gets beside others, 0 (usual) to 19.

    Where Linux shares processors out by session (autogroup), the niceness of a process counts only inside of
    its session. Both ways are open to everybody, as those of a process are not. Source: sched(7).
    Raises: OSError, BlockingIOError when that was done a moment ago.
    """
    if sys.platform != "linux" or os.getsid(0) != os.getpid():  # a session of others stays as it is
        raise OSError("no session of its own, or none that has a niceness")
    file = os.open("/proc/self/autogroup", os.O_WRONLY)
    try:
        os.write(file, str(nice).encode())
    finally:
        os.close(file)
