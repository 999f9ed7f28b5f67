"""How messages arrive: from a pipe by the event loop alone, from what it cannot wait for by a thread."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from qwen_lsp.lsp.wire import Messages
from tests.support.editor import within


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class NoThreads(Executor):
    """Has none."""


@pytest.mark.skipif(sys.platform == "win32", reason="its event loop cannot wait for a pipe of others")
async def test_no_thread_stands_between_a_pipe_and_the_event_loop() -> None:
    """Also where a message comes in pieces, and two come in one."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream:
        messages = Messages(stream)
        arriving = asyncio.create_task(messages.arrive(NoThreads()))
        for piece in (framed(b"first")[:7], framed(b"first")[7:-2], b"st" + framed(b"second")):
            await asyncio.sleep(0.01)
            assert not arriving.done()
            os.write(write, piece)
        assert await within(arriving) == b"first"
        assert await within(messages.arrive(NoThreads())) == b"second"
        os.close(write)
        assert await within(messages.arrive(NoThreads())) is None


async def test_a_file_is_read_by_a_thread(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(framed(b"first") + framed(b"second"))
    with ThreadPoolExecutor(1) as threads, os.fdopen(os.open(tmp_path / "file", os.O_RDONLY), "rb") as stream:
        messages = Messages(stream)
        assert [await within(messages.arrive(threads)) for _ in range(3)] == [b"first", b"second", None]


@pytest.mark.skipif(sys.platform == "win32", reason="its event loop cannot wait for a pipe of others")
async def test_what_a_message_has_begun_comes_before_the_next_message() -> None:
    """A request takes the text as it is when its turn comes: not that of a change sent after it."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream:
        messages = Messages(stream)
        os.write(write, framed(b"first") + framed(b"second"))
        seen = [await within(messages.arrive(NoThreads()))]

        async def begun() -> None:
            seen.append(b"begun")

        task = asyncio.create_task(begun())
        seen.append(await messages.arrive(NoThreads()))
        await task
        os.close(write)
    assert seen == [b"first", b"begun", b"second"]
