"""The server's end of the indexing process: starts it on first need, sends orders, hears events.

State: the process and the roots it was given, so that it can be started again when it dies. Nothing
here waits for it, and nothing here reads an index.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from qwen_lsp.child import Backoff, Child
from qwen_lsp.index.orders import Event, Order

log = logging.getLogger(__name__)

# It is restarted after two deaths in a row; after a third one not before so much time has passed.
_BACKOFF_S, _RESET_S = (0.0, 1.0), 300.0
_END_S = 5.0


class Worker:
    """One indexing process for all roots of a server."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._child: Child | None = None
        self._roots: dict[str, bool] = {}  # and whether it is watched by us
        self._backoff = Backoff(_BACKOFF_S, _RESET_S)
        self._is_closed = False
        self._pauses = 0
        self._supervision: asyncio.Task[None] | None = None
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
        child, self._child = self._child, None
        if child is not None:
            await child.close(_END_S)
        if self._supervision is not None:
            self._supervision.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervision

    async def _send(self, order: Order) -> None:
        async with self._starting:
            if self._child is None and not self._is_closed and self._backoff.may_start(time.monotonic()):
                try:
                    await self._start()
                except OSError as error:
                    self._on_event(Event("failed", order.root, detail=f"no process can be started: {error}"))
        self._write(order)

    def _write(self, order: Order) -> None:
        if self._child is not None:
            self._child.send(msgspec.json.encode(order))

    async def _start(self) -> None:
        # stderr is the server's own: what goes wrong there is in the editor's log.
        self._child = child = await Child.start("qwen_lsp.index.host", str(os.getpid()))
        self._supervision = asyncio.get_running_loop().create_task(self._supervise(child))
        if self._pauses:
            self._write(Order("pause"))

    async def _supervise(self, child: Child) -> None:
        """Hand on its events until it ends; if it died, have another one begin again."""
        started_s = time.monotonic()
        async for line in child.lines():
            try:
                self._on_event(msgspec.json.decode(line, type=Event))
            except Exception:  # one event that cannot be read or shown must not cost the others
                log.exception("an event of the indexing process was not handled: %r", line[:200])
        code = await child.wait()
        if self._is_closed or self._child is not child:
            return
        self._child = None
        now = time.monotonic()
        pause_s = self._backoff.died(now, now - started_s)
        log.warning("the indexing process ended with %s", code)
        if pause_s is None:
            for root in self._roots:
                self._on_event(Event("failed", root, detail="the indexing process keeps crashing"))
            return
        await asyncio.sleep(pause_s)
        for root, is_watched in list(self._roots.items()):
            if is_watched:
                await self.watch(root)
            await self._send(Order("update", root, is_careful=True))
