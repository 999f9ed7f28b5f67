"""A client that writes the bytes of the protocol itself, for what a well-behaved one never sends."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from qwen_lsp.bench.editor import SERVER_COMMAND, set_options
from tests.support import preloaded
from tests.support.editor import frames, within
from tests.support.engine_server import EngineServer


def server_command(engine: EngineServer) -> tuple[str, ...]:
    """Return a command that starts a server whose user has named this engine."""
    return (*preloaded.command(), *set_options({"endpoint.url": engine.url}))


def process_command(engine: EngineServer) -> tuple[str, ...]:
    """Return the same as a process from its very start, for tests of the process itself."""
    return (*SERVER_COMMAND, *set_options({"endpoint.url": engine.url}))


@dataclass
class RawClient:
    """A server process and everything it wrote. Requests of the server are answered with null."""

    process: asyncio.subprocess.Process
    stdout: bytearray = field(default_factory=bytearray)
    stderr: list[str] = field(default_factory=list)
    stderr_grew: asyncio.Event = field(default_factory=asyncio.Event)
    answers: dict[Any, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def started(
        cls, command: Sequence[str] = SERVER_COMMAND, **kwargs: Any
    ) -> AsyncIterator[RawClient]:
        """Start a server; at the end it must be gone, and must have written nothing but protocol."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, **kwargs
        )
        client = cls(process)
        client._tasks = [asyncio.create_task(client._read()), asyncio.create_task(client._read_stderr())]
        try:
            yield client
            await within(process.wait())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await asyncio.gather(*client._tasks)
            sys.stdout.write("--- the server's stderr ---\n" + "\n".join(client.stderr[-100:]) + "\n")
        frames(bytes(client.stdout))

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def message(self, value: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **value}).encode()
        self.send(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def notify(self, method: str, params: Any) -> None:
        self.message({"method": method, "params": params})

    def send_request(self, method: str, params: Any) -> int:
        """Send a request; return its id."""
        number: int = next(self._ids)
        self.answers[number] = asyncio.get_running_loop().create_future()
        self.message({"id": number, "method": method, "params": params})
        return number

    async def response(self, number: int) -> dict[str, Any]:
        """Return the whole response to a request, an error too."""
        response: dict[str, Any] = await within(self.answers[number])
        return response

    async def answer(self, method: str, params: Any) -> dict[str, Any]:
        """Send a request and return the whole response, an error too."""
        return await self.response(self.send_request(method, params))

    async def request(self, method: str, params: Any) -> Any:
        """Send a request and return its result."""
        response = await self.answer(method, params)
        assert "error" not in response, response
        return response["result"]

    async def goodbye(self) -> None:
        """Shut down and exit, and see the server end in good order."""
        await self.request("shutdown", None)
        self.notify("exit", None)
        assert await within(self.process.wait()) == 0

    async def _read(self) -> None:
        assert self.process.stdout is not None
        pending = b""
        while data := await self.process.stdout.read(65_536):
            self.stdout += data
            pending += data
            while (parsed := _first(pending)) is not None:
                body, pending = parsed
                self._handle(json.loads(body))
        for future in self.answers.values():
            if not future.done():
                future.set_exception(ConnectionError("the server closed its output"))

    async def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.stderr.append(line.decode("utf-8", "replace").rstrip())
            self.stderr_grew.set()

    def _handle(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            future = self.answers.get(message.get("id"))
            if future is not None and not future.done():
                future.set_result(message)
        elif "id" in message:
            self.message({"id": message["id"], "result": None})
        else:
            self.notifications.append(message)


def _first(data: bytes) -> tuple[bytes, bytes] | None:
    """Split the first whole message off."""
    head, mark, rest = data.partition(b"\r\n\r\n")
    if not mark:
        return None
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")
    )
    return (rest[:length], rest[length:]) if len(rest) >= length else None
