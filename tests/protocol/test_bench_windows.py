"""The windows of `bench windows`: processes of their own, a server in each. Scripted engines."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psutil
import pytest

from qwen_lsp.bench.windows.run import Seen, play
from qwen_lsp.bench.windows.window import Told
from qwen_lsp.errors import QwenLspError
from tests.support.editor import within
from tests.support.stand_in import Program
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a `#!` line")


@pytest.fixture(autouse=True)
def own_runtime_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The engine that other tests share is none of these windows'."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))


def told(program: Program, marker: str) -> Told:
    return Told(marker, 2.0, {"engine.program": str(program.path), "model.path": str(program.model)}, {})


async def test_what_happens_in_each_window_is_counted(tmp_path: Path) -> None:
    program = Program(tmp_path)
    seen = Seen(2)
    await play(seen, [told(program, marker) for marker in ("ash", "oak")])
    assert seen.keys > 4
    assert len(seen.own_ms) == len(seen.processor_ms) == seen.keys
    assert len(seen.answer_ms) == seen.suggestions + seen.reasons.total() == seen.keys
    assert seen.most_engines == 2, "a program of the user's is not shared"
    assert seen.memory_bytes > 0
    assert not seen.mixed


async def test_a_window_that_ends_before_its_time_is_an_error(tmp_path: Path) -> None:
    program = Program(tmp_path)
    playing = asyncio.create_task(play(Seen(2), [told(program, marker) for marker in ("ash", "oak")]))

    def opened() -> list[psutil.Process]:
        return [
            one for one in psutil.Process().children() if "qwen_lsp.bench.windows.window" in one.cmdline()
        ]

    await until(lambda: len(opened()) == 2, "both are there")
    opened()[1].kill()
    with pytest.raises(QwenLspError, match="a window has ended"):
        await within(playing)
    assert not opened()
