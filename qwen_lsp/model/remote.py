"""A server that runs without us: asked once what it speaks, reached only where the user allowed it.

It has what the engine has: `ready()` -> Client, `state` and `close()`. Knows no prompts and no LSP.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from qwen_lsp.config import user_file
from qwen_lsp.endpoints import EndpointConfig, host_of, is_http, keeps_key, may_receive_code
from qwen_lsp.errors import ConfigError, EndpointError, EndpointUnavailable
from qwen_lsp.model import gate
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.known import wanted
from qwen_lsp.model.state import CLOSED, Cause, Listener, State
from qwen_lsp.model.tls import Tls


class RemoteEndpoint:
    """A server that runs without us, in any dialect."""

    def __init__(self, config: EndpointConfig, on_state: Listener) -> None:
        self._config = config
        self._on_state = on_state
        self.state = State("off")
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._is_closed = False

    async def ready(self) -> Client:
        """Return a client, having asked the endpoint what it speaks.

        Raises: ConfigError when the host is remote and the user has not allowed that; EndpointUnavailable
        when nothing answers.
        """
        async with self._connecting:  # a warm-up and the first request come at once
            if self._client is None and not self._is_closed:
                client = await self._connect()
                if self._is_closed:
                    await client.close()
                else:
                    self._client = client
                    self._set(State("ready"))
            if self._client is None:
                raise EndpointUnavailable(CLOSED)
            return self._client

    def idle_client(self) -> Client | None:
        """Return the client if the endpoint was reached already."""
        return self._client

    @property
    def model(self) -> str:
        """What the endpoint calls its model; "" until it was reached."""
        return self._client.endpoint.model if self._client is not None else ""

    async def close(self) -> None:
        """Close the connections, for good; the server itself is not ours to stop."""
        self._is_closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.close()
        self._set(State("off"))

    def _set(self, state: State) -> None:
        self.state = state
        self._on_state(state)

    async def _connect(self) -> Client:
        url = self._config.url.rstrip("/").removesuffix("/v1")
        self._check(url)
        key = os.environ.get(self._config.api_key_env, "") if self._config.api_key_env else ""
        if key and not keeps_key(url):
            raise self._failed(f"{url} would get your API key in the clear: use https://", "address")
        for dialect in wanted(self._config.kind):
            endpoint = Endpoint(
                url, dialect, key, self._config.model, self._tls(), self._config.redact == "always"
            )
            if endpoint.is_guarded:
                await asyncio.to_thread(gate.prepare)
            client = Client(endpoint)
            try:
                return await self._checked(client)
            except EndpointError as error:
                reason = error
                await client.close()
        message = f"the endpoint cannot be used: {reason}"
        self._set(State("failed", message, "unreachable"))
        raise EndpointUnavailable(message)

    def _check(self, url: str) -> None:
        """Raise ConfigError for an address that is none, or that the user has not allowed to get code."""
        if not is_http(url):
            raise self._failed(
                f"`endpoint.url` {url!r} is not an address such as http://127.0.0.1:8080", "address"
            )
        if not may_receive_code(self._config):
            raise self._failed(
                f"{url} is not this machine, so your code would leave it; if you want that, "
                f'set `allowedHosts = ["{host_of(url)}"]` under [endpoint] in {user_file()}',
                "remote",
            )

    def _failed(self, message: str, cause: Cause) -> ConfigError:
        self._set(State("failed", message, cause))
        return ConfigError(message)

    def _tls(self) -> Tls:
        return Tls(self._config.ca_file, self._config.client_certificate, self._config.client_key)

    async def _checked(self, client: Client) -> Client:
        """Return the client if the endpoint speaks its dialect, with the model's name filled in."""
        name = await client.model()
        if client.endpoint.model or not name:
            return client
        await client.close()
        return Client(replace(client.endpoint, model=name))
