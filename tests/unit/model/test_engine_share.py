"""The engine makes way while several windows are typed in, and only then."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_lsp.child import set_session_nice
from qwen_lsp.model.engine_share import EngineShare
from tests.support.waiting import until

AUTOGROUP = Path("/proc/self/autogroup")
# In a session of its own, which its niceness is asked for before, in and after a crowd.
TRIAL = """
import json, pathlib, time
from qwen_lsp.child import set_session_nice
said = []
for nice in (19, 0):
    for _ in range(100):  # the kernel lets nobody do it often, whoever that is
        try:
            set_session_nice(nice)
            break
        except BlockingIOError:
            time.sleep(0.1)
    said.append(pathlib.Path("/proc/self/autogroup").read_text().split()[-1])
print(json.dumps(said))
"""


async def test_one_window_changes_nothing() -> None:
    said: list[int] = []
    share = EngineShare(said.append)
    for _ in range(3):
        share.typed("one")
    assert said == []


async def test_two_windows_make_it_give_way_until_one_is_left() -> None:
    said: list[int] = []
    share = EngineShare(said.append, typed_s=0.05)
    share.typed("one")
    share.typed("other")
    share.typed("one")
    assert said == [15]
    await until(lambda: said == [15, 0], "nobody types")
    share.typed("one")
    assert said == [15, 0]


async def test_it_tries_again_where_the_kernel_wants_it_later() -> None:
    said: list[int] = []

    def set_nice(nice: int) -> None:
        said.append(nice)
        if len(said) == 1:
            raise BlockingIOError

    share = EngineShare(set_nice)
    for window in ("one", "other", "one", "other"):
        share.typed(window)
    assert said == [15, 15]


async def test_it_asks_no_more_where_that_cannot_be() -> None:
    tries: list[int] = []

    def set_nice(nice: int) -> None:
        tries.append(nice)
        raise OSError("no such file")

    share = EngineShare(set_nice)
    for window in ("one", "other") * 5:
        share.typed(window)
    await asyncio.sleep(0)
    assert tries == [15]


def test_a_session_of_others_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getsid", lambda pid: 1, raising=False)
    with pytest.raises(OSError, match="no session of its own"):
        set_session_nice(5)


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not share processors out by session")
def test_the_kernel_takes_it_both_ways() -> None:
    out = subprocess.run(
        [sys.executable, "-c", TRIAL], capture_output=True, text=True, check=True, start_new_session=True
    ).stdout
    assert json.loads(out) == ["19", "0"]
