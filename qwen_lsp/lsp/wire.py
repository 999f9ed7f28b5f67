"""Messages on the wire: bytes in, the bodies of messages out.

Headers are read as the base protocol says, whatever their case and order. What is no message is skipped up
to the next header, with one line in the log. A body is held as far as it has come, and up to a limit. The
event loop itself waits for bytes: a thread that reads is woken before it, and on a busy machine each of the
two waits for a processor. Knows nothing of what a message says.
"""

from __future__ import annotations

import asyncio
import logging
import re
from concurrent.futures import Executor
from typing import BinaryIO

log = logging.getLogger(__name__)

# Far more than a document that anything here works on.
MAX_BODY_BYTES = 64 << 20
_MAX_HEADER_BYTES = 8 << 10
_READ_BYTES = 1 << 16
_LENGTH = re.compile(rb"content-length[ \t]{0,9}:[ \t]{0,9}(\d{1,19})[ \t]{0,9}\r?\n", re.IGNORECASE)
_FIELDS = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\r\n]*+\r?\n)*+")
_EMPTY_LINE = re.compile(rb"\r?\n")
# The end of a header of a length that may go on in the next bytes.
_TAIL_BYTES = 80


class Messages:
    """The messages in a stream.

    State: the bytes that were read and are not used yet, whether some were skipped, and whether the event
    loop can wait for more of them.
    """

    def __init__(self, stream: BinaryIO, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._stream = stream
        self._max_body_bytes = max_body_bytes
        self._held = bytearray()
        self._is_lost = False
        self._is_in_body = False
        self._is_watched = True

    async def arrive(self, threads: Executor) -> bytes | None:
        """Return the body of the next message, letting others run meanwhile; None at the end of the stream.

        `threads` read where the event loop cannot wait.
        """
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # what the last message has begun comes before one that is here already
        while (body := self._held_body()) is None:
            await self._readable()
            if not (self._read() if self._is_watched else await loop.run_in_executor(threads, self._read)):
                return None
        return body

    def next(self) -> bytes | None:
        """Return the body of the next message, waiting for it; None at the end of the stream."""
        while (body := self._held_body()) is None:
            if not self._read():
                return None
        return body

    async def _readable(self) -> None:
        """Wait until reading does not; at once where the system can only read and wait, as from a file."""
        if not self._is_watched:
            return
        loop = asyncio.get_running_loop()
        has_come = asyncio.Event()
        try:
            number = self._stream.fileno()
            loop.add_reader(number, has_come.set)
        except (NotImplementedError, OSError, ValueError):  # Windows; a file
            self._is_watched = False
            return
        try:
            await has_come.wait()
        finally:
            loop.remove_reader(number)

    def _held_body(self) -> bytes | None:
        """Take the first whole message out of what was read; None where there is none yet."""
        while True:
            found = _LENGTH.search(self._held)
            if found is None:
                self._skip(len(self._held) - _TAIL_BYTES)
                return None
            if not _FIELDS.fullmatch(self._held, 0, found.start()):
                self._skip(found.start())
                continue
            fields = _FIELDS.match(self._held, found.start())
            end = fields.end() if fields is not None else found.end()
            empty = _EMPTY_LINE.match(self._held, end)
            if empty is None:
                is_cut = b"\n" not in self._held[end:] and len(self._held) < _MAX_HEADER_BYTES
                if is_cut:
                    return None
                self._skip(end)  # a line that is no header
                continue
            # Of several, the one next to the body: what stands before it may have lost its own.
            length = int(_LENGTH.findall(self._held, 0, end)[-1])
            if length > self._max_body_bytes:
                log.warning("a message of %d bytes is skipped: the limit is %d", length, self._max_body_bytes)
                self._skip(empty.end())
                continue
            return self._body(empty.end(), length)

    def resume(self, body: bytes) -> None:
        """Take back a body that could not be read: where it holds a header, the next message begins."""
        found = _LENGTH.search(body)
        if found is not None:
            self._held[:0] = body[found.start() :]

    def _body(self, start: int, length: int) -> bytes | None:
        self._is_in_body = len(self._held) < start + length
        if self._is_in_body:
            return None
        body = bytes(self._held[start : start + length])
        del self._held[: start + length]
        self._is_lost = False
        return body

    def _read(self) -> bool:
        data: bytes = self._stream.read1(_READ_BYTES)  # type: ignore[attr-defined]
        self._held += data
        if not data and self._is_in_body:
            log.warning("the client's messages ended in the middle of one")
        return bool(data)

    def _skip(self, count: int) -> None:
        if count > 0:
            if not self._is_lost:
                log.warning("what came is no message: skipped up to the next header (%r)", self._held[:40])
            self._is_lost = True
            del self._held[:count]
