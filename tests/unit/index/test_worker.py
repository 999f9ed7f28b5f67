"""The server's end of the indexing process: what it does with events, read from a real child."""

from __future__ import annotations

import asyncio
import sys

import pytest

from qwen_lsp.child import Child
from qwen_lsp.index.orders import Event
from qwen_lsp.index.worker import Worker

# Nothing that is an event, one that the listener fails at, and one that is well.
WRITES = r"""
print("no event at all")
print('{"kind":"progress","root":"/code","done":1,"total":2}')
print('{"kind":"done","root":"/code"}')
"""


async def test_an_event_that_fails_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    received: list[str] = []

    def on_event(event: Event) -> None:
        received.append(event.kind)
        if event.kind == "progress":
            raise ZeroDivisionError("injected")

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WRITES), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    child = Child(process, None)
    await Worker(on_event)._supervise(child)
    await child.close(1)
    assert received == ["progress", "done"]
    assert caplog.text.count("was not handled") == 2
