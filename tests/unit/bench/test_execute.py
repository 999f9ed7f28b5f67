"""Running programs of a model: the honest pass, everything else fails and harms nobody."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import textwrap
from pathlib import Path

import psutil
import pytest

from qwen_lsp.bench.infill.execute import Outcome, passes

has_limits = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux enforces limits on memory and CPU time"
)


async def run(program: str, time_limit_s: float = 20.0, memory_limit_bytes: int = 1 << 30) -> Outcome:
    return await passes(textwrap.dedent(program), time_limit_s, memory_limit_bytes)


@pytest.mark.parametrize(
    "program",
    [
        "",
        "assert sum(range(5)) == 10",
        # Dataclasses look their module up in sys.modules.
        """
        from __future__ import annotations
        from dataclasses import dataclass

        @dataclass
        class 点:
            横: int

        assert 点(1) == 点(1)
        """,
        "import threading; threading.Thread(target=lambda: threading.Event().wait()).start()",
        "import asyncio\nasync def main(): await asyncio.sleep(0)\nasyncio.run(main())",
        "import tempfile\nwith tempfile.TemporaryDirectory() as d: open(d + '/a', 'w').write('x')",
        "import os\nprint('x', file=open(os.devnull, 'w'))\nassert os.listdir() == ['program.py']",
        "if __name__ == '__main__': raise SystemExit(3)",
        "import atexit; atexit.register(lambda: 1 / 0)",
    ],
)
async def test_passes(program: str) -> None:
    assert await run(program) == Outcome(True)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("assert False, 'no'", "AssertionError: no"),
        ("assert False", "AssertionError"),
        ("def f(:\n", "SyntaxError: "),
        ("x = 1\n  y = 2\n", "IndentationError: "),
        ("\0", ""),
        ("'\ud83d'", "SyntaxError: "),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import os; os._exit(0)", "ended early with status 0"),
        ("import os; os.closerange(0, 64)", "ended early with status 0"),
        ("input()", "EOFError: "),
        ("def f(): f()\nf()", "RecursionError: "),
        (
            "class E(Exception):\n    def __str__(self): return 1 / 0\nraise E",
            "an exception that cannot be shown",
        ),
        ("raise ValueError('长' * 10_000)", "ValueError: 长长"),
    ],
)
async def test_does_not_pass(program: str, reason: str) -> None:
    outcome = await run(program)
    assert not outcome.passed
    assert outcome.reason.startswith(reason)
    assert len(outcome.reason) <= 310


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass",
        "while True: print('spam' * 1000)",
        "import time; time.sleep(1000)",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass",
    ],
)
async def test_endless_programs_end_at_the_time_limit(program: str) -> None:
    outcome = await run(program, time_limit_s=0.4)
    assert outcome == Outcome(False, "time limit of 0.4 s")
    assert not psutil.Process().children(recursive=True)


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.fork()",
        "import os; os.system('echo')",
        "import subprocess, sys; subprocess.run([sys.executable, '-V'])",
        "import os; os.kill(os.getppid(), 9)",
        "import os; os.killpg(0, 9)",
        "import os; os.execv('/bin/sh', ['sh'])",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "open('../report', 'w')",
        "open('../report', 'r+')",
        "import os; os.open('../report', os.O_RDWR)",
        "import os; os.remove('../report')",
        "import os; os.rename('program.py', '../program.py')",
        "import shutil; shutil.rmtree('..')",
        "from pathlib import Path; Path('..').chmod(0)",
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="some of these exist on POSIX only")
async def test_processes_signals_network_and_foreign_files_are_refused(program: str) -> None:
    outcome = await run(program)
    assert not outcome.passed
    assert outcome.reason.startswith("PermissionError: not allowed here: ")


@pytest.mark.parametrize(
    "program", ["x = bytearray(10 << 30)", "x = []\nwhile True: x.append(bytearray(1 << 20))"]
)
@has_limits
async def test_memory_is_limited(program: str) -> None:
    assert await run(program, memory_limit_bytes=256 << 20) == Outcome(False, "MemoryError")


@has_limits
async def test_a_crash_of_the_interpreter_is_a_plain_failure() -> None:
    outcome = await run("import signal; signal.raise_signal(signal.SIGSEGV)")
    assert outcome == Outcome(False, "killed by signal 11")


@has_limits
async def test_a_large_file_is_refused() -> None:
    assert "File too large" in (await run("open('a', 'wb').write(bytes(10 << 20))")).reason


async def test_the_environment_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_SECRET", "1")
    assert await run("import os, sys\nassert 'QWEN_SECRET' not in os.environ\nassert sys.flags.isolated")


async def test_nothing_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    await run("open('a', 'w').write('x')")
    await run("while True: pass", time_limit_s=0.3)
    assert not os.listdir(tmp_path)


async def child_started() -> None:
    while not psutil.Process().children():  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.01)


async def test_cancelling_kills_the_program() -> None:
    task = asyncio.create_task(run("while True: pass", time_limit_s=60))
    await asyncio.wait_for(child_started(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.Process().children(recursive=True)
