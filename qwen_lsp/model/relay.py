"""The HTTP address of the shared engine: hands what windows ask on to the engine, in turn.

A window reaches only what is listed in `RELAYED`, with the token of its lease, and no slot of its choice:
nobody sees what others have in the engine. A request that found no engine, or had to make way before a word
was written, is asked again. Knows no prompts and no leases.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from qwen_lsp.errors import QwenLspError
from qwen_lsp.model.dialects.llama import BACKGROUND, PROGRESS, RELAYED, RENEWABLE, SLOT, STALE
from qwen_lsp.model.engine import CHAT_SLOT, Engine
from qwen_lsp.model.engine_share import EngineShare
from qwen_lsp.model.slots import AskSlots, Placed, Slots
from qwen_lsp.model.turns import Turn, Turns, Urgency

log = logging.getLogger(__name__)

_MAX_HEAD_BYTES = 1 << 16
_MAX_BODY_BYTES = 64 << 20
_READ_BYTES = 1 << 16
_HEAD_S = 10.0
# An engine that is silent for so long is asked for its health: a batch of a prompt takes a second or two.
_SILENT_S = 5.0
# A window that does not read, because it is stopped, must not keep a slot for ever.
_UNREAD_S = 30.0
_TRIES = 2
# A key comes every 0.2 s: whose turn comes later has typed on meanwhile.
_STALE_S = 0.3
# Where others wait, nobody writes more: the words that are shown, and not the lines that may follow them.
_CROWDED_TOKENS = 16


class Served(Protocol):
    """What a token gives access to: an engine and its turns."""

    engine: Engine
    turns: Turns
    slots: Slots


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request as it came. `token` is "" where none was given."""

    method: str
    path: str
    token: str
    is_of_a_page: bool
    body: bytes


