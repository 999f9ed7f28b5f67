"""Requests to an endpoint that the user has named: httpx, with TLS, proxies and connections that are kept.

Its failures become EndpointErrors. Knows no dialect and no meaning of what is sent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from qwen_lsp.endpoints import is_loopback
from qwen_lsp.errors import EndpointTimeout, EndpointUnavailable
from qwen_lsp.model import tls
from qwen_lsp.model.tls import Tls
from qwen_lsp.model.transport import CONNECT_S

_JSON = {"Content-Type": "application/json"}


class WebAnswer:
    """The answer to one request."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.location = str(response.headers.get("location", ""))

    async def lines(self) -> AsyncIterator[str]:
        """Yield the lines of the body as they come. Raises: httpx's errors, which `Web.ask` maps."""
        async for line in self._response.aiter_lines():
            yield line

    async def body(self) -> bytes:
        """Return the whole body. Raises: httpx's errors, which `Web.ask` maps."""
        return await self._response.aread()


class Web:
    """A pool of connections to one endpoint."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self._url = url
        self._http = http

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, body: bytes | None = None, timeout_s: float | None = None
    ) -> AsyncIterator[WebAnswer]:
        """Send a request and yield its answer.

        Raises: EndpointUnavailable, EndpointTimeout.
        """
        headers = _JSON if body is not None else {}
        timeout = httpx.Timeout(timeout_s, connect=CONNECT_S)
        try:
            async with self._http.stream(
                method, path, content=body, headers=headers, timeout=timeout
            ) as response:
                yield WebAnswer(response)
        except httpx.TimeoutException as error:
            raise EndpointTimeout(f"{self._url} did not answer in time") from error
        except httpx.HTTPError as error:
            text = f"{self._url} cannot be reached: {error or type(error).__name__}"
            raise EndpointUnavailable(text) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()


def connect(url: str, key: str, security: Tls) -> Web:
    """Return connections to an endpoint; nothing is sent yet."""
    is_here = is_loopback(url)
    http = httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"} if key else {},
        # A proxy named in the environment must never see what goes to this machine itself.
        trust_env=not is_here,
        verify=tls.context(security) if url.startswith("https:") else tls.nobody(),
        # llama.cpp closes an idle connection after some seconds, and a request that meets that moment
        # is lost; a new connection to this machine costs a fraction of a millisecond.
        limits=httpx.Limits(max_keepalive_connections=0 if is_here else 8, keepalive_expiry=2.0),
        follow_redirects=False,
    )
    return Web(url, http)
