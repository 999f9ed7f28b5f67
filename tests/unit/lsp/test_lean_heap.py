"""The C library is told once, and gives back what is free."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from qwen_lsp.lsp import lean_heap

CODE = """
import sys
from qwen_lsp.lsp import lean_heap

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

lean_heap.keep_small()
blocks = [bytes(8000) for _ in range(8000)]
kept = blocks[-1]  # what lies above holds the heap open
del blocks
before = resident()
lean_heap.give_back()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is asked")
def test_what_is_free_is_the_system_s_again() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 30_000_000


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(name: None) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    lean_heap.keep_small()
    lean_heap.give_back()
