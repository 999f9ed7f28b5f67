"""How a request gets to an endpoint and its answer back: what `web.py` and `local.py` both are.

Failures are EndpointErrors. Knows no dialect, no process and no meaning of what is sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

CONNECT_S = 5.0


class Answer(Protocol):
    """The answer to one request."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def location(self) -> str:
        """Where a redirection leads; "" for none."""

    def lines(self) -> AsyncIterator[str]:
        """Yield the lines of the body as they come. Raises: EndpointUnavailable, EndpointTimeout."""

    async def body(self) -> bytes:
        """Return the whole body. Raises: EndpointUnavailable, EndpointTimeout."""


class Transport(Protocol):
    """Connections to one endpoint."""

    def ask(
        self, method: str, path: str, body: bytes | None = None, timeout_s: float | None = None
    ) -> AbstractAsyncContextManager[Answer]:
        """Send a request whose body is JSON; leaving the context closes what is still coming.

        Raises: EndpointUnavailable, EndpointTimeout.
        """

    async def close(self) -> None:
        """Close every connection."""
