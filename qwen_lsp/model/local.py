"""Requests to an engine that we run on this machine: HTTP/1.1 on loopback, one connection a request.

What an engine of ours needs and no more: a general client costs each window 9 MB and most of the time of a
request. Endpoints of the user's go through `web.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from qwen_lsp.errors import EndpointTimeout, EndpointUnavailable
from qwen_lsp.model.transport import CONNECT_S

_READ_BYTES = 1 << 16
_FAILURES = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)


class LocalAnswer:
    """The answer to one request, its body still to be read."""

    location = ""

    def __init__(self, url: str, reader: asyncio.StreamReader, status: int, fields: dict[str, str]) -> None:
        self.status = status
        self._url = url
        self._reader = reader
        self._is_chunked = fields.get("transfer-encoding", "").lower() == "chunked"
        self._length = int(fields["content-length"]) if "content-length" in fields else None

    async def lines(self) -> AsyncIterator[str]:
        """Yield the lines of the body as they come. Raises: EndpointUnavailable."""
        held = b""
        async for data in self._data():
            *whole, held = (held + data).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")
        if held:
            yield held.decode("utf-8", "replace")

    async def body(self) -> bytes:
        """Return the whole body. Raises: EndpointUnavailable."""
        return b"".join([data async for data in self._data()])

    async def _data(self) -> AsyncIterator[bytes]:
        try:
            if self._is_chunked:
                while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
                    yield (await self._reader.readexactly(size + 2))[:-2]
            elif self._length is not None:
                yield await self._reader.readexactly(self._length)
            else:
                while data := await self._reader.read(_READ_BYTES):
                    yield data
        except _FAILURES as error:
            raise _lost(self._url, error) from error


class Local:
    """Connections to one engine on loopback. `key` is sent with each request."""

    def __init__(self, url: str, key: str) -> None:
        address = urlsplit(url)
        self._url = url
        self._host, self._port = str(address.hostname), address.port
        self._key = key

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, body: bytes | None = None, timeout_s: float | None = None
    ) -> AsyncIterator[LocalAnswer]:
        """Send a request and yield its answer.

        Raises: EndpointUnavailable, EndpointTimeout.
        """
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(timeout_s):
                try:
                    async with asyncio.timeout(CONNECT_S):
                        reader, writer = await asyncio.open_connection(
                            self._host, self._port, limit=_READ_BYTES
                        )
                    writer.write(self._request(method, path, body or b""))
                    status, fields = _head(await reader.readuntil(b"\r\n\r\n"))
                    answer = LocalAnswer(self._url, reader, status, fields)
                except TimeoutError:
                    raise
                except _FAILURES as error:
                    raise _lost(self._url, error) from error
                yield answer
        except TimeoutError as error:
            raise EndpointTimeout(f"{self._url} did not answer in time") from error
        finally:
            if writer is not None:
                with suppress(OSError, RuntimeError):
                    writer.close()

    async def close(self) -> None:
        """Do nothing: no connection is kept."""

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nConnection: close\r\n"
            f"Authorization: Bearer {self._key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("latin-1") + body


def _head(data: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = data.decode("latin-1").split("\r\n")
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    return int(first.split(" ")[1]), fields


def _lost(url: str, error: Exception) -> EndpointUnavailable:
    if isinstance(error, EOFError):
        return EndpointUnavailable(f"{url} closed the connection in mid-answer")
    return EndpointUnavailable(f"{url} cannot be reached: {error or type(error).__name__}")
