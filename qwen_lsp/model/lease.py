"""The connection by which a window has a share in the engine: JSON lines on loopback.

Neither side sends the key of the state file: each proves that it has it (HMAC-SHA256 over both sides' random
numbers), the process first, so a stranger who has taken its port gets nothing. A lease lasts as long as its
connection, however the window ends. Knows no engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
from typing import Literal, TypeVar

import msgspec

from qwen_lsp import __version__
from qwen_lsp.errors import EndpointUnavailable
from qwen_lsp.model.runtime import Meeting
from qwen_lsp.model.state import Cause, Phase

PROTOCOL = 1  # raised whenever older windows would not understand the messages
HOST = "127.0.0.1"
# A machine that is very busy, or has just woken, answers late; a process that hangs never does.
PATIENCE_S = 10.0
_MAX_BYTES = 1 << 16


class Message(msgspec.Struct, frozen=True, tag=True):
    """A line of the connection."""


class Hello(Message, frozen=True):
    """The window's first line."""

    nonce: str


class Challenge(Message, frozen=True):
    """The process proves itself, and says what it is."""

    nonce: str
    proof: str
    version: str
    build: str
    protocol: int


class Want(msgspec.Struct, frozen=True):
    """The engine that a window wants. The first group decides whether two windows want the same one."""

    model_path: str
    lora: str
    threads: int
    batch_threads: int
    context_tokens: int
    cache_mib: int
    gpu_layers: int
    program: str
    start_timeout_ms: int
    sleep_after_minutes: float
    linger_seconds: float


class Ask(Message, frozen=True):
    """The window proves itself, and says what it wants. `stop` and `replace` end the process."""

    proof: str
    pid: int
    what: Literal["lease", "status", "stop", "replace"]
    want: Want | None = None


class Granted(Message, frozen=True):
    """A lease: where the engine answers, and to which token. `n_engines` are running with this one."""

    port: int
    token: str
    n_engines: int = 1


class News(Message, frozen=True):
    """Where the engine stands."""

    phase: Phase
    detail: str = ""
    cause: Cause = ""
    pid: int = 0


class Ready(Message, frozen=True):
    """The window wants to ask something: load the model, and say when it is loaded."""

    number: int


class Answer(Message, frozen=True):
    """The answer to Ready; `error` is for people, "" when the model is loaded."""

    number: int
    error: str = ""


class Ended(Message, frozen=True):
    """The process ends: because somebody has stopped it, or a newer version takes its place."""

    why: Literal["stopped", "replaced"]


class EngineStatus(msgspec.Struct, frozen=True):
    """One engine, for `qwen-lsp engine status`. Units: seconds on the wall clock, bytes."""

    model: str
    phase: Phase
    since: float
    pid: int
    memory_bytes: int
    windows: tuple[int, ...]
    detail: str = ""


class Status(Message, frozen=True):
    """What the process is doing."""

    pid: int
    started: float
    version: str
    build: str
    memory_bytes: int
    engines: tuple[EngineStatus, ...]


_ANY = Hello | Challenge | Ask | Granted | News | Ready | Answer | Ended | Status
_DECODER = msgspec.json.Decoder(_ANY)
_M = TypeVar("_M", bound=Message)


class Control:
    """One end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Control:
        """Connect. Raises: OSError."""
        return cls(*await asyncio.open_connection(HOST, port, limit=_MAX_BYTES))

    def send(self, message: Message) -> None:
        """Send a line; to one that has gone, nothing."""
        if not self._writer.is_closing():
            self._writer.write(msgspec.json.encode(message) + b"\n")

    async def receive(self) -> Message | None:
        """Return the next line; None when the other side has gone or sends what is no line of ours."""
        try:
            line = await self._reader.readuntil()
            message: Message = _DECODER.decode(line)
            return message
        except (OSError, EOFError, asyncio.LimitOverrunError, msgspec.DecodeError):
            return None

    async def expect(self, kind: type[_M], patience_s: float = PATIENCE_S) -> _M:
        """Return the next line. Raises: EndpointUnavailable when it is another one, or none comes."""
        try:
            message = await asyncio.wait_for(self.receive(), patience_s)
        except TimeoutError:
            raise EndpointUnavailable("the process of the shared engine does not answer") from None
        if not isinstance(message, kind):
            raise EndpointUnavailable("what listens there is not the shared engine")
        return message

    def close(self) -> None:
        """Close the connection, which ends the lease."""
        with contextlib.suppress(OSError, RuntimeError):  # the loop may be closed
            self._writer.close()


def proof(key: str, side: Literal["process", "window"], hello: Hello, nonce: str) -> str:
    """Return what only one that has the key can know of both sides' random numbers."""
    text = f"{side}|{hello.nonce}|{nonce}"
    return hmac.new(key.encode(), text.encode(), "sha256").hexdigest()


class Greeted(msgspec.Struct, frozen=True):
    """A connection to a process that has proved itself, and the window's own proof."""

    control: Control
    challenge: Challenge
    proof: str


async def greet(meeting: Meeting) -> Greeted:
    """Connect to what the state file names and have it prove itself.

    Raises: OSError when nothing listens; EndpointUnavailable when it is a stranger or hangs.
    """
    control = await asyncio.wait_for(Control.open(meeting.port), PATIENCE_S)
    try:
        hello = Hello(secrets.token_hex(16))
        control.send(hello)
        challenge = await control.expect(Challenge)
        if not hmac.compare_digest(challenge.proof, proof(meeting.key, "process", hello, challenge.nonce)):
            raise EndpointUnavailable("what listens there is not the shared engine")
        return Greeted(control, challenge, proof(meeting.key, "window", hello, challenge.nonce))
    except BaseException:
        control.close()
        raise


async def receive_ask(control: Control, key: str, build: str) -> Ask | None:
    """Prove ourselves to one that has connected, and return what it asks; None for a stranger."""
    try:
        hello = await control.expect(Hello)
        nonce = secrets.token_hex(16)
        own = proof(key, "process", hello, nonce)
        control.send(Challenge(nonce, own, __version__, build, PROTOCOL))
        ask = await control.expect(Ask)
    except EndpointUnavailable:
        return None
    return ask if hmac.compare_digest(ask.proof, proof(key, "window", hello, nonce)) else None
