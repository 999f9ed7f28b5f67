"""Who gets a processor soon after waking: a server and the shared engine's process, not what computes.

Read from the kernel, of real processes.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from pathlib import Path

import psutil
import pytest

from qwen_lsp.bench import editor
from tests.support.editor import within
from tests.support.shared_engine import brokers, engines, runtime_folder, windows
from tests.support.stand_in import Program
from tests.support.waiting import until

NUMBERS = {"x86_64": 315, "aarch64": 275}


def has_slices() -> bool:
    """Whether the kernel lets a process choose its slices."""
    release = platform.release().split(".")
    is_new = sys.platform == "linux" and (int(release[0]), int(release[1])) >= (6, 12)
    return is_new and platform.machine() in NUMBERS


pytestmark = pytest.mark.skipif(not has_slices(), reason="Linux 6.12 or later on a known processor is needed")


def slice_ns(pid: int) -> int:
    values = ctypes.create_string_buffer(48)
    assert ctypes.CDLL(None).syscall(NUMBERS[platform.machine()], pid, values, 48, 0) == 0
    return int(struct.unpack("=IIQiIQQQ", values.raw)[5])


async def test_a_server_wakes_sooner_and_its_engine_and_its_index_do_not(tmp_path: Path) -> None:
    program = Program(tmp_path)
    (tmp_path / "folder").mkdir()
    user = {"engine.program": str(program.path), "model.path": str(program.model)}
    async with editor.start(tmp_path / "folder", user=user) as session:
        text = "def one():\n    "
        await session.open("untitled:a.py", "python", text)
        assert await within(session.complete("untitled:a.py", len(text)))
        server = psutil.Process(session.server_process.pid)
        assert slice_ns(server.pid) < slice_ns(os.getpid())

        def usual() -> list[bool]:
            return [slice_ns(child.pid) == slice_ns(os.getpid()) for child in server.children()]

        await until(lambda: usual() == [True, True], "the engine and the indexing process are as others")


async def test_the_process_of_the_shared_engine_wakes_sooner(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with runtime_folder(monkeypatch, tmp_path) as place, windows(Program(tmp_path), 1) as (window,):
        await window.ask()
        (broker,), (engine,) = brokers(place), engines(place)
        assert slice_ns(broker.pid) < slice_ns(os.getpid()) == slice_ns(engine.pid)
