"""A server that runs without us: asked once what it speaks, reached only where the user allowed it.

It has what the engine has: `ready()` -> Client, `state` and `close()`. Knows no prompts and no LSP.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from qwen_lsp.config import user_file
from qwen_lsp.endpoints import EndpointConfig, host_of, is_http, keeps_key, may_receive_code
from qwen_lsp.errors import ConfigError, EndpointError, EndpointRejected, EndpointUnavailable
from qwen_lsp.model import gate, keys
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.dialect import Served
from qwen_lsp.model.dialects.known import precise, wanted
from qwen_lsp.model.state import CLOSED, Cause, Listener, Phase, State
from qwen_lsp.model.tls import Tls


class RemoteEndpoint:
    """A server that runs without us, in any dialect: the first address of the settings."""

    is_endpoint = True

    def __init__(self, config: EndpointConfig, on_state: Listener) -> None:
        self._config = config
        self._on_state = on_state
        self.url = config.urls[0]
        self.state = State("off", url=self.url)
        self._client: Client | None = None
        self._is_lost = False  # its last request was not answered, so it is asked again what it is
        self._older: list[Client] = []  # of what ran there before; requests may still be under way
        self._connecting = asyncio.Lock()
        self._is_closed = False

    async def ready(self) -> Client:
        """Return a client, having asked the endpoint what it speaks.

        Raises: ConfigError when the host is remote and the user has not allowed that; EndpointUnavailable
        when nothing answers.
        """
        async with self._connecting:  # a warm-up and the first request come at once
            if (self._client is None or self._is_lost) and not self._is_closed:
                client = await self._connect()
                if self._is_closed:
                    await client.close()
                else:
                    await self._take(client)
            if self._client is None:
                raise EndpointUnavailable(CLOSED)
            return self._client

    def idle_client(self) -> Client | None:
        """Return the client if the endpoint was reached already, and answered last time."""
        return None if self._is_lost else self._client

    @property
    def model(self) -> str:
        """What the endpoint calls its model; "" until it was reached."""
        return self._client.endpoint.model if self._client is not None else ""

    async def close(self) -> None:
        """Close the connections, for good; the server itself is not ours to stop."""
        self._is_closed = True
        client, self._client = self._client, None
        for one in (client, *self._older):
            if one is not None:
                await one.close()
        self._set("off")

    def _set(self, phase: Phase, detail: str = "", cause: Cause = "") -> None:
        self.state = State(phase, detail, cause, self.url)
        self._on_state(self.state)

    async def _take(self, client: Client) -> None:
        """Use a client from now on; one that is like the last adds nothing."""
        if self._client is not None and self._client.endpoint == client.endpoint:
            await client.close()
        else:
            if self._client is not None:
                self._older.append(self._client)
            self._client = client
        self._is_lost = False
        self._set("ready")

    def _lost(self, error: EndpointError) -> None:
        """Take note that a request was not answered. While the server is still being asked, nobody has it."""
        if self._client is not None and not self._is_lost and not self._is_closed:
            self._is_lost = True
            self._set("failed", str(error), "unreachable")

    async def _connect(self) -> Client:
        url = self.url.rstrip("/").removesuffix("/v1")
        self._check(url)
        try:
            if self._config.api_key_command:  # a program may ask its user first
                key = await asyncio.to_thread(keys.api_key, self._config)
            else:
                key = keys.api_key(self._config)
        except ConfigError as error:
            raise self._failed(str(error), "key") from None
        if key and not keeps_key(url):
            raise self._failed(f"{url} would get your API key in the clear: use https://", "key")
        for dialect in wanted(self._config.kind, url):
            endpoint = Endpoint(
                url,
                dialect,
                key,
                self._config.model,
                self._tls(),
                must_redact=self._config.redact == "always",
                keeps_text=self._config.keep_sent_text,
            )
            if endpoint.is_guarded:
                await asyncio.to_thread(gate.prepare)
            try:
                return Client(await self._precise(endpoint), self._lost)
            except EndpointError as error:
                reason = error
                if not isinstance(error, EndpointRejected):  # it speaks this one, or nothing is there
                    break
        message = f"the endpoint cannot be used: {reason}"
        self._set("failed", message, "unreachable")
        raise EndpointUnavailable(message)

    def _check(self, url: str) -> None:
        """Raise ConfigError for an address that is none, or that the user has not allowed to get code."""
        if not is_http(url):
            raise self._failed(
                f"`endpoint.url` {url!r} is not an address such as http://127.0.0.1:8080, nor `engine`",
                "address",
            )
        if not may_receive_code(self._config):
            raise self._failed(
                f"{url} is not this machine, so your code would leave it; if you want that, "
                f'set `allowedHosts = ["{host_of(url)}"]` under [endpoint] in {user_file()}',
                "remote",
            )

    def _failed(self, message: str, cause: Cause) -> ConfigError:
        self._set("failed", message, cause)
        return ConfigError(message)

    def _tls(self) -> Tls:
        return Tls(self._config.ca_file, self._config.client_certificate, self._config.client_key)

    async def _precise(self, endpoint: Endpoint) -> Endpoint:
        """Ask an endpoint what it is; a server that is known is asked in its own dialect."""
        found, served = await self._described(endpoint)
        dialect = precise(found.dialect, served) if self._config.kind == "auto" else found.dialect
        if dialect is found.dialect:
            return found
        try:
            return (await self._described(replace(endpoint, dialect=dialect)))[0]
        except EndpointRejected:  # an older version of it
            return found

    async def _described(self, endpoint: Endpoint) -> tuple[Endpoint, Served]:
        """Return the endpoint with what it says of itself, and all that it said. Raises: EndpointError."""
        client = Client(endpoint, self._lost)
        try:
            served = await client.served()
        finally:
            await client.close()
        model = endpoint.model or served.model
        found = replace(
            endpoint, model=model, context_tokens=served.context_tokens, models=served.models or (model,)
        )
        return found, served
