"""The server's end of the indexing process: starts it on first need, sends orders, hears events.

State: the process and the roots it was told of, so that it can be started again when it dies. Nothing
here waits for it, and nothing here reads an index.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence

import msgspec

from qwen_lsp.index.host import Event, Order

log = logging.getLogger(__name__)

_MOST_DEATHS = 3
_END_S = 5.0
_LINE_BYTES = 1 << 20


class Worker:
    """One indexing process for all roots of a server."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._process: asyncio.subprocess.Process | None = None
        self._roots: dict[str, bool] = {}  # and whether it is watched by us
        self._deaths = 0
        self._is_closed = False
        self._pauses = 0
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def update(self, root: str, paths: Sequence[str] | None = None, *, rebuild: str = "") -> None:
        """Have a root brought up to date: these files, or all of them."""
        self._roots.setdefault(root, False)
        await self._send(Order("update", root, None if paths is None else list(paths), rebuild))

    async def watch(self, root: str) -> None:
        """Have the process watch a root by itself."""
        self._roots[root] = True
        await self._send(Order("watch", root))

    async def forget(self, root: str) -> None:
        """End all work for a root."""
        if self._roots.pop(root, None) is not None:
            await self._send(Order("forget", root))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop indexing for as long as this lasts."""
        self._pauses += 1
        if self._pauses == 1:
            self._write(Order("pause"))
        try:
            yield
        finally:
            self._pauses -= 1
            if self._pauses == 0:
                self._write(Order("resume"))

    async def close(self) -> None:
        """Let the process finish what it writes, and end it."""
        self._is_closed = True
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._reader is not None:
            await self._reader

    async def _send(self, order: Order) -> None:
        async with self._starting:
            if self._process is None and not self._is_closed and self._deaths < _MOST_DEATHS:
                await self._start()
        self._write(order)

    def _write(self, order: Order) -> None:
        process = self._process
        if process is not None and process.stdin is not None and not process.stdin.is_closing():
            process.stdin.write(msgspec.json.encode(order) + b"\n")

    async def _start(self) -> None:
        # stderr is the server's own: what goes wrong there is in the editor's log.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "qwen_lsp.index.host", str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
        )
        self._reader = asyncio.get_running_loop().create_task(self._listen(self._process))
        if self._pauses:
            self._write(Order("pause"))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._on_event(msgspec.json.decode(line, type=Event))
        code = await process.wait()
        if not self._is_closed and self._process is process:
            self._process = None
            self._deaths += 1
            log.warning("the indexing process ended with %s", code)
            for root, is_watched in list(self._roots.items()):
                if self._deaths < _MOST_DEATHS:
                    if is_watched:
                        await self.watch(root)
                    await self._send(Order("update", root, is_careful=True))
                else:
                    self._on_event(Event("failed", root, detail="the indexing process keeps dying"))
