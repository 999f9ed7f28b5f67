"""Doubles of the model servers that people own, one class each, with the oddities of the real one.

Each checks what it is asked as strictly as the real one does, from its documentation and source, and answers
in its own form. The model behind all of them is one function: from the prompt that reaches it to a text.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

CONTROL = re.compile(r"<\|\w+\|>")
_PIECES = re.compile(r"<\|\w+\|>|\s?\w+|\s?[^\w\s]|\s+")
LOGPROB = -0.25
CONTEXT_TOKENS = 12_288

# From what the model sees to what it writes.
Model = Callable[[str], str]


def pieces(text: str) -> list[str]:
    """Split a text into about tokens."""
    return _PIECES.findall(text)


class Refused(Exception):
    """Raised by a double for what the real one refuses."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Asked:
    """A request, and what became of its answer: "running", "ended" or "left"."""

    path: str
    body: dict[str, Any]
    state: str = "running"
    prompt: str = ""  # what the model saw


@dataclass
class Double:
    """A server. `served` is what it calls its model; `pause_s` is the time between two tokens."""

    model: Model
    served: str = "qwen2.5-coder-1.5b"
    pause_s: float = 0.0
    is_templated: bool = False  # puts a chat template around completions, too
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def last(self) -> Asked:
        """The last request for a text."""
        return next(one for one in reversed(self.asked) if "prompt" in one.body or "messages" in one.body)

    def answer(self, method: str, asked: Asked) -> Any:
        """Return JSON, or the lines of a stream. Raises: Refused."""
        raise NotImplementedError

    def refusal(self, status: int, message: str) -> dict[str, Any]:
        """Return the body of an error."""
        return {"error": {"message": message, "type": "invalid_request_error", "code": status}}

    def tokens(self, asked: Asked, prompt: str, forced: str = "") -> list[str]:
        """Let the model write, beginning with what is forced, up to a stop or the limit."""
        asked.prompt = template([{"role": "user", "content": prompt}]) if self.is_templated else prompt
        text = self.model(asked.prompt)
        if forced and not text.startswith(forced):
            text = forced + self.model(asked.prompt + forced)
        return pieces(text)


@dataclass
class Stream:
    """Pieces of a streamed answer."""

    parts: Iterable[bytes]
    kind: str = "text/event-stream"


@asynccontextmanager
async def running(double: Double) -> AsyncIterator[Double]:
    """Run a double on a free loopback port."""
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await _serve(double, reader, writer)
        writer.close()
        tasks.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**24)
    double.port = listener.sockets[0].getsockname()[1]
    try:
        yield double
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(double: Double, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request and close, as a server without keep-alive does."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = dict(line.lower().split(": ", 1) for line in head[1:-2])
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    asked = Asked(path, {**(json.loads(raw) if raw else {})})
    asked.body.setdefault("_key", headers.get("authorization", ""))
    double.asked.append(asked)
    try:
        answer = double.answer(method, asked)
    except Refused as refused:
        answer = double.refusal(refused.status, str(refused))
        await _json(writer, refused.status, answer)
        return
    if not isinstance(answer, Stream):
        await _json(writer, 200, answer)
        return
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {answer.kind}\r\nConnection: close\r\n\r\n".encode())
    gone = asyncio.ensure_future(reader.read(1))
    try:
        for part in answer.parts:
            writer.write(part)
            await writer.drain()
            if double.pause_s:
                await asyncio.wait((gone,), timeout=double.pause_s)
            if gone.done():
                asked.state = "left"
                return
        asked.state = "ended"
    except ConnectionError:
        asked.state = "left"
    finally:
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)


async def _json(writer: asyncio.StreamWriter, status: int, value: Any) -> None:
    data = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} Double\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    await writer.drain()


def event(value: Any) -> bytes:
    """Write a server-sent event."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def template(messages: list[dict[str, Any]]) -> str:
    """Write messages in ChatML; one of the assistant that is to go on stays open."""
    text = "".join(f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in messages)
    if messages[-1]["role"] == "assistant":
        return text.removesuffix("<|im_end|>\n")
    return f"{text}<|im_start|>assistant\n"


def cut(tokens: list[str], stops: Iterable[str], limit: int) -> tuple[list[str], str]:
    """Return the tokens up to a stop or the limit, and which of them ended the answer."""
    kept: list[str] = []
    for token in tokens:
        ends = [token.find(stop) for stop in stops if stop in token]
        if ends:
            return ([*kept, token[: min(ends)]] if min(ends) > 0 else kept), "stop"
        if len(kept) == limit:
            return kept, "length"
        kept.append(token)
    return kept, "stop"


def forced_by(regex: str) -> str:
    """Return the text that a regular expression of ours begins with, as an engine of expressions reads it."""
    beginning, rest = regex[: -len(r"(.|\n)*")], regex[-len(r"(.|\n)*") :]
    assert rest == r"(.|\n)*", regex
    plain = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], beginning)
    assert re.fullmatch(regex, plain + "x\ny"), regex
    return plain