class Relay:
    """Serves HTTP to those whose token `find` knows."""

    def __init__(self, find: Callable[[str], Served | None]) -> None:
        self._find = find
        self._share = EngineShare()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one request of a connection. Raises: nothing."""
        try:
            asked = await asyncio.wait_for(_read(reader), _HEAD_S)
            await self._answer(asked, reader, writer)
        except _Refused as refused:
            with contextlib.suppress(OSError):
                writer.write(_error(refused.status, str(refused)))
                await writer.drain()
        except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError) as error:
            log.debug("a request was not answered: %r", error)
        except Exception:
            log.exception("a request was not answered")
        finally:
            with contextlib.suppress(OSError, RuntimeError):
                writer.close()

    async def _answer(
        self, asked: _Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        served = self._find(asked.token)
        if served is None or asked.is_of_a_page:
            raise _Refused(401, "this is an engine of somebody's editor")
        relayed = RELAYED.get((asked.method, asked.path))
        if relayed is None:
            raise _Refused(404, "not served here")
        request = _Request(served, asked, writer)
        if relayed == "generation":
            request.take(asked.body)
            if request.urgency == Urgency.COMPLETION:
                self._share.typed(asked.token)
        # Nothing more is to come from a window but its end.
        gone = asyncio.ensure_future(reader.read(1))
        work = asyncio.ensure_future(request.run())
        try:
            with served.engine.in_use():
                await asyncio.wait({gone, work}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (gone, work):
                task.cancel()
            await asyncio.gather(gone, work, return_exceptions=True)


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _MakeWay(Exception):
    pass


@dataclass(slots=True)
class _Request:
    """A request on its way. `urgency` is None for what the engine answers without a slot.

    One that `is_renewable` is sent back where its turn comes late: its window asks for the text of now.
    """

    served: Served
    asked: _Asked
    writer: asyncio.StreamWriter
    values: dict[str, Any] = field(default_factory=dict)
    urgency: Urgency | None = None
    is_renewable: bool = False
    n_written: int = 0
    placed: Placed | None = None

    def take(self, body: bytes) -> None:
        """Take a generation's values, without its slot: which one is free is not the window's to know."""
        try:
            self.values = values = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError:
            raise _Refused(400, "not a JSON object") from None
        slot = values.pop(SLOT, None)
        self.is_renewable = bool(values.pop(RENEWABLE, False))
        if values.pop(BACKGROUND, False):
            self.urgency = Urgency.REVIEW
        elif slot == CHAT_SLOT:
            self.urgency = Urgency.CHAT
        else:
            self.urgency = Urgency.COMPLETION if values.get("n_predict") else Urgency.PREFILL

    def _data(self, key: str) -> bytes:
        """Write it as the engine gets it, whose key this is; short where others wait."""
        body = self.asked.body
        if self.urgency is not None:
            values = self.values
            if self.is_renewable and self.served.turns.is_crowded:
                values = values | {"n_predict": min(values["n_predict"], _CROWDED_TOKENS)}
            if self.placed is not None and (slot := self.placed.number) is not None:
                values = values | {SLOT: slot}
            body = msgspec.json.encode(values)
        head = (
            f"{self.asked.method} {self.asked.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("latin-1") + body

    async def run(self) -> None:
        """Have it answered, in its turn; once more where nothing was written yet."""
        turn: Turn | None = None
        tries = 0
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        while True:
            try:
                if self.urgency is None:
                    return await self._once(None)
                async with self.served.turns.turn(self.urgency, self.asked.token, turn) as turn:
                    if self.is_renewable and loop.time() - asked_s > _STALE_S:
                        self.served.turns.keep(turn)
                        raise _Refused(STALE, "its text is an old one by now")
                    return await self._once(turn)
            except _MakeWay:
                continue
            except QwenLspError as error:
                raise _Refused(503, str(error)) from None
            except (OSError, EOFError) as error:
                tries += 1
                if self.n_written or tries >= _TRIES:
                    raise
                log.info("the engine gave no answer (%r): asking again", error)

    async def _once(self, turn: Turn | None) -> None:
        client = await self.served.engine.ready()
        if self.urgency is not None:
            is_chat = self.urgency >= Urgency.CHAT
            who = f"{self.asked.token} {'chat' if is_chat else 'completion'}"
            self.placed = await self.served.slots.place(who, str(self.values.get("prompt")))
        address = urlsplit(client.endpoint.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=_READ_BYTES)
        writer.write(self._data(client.endpoint.api_key))
        # One task for the whole answer, not one for each token of it.
        handing = asyncio.ensure_future(self._hand_on(reader, turn, client.slots))
        waiting: set[asyncio.Future[Any]] = {handing}
        if turn is not None:
            waiting.add(asyncio.ensure_future(turn.must_wait.wait()))
        try:
            while not handing.done():
                n_written = self.n_written
                await asyncio.wait(waiting, timeout=_SILENT_S, return_when=asyncio.FIRST_COMPLETED)
                if turn is not None and turn.must_wait.is_set() and not handing.done():
                    if not turn.has_begun:
                        raise _MakeWay
                    waiting = {handing}
                elif self.n_written == n_written and not handing.done():
                    await self.served.engine.end_if_it_hangs()
            handing.result()
        finally:
            for task in waiting | {handing}:
                task.cancel()
            await asyncio.gather(*waiting, handing, return_exceptions=True)
            writer.close()
            if self.placed is not None:
                self.served.slots.has_ended(self.placed)

    async def _hand_on(self, reader: asyncio.StreamReader, turn: Turn | None, ask_slots: AskSlots) -> None:
        """Hand on what the engine writes, from the first word; to a review only all of it.

        What is not handed on yet can be asked again by a request that has to make way.
        Raises: OSError, EOFError, TimeoutError.
        """
        held = bytearray()
        while data := await reader.read(_READ_BYTES):
            self.served.engine.used(has_answered=turn is not None)
            if self.placed is not None and not held and not self.n_written:
                self.served.slots.has_begun(self.placed, ask_slots)
            held += data
            if self.urgency != Urgency.REVIEW and (self.n_written or not _is_reading(held)):
                await self._write(bytes(held), turn)
                held.clear()
        if held and not _is_reading(held):
            await self._write(bytes(held), turn)
        if not self.n_written:
            raise EOFError("it closed the connection")

    async def _write(self, data: bytes, turn: Turn | None) -> None:
        if not self.n_written:  # one request a connection, whatever the engine would do
            data = data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        self.n_written += len(data)
        if turn is not None:
            turn.has_begun = True
        self.writer.write(data)
        if self.writer.transport.get_write_buffer_size():
            await asyncio.wait_for(self.writer.drain(), _UNREAD_S)


def _is_reading(answer: bytes | bytearray) -> bool:
    """Say whether all there is of an answer is how much of the prompt has been read, or less."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"text/event-stream" not in head:
        return not body
    events = [line for line in body.split(b"\n")[:-1] if line.startswith(b"data: ")]
    return all(PROGRESS in event for event in events)


async def _read(reader: asyncio.StreamReader) -> _Asked:
    head = await reader.readuntil(b"\r\n\r\n")
    if len(head) > _MAX_HEAD_BYTES:
        raise _Refused(431, "too long")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    fields = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    length = int(fields.get("content-length", "0"))
    if not 0 <= length <= _MAX_BODY_BYTES:
        raise _Refused(413, "too long")
    token = fields.get("authorization", "").removeprefix("Bearer ")
    body = await reader.readexactly(length)
    return _Asked(method, path, token, "origin" in fields, body)


def _error(status: int, message: str) -> bytes:
    body = msgspec.json.encode({"error": {"code": status, "message": message}})
    head = (
        f"HTTP/1.1 {status} Refused\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
