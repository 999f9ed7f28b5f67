"""Run one Python program, written in part by a model, and say whether it ran to its end.

The child process gets an empty directory, no input, no output and hard limits. This holds off
accidents (endless loops, floods of output or memory, forks, deleted files), not an attacker: a
program that wants to can still read the user's files or read its own token from /proc. Knows nothing of
rows or scores; `passes` is the way in.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# What the child runs first: it takes the program and the limits, shuts the doors, and reports through a
# descriptor that was open before the program began. Passing means that the whole file holds the token,
# which the program does not know; so neither sys.exit(0), os._exit(0) nor any output passes.
# The program's module is not `__main__`: HumanEval's own harness also leaves main guards asleep.
_RUNNER = r"""
import os, sys

token, time_limit_s, memory_limit_bytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.argv[:] = ["program.py"]
with open("program.py", "rb") as file:
    source = file.read()
report = os.open("../report", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
write, leave = os.write, os._exit

try:
    import resource
except ImportError:  # Windows
    pass
else:
    for name, limit in (
        ("RLIMIT_CPU", time_limit_s),
        ("RLIMIT_AS", memory_limit_bytes),
        ("RLIMIT_FSIZE", 1 << 20),
        ("RLIMIT_CORE", 0),
    ):
        try:
            resource.setrlimit(getattr(resource, name), (limit, limit))
        except (AttributeError, ValueError, OSError):  # macOS knows RLIMIT_AS but may refuse it
            pass

home = os.path.realpath(os.getcwd())
refused = (
    "os.exec os.fork os.forkpty os.kill os.killpg os.posix_spawn os.spawn os.startfile os.system "
    "pty.spawn signal.pthread_kill subprocess.Popen _winapi.CreateProcess _winapi.TerminateProcess "
    "socket.connect socket.getaddrinfo socket.gethostbyname socket.sendmsg socket.sendto webbrowser.open"
).split()
changes = (
    "os.chmod os.chown os.link os.mkdir os.remove os.rename os.rmdir os.symlink os.truncate os.utime "
    "shutil.rmtree"
).split()
fsdecode, realpath, join, separator, devnull = os.fsdecode, os.path.realpath, os.path.join, os.sep, os.devnull
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def is_outside(path):
    if not isinstance(path, (str, bytes)) and not hasattr(path, "__fspath__"):
        return False  # a descriptor
    name = fsdecode(path)
    return name != devnull and not join(realpath(name), "").startswith(join(home, ""))


def guard(event, args):
    if event in refused:
        raise PermissionError("not allowed here: " + event)
    if event == "open" and isinstance(args[2], int) and args[2] & writing and is_outside(args[0]):
        raise PermissionError("not allowed here: writing " + str(args[0]))
    if event in changes and any(is_outside(arg) for arg in args):
        raise PermissionError("not allowed here: " + event)


import types, warnings

module = types.ModuleType("program")
sys.modules["program"] = module
sys.addaudithook(guard)
try:
    warnings.simplefilter("ignore")
    exec(compile(source, "program.py", "exec", dont_inherit=True), module.__dict__)
    text = token
except BaseException as error:
    try:
        text = (type(error).__name__ + ": " + str(error)).rstrip(": ")[:300]
    except BaseException:
        text = "an exception that cannot be shown"
try:
    write(report, text.encode("utf-8", "replace"))
finally:
    leave(0)  # not sys.exit: threads and exit handlers of the program must not hold us
"""

_REPORT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the program ran to its end, and if not, why in a few words."""

    passed: bool
    reason: str = ""


async def passes(program: str, time_limit_s: float = 10.0, memory_limit_bytes: int = 1 << 30) -> Outcome:
    """Run `program` in a child process and say whether it reached its last line.

    Where the system has no `resource` (Windows) only the time limit holds; macOS does not enforce
    the one on memory. What the program starts or signals is refused, and its process group is killed
    at the end in any case.
    Raises: OSError when no process can be started at all.
    Cost: one interpreter start, about 50 ms.
    """
    token = secrets.token_hex(16)
    # ignore_cleanup_errors: Windows keeps a file that a dying process still holds.
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        home = _prepare(directory, program)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-B", "-X", "utf8", "-c", _RUNNER),
            *(token, str(int(time_limit_s) + 1), str(memory_limit_bytes)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=home,
            env=_environment(home),
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        try:
            await asyncio.wait_for(process.wait(), time_limit_s)
        except TimeoutError:
            return Outcome(False, f"time limit of {time_limit_s:g} s")
        finally:
            _kill(process)
            await process.wait()
        return _outcome(directory / "report", token, process.returncode)


def _prepare(directory: Path, program: str) -> Path:
    home = directory / "home"
    home.mkdir()
    # A model may write half a surrogate pair; the child then reports a SyntaxError.
    (home / "program.py").write_bytes(program.encode("utf-8", "surrogatepass"))
    return home


def _environment(home: Path) -> dict[str, str]:
    # Windows cannot start Python without SYSTEMROOT.
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return {**kept, "HOME": str(home), "TMPDIR": str(home), "TEMP": str(home), "TMP": str(home)}


def _kill(process: asyncio.subprocess.Process) -> None:
    # macOS answers EPERM for a group whose only member is a zombie.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()


def _outcome(report: Path, token: str, status: int | None) -> Outcome:
    try:
        with report.open("rb") as file:
            text = file.read(_REPORT_BYTES).decode("utf-8", "replace")
    except OSError:
        text = ""
    if text == token:
        return Outcome(True)
    if text:
        return Outcome(False, text)
    if status and status < 0:
        return Outcome(False, f"killed by signal {-status}")
    return Outcome(False, f"ended early with status {status}")
