"""A scripted engine on loopback that answers as llama.cpp's server, Ollama and OpenAI-compatible ones do.

It runs in the test's own event loop. `answer` says what every generation gets from now on, because a
server may ask more often than a test foresees. Every generation is recorded in `generations`, with
its body, whether it ended or was left, and when. Slots are busy for exactly as long as a generation
runs. Requests that a real engine would not know are recorded in `unknown`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.places import FIXTURES

REPLIES = FIXTURES / "replies"
SLOTS = 2
_OTHER_LOGPROB = -1.5

# In the order of a real answer: what the request forces, then the chunks, then the end.
End = Literal["stop", "drop", "hang"]


@dataclass(frozen=True)
class Answer:
    """What a generation gets. `chunks` follow the text that the request's grammar forces.

    Units: seconds. `end` is a proper last message, a connection cut off in the middle, or silence.
    `raw` lines are sent in place of chunks, as they are. A `status` other than 200 sends `message`.
    `others` are tokens that could have come first, given where the request asks for them.
    """

    chunks: tuple[str, ...] = ()
    first_s: float = 0.0
    between_s: float = 0.0
    end: End = "stop"
    raw: tuple[bytes, ...] = ()
    status: int = 200
    message: str = ""
    logprob: float = -0.01
    others: tuple[str, ...] = ()


def says(
    text: str,
    *,
    first_s: float = 0.0,
    between_s: float = 0.0,
    end: End = "stop",
    others: tuple[str, ...] = (),
) -> Answer:
    """Write a text in pieces of about a token each."""
    chunks = tuple(re.findall(r"\s?\w+|\s?[^\w\s]+|\s+", text))
    return Answer(chunks, first_s, between_s, end, others=others)


def endless(text: str = "value = value + 1  # again\n", between_s: float = 0.01) -> Answer:
    """Go on for longer than any test."""
    return Answer(says(text).chunks * 2000, between_s=between_s, end="hang")


def refuses(status: int, message: str = "scripted failure") -> Answer:
    """Answer with an error status."""
    return Answer(status=status, message=message)


def garbage(*lines: str) -> Answer:
    """Send lines that are no answer."""
    return Answer(raw=tuple(line.encode() + b"\n\n" for line in lines))


def recorded(name: str, *, between_s: float = 0.0) -> Answer:
    """Replay what a real engine once sent, message by message."""
    messages = (REPLIES / f"{name}.sse").read_bytes().split(b"\n\n")
    return Answer(
        raw=tuple(message + b"\n\n" for message in messages if message.strip()), between_s=between_s
    )


@dataclass
class Generation:
    """One request for a generation, and what became of it."""

    path: str
    body: dict[str, Any]
    started_s: float
    state: Literal["running", "ended", "left", "dropped"] = "running"
    ended_s: float | None = None
    sent: str = ""
    cached_tokens: int = 0  # that it reports, where its API can

    @property
    def prompt(self) -> str:
        return str(self.body["prompt"])

    @property
    def forced(self) -> str:
        """The text that the grammar of the request asks the answer to begin with."""
        match = re.fullmatch(r'root ::= ("(?:[^"\\]|\\.)*") .*', str(self.body.get("grammar", "")))
        return str(json.loads(match[1])) if match else ""

    @property
    def slot(self) -> int:
        return max(int(self.body.get("id_slot", 0)), 0)

    @property
    def max_tokens(self) -> int:
        return int(self.body.get("n_predict", self.body.get("max_tokens", -1)))


class _Left(Exception):
    """Raised when the client went away."""


@dataclass
class EngineServer:
    """The server; `running()` starts it."""

    answer: Answer = field(default_factory=lambda: says("pass"))
    script: Callable[[Generation], Answer] | None = None
    kind: Literal["llama", "openai", "ollama"] = "llama"
    model: str = "scripted-0.5b"  # of a size that is shown nothing of other files
    api_key: str = ""
    is_silent: bool = False
    is_loading: bool = False
    has_logprobs: bool = True  # LM Studio has none
    max_stops: int | None = None  # more are refused: OpenAI itself takes four
    generations: list[Generation] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> list[Generation]:
        return [generation for generation in self.generations if generation.state == "running"]

    @property
    def last(self) -> Generation:
        return self.generations[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        connection = _Connection(self, reader, writer)
        # A client that went away, and the end of the test, are both ways for a connection to end.
        with contextlib.suppress(_Left, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await connection.answer_one()
        writer.close()
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()
        self._connections.discard(task)

    async def close_connections(self) -> None:
        """Cut every connection."""
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def running(server: EngineServer | None = None) -> AsyncIterator[EngineServer]:
    """Run the server on a free loopback port."""
    server = server or EngineServer()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", server.port, limit=2**24)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        await server.close_connections()
        await listener.wait_closed()


class _Connection:
    """One connection: requests come one after another on it."""

    def __init__(
        self, server: EngineServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.ahead = b""  # read while we watched for the client's leaving

    async def answer_one(self) -> None:
        method, path, headers, body = await self._request()
        server = self.server
        server.headers.append(headers)
        if server.is_silent:
            await asyncio.Event().wait()
        wanted = f"Bearer {server.api_key}"
        if server.api_key and headers.get("authorization") != wanted and path != "/health":
            await self._json(401, _error(401, "Invalid API Key", "authentication_error"))
        elif server.is_loading:
            await self._json(503, _error(503, "Loading model", "unavailable_error"))
        elif (method, path) == ("POST", "/v1/completions"):
            await self._generate(Generation(path, json.loads(body), time.monotonic()))
        elif (method, path) == ("POST", "/v1/chat/completions"):
            chat = json.loads(body)
            chat["prompt"] = _template(chat["messages"])
            await self._generate(Generation(path, chat, time.monotonic()))
        elif (method, path) == ("GET", "/v1/models"):
            await self._json(200, {"object": "list", "data": [{"id": server.model, "object": "model"}]})
        elif server.kind == "ollama":
            await self._answer_as_ollama(method, path, body)
        elif server.kind == "openai":
            await self._json(404, _error(404, "Not Found", "not_found_error"))
        elif (method, path) == ("POST", "/completion"):
            await self._generate(Generation(path, json.loads(body), time.monotonic()))
        elif (method, path) == ("GET", "/health"):
            await self._json(200, {"status": "ok"})
        elif (method, path) == ("GET", "/props"):
            await self._json(200, {"total_slots": SLOTS, "model_path": f"/models/{server.model}.gguf"})
        elif (method, path) == ("GET", "/slots"):
            busy = {generation.slot for generation in server.running}
            await self._json(200, [{"id": slot, "is_processing": slot in busy} for slot in range(SLOTS)])
        elif (method, path) == ("POST", "/apply-template"):
            await self._json(200, {"prompt": _template(json.loads(body)["messages"])})
        elif (method, path) == ("POST", "/tokenize"):
            content = json.loads(body)["content"]
            pieces = re.findall(r"<\|\w+\|>|\s?\w+|\s?[^\w\s]+|\s+", content)
            await self._json(200, {"tokens": list(range(len(pieces)))})
        else:
            server.unknown.append(f"{method} {path}")
            await self._json(404, _error(404, "File Not Found", "not_found_error"))

    async def _answer_as_ollama(self, method: str, path: str, body: bytes) -> None:
        server = self.server
        if (method, path) == ("GET", "/api/version"):
            await self._json(200, {"version": "0.12.11"})
        elif (method, path) == ("GET", "/api/tags"):
            names = ("llama3.2:latest", server.model)
            await self._json(200, {"models": [{"name": name, "model": name} for name in names]})
        elif (method, path) in (("POST", "/api/generate"), ("POST", "/api/chat")):
            request = json.loads(body)
            if path == "/api/chat":
                request["prompt"] = _template(request["messages"])
            elif not request.get("raw"):  # its template is put around what is sent
                request["prompt"] = _template([{"role": "user", "content": request["prompt"]}])
            request["max_tokens"] = request["options"]["num_predict"] or -1
            await self._generate(Generation(path, request, time.monotonic()))
        else:
            if path != "/props":  # which is how llama.cpp's server is distinguished from others
                server.unknown.append(f"{method} {path}")
            await self._json(404, {"error": "404 page not found"})

    async def _request(self) -> tuple[str, str, dict[str, str], bytes]:
        ahead, self.ahead = self.ahead, b""
        head = (ahead + await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        path = re.sub(r"^https?://[^/]+", "", target)  # as a proxy is asked
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])
        }
        return method, path, headers, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def _json(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await self.writer.drain()

    async def _generate(self, generation: Generation) -> None:
        server = self.server
        server.generations.append(generation)
        answer = server.script(generation) if server.script else server.answer
        n_stops = len(generation.body.get("stop") or ())
        if server.max_stops is not None and n_stops > server.max_stops:
            answer = refuses(400, f"at most {server.max_stops} stop sequences")
        try:
            if answer.status != 200:
                await self._unless_left(asyncio.sleep(answer.first_s))
                await self._json(answer.status, _error(answer.status, answer.message, "scripted"))
            else:
                await self._stream(generation, answer)
            generation.state = "dropped" if answer.end == "drop" else "ended"
        except (_Left, ConnectionError):
            generation.state = "left"
            raise
        except asyncio.CancelledError:
            generation.state = "dropped"
            raise
        finally:
            generation.ended_s = time.monotonic()
        if answer.end == "drop":
            self.writer.transport.abort()
            raise _Left

    async def _stream(self, generation: Generation, answer: Answer) -> None:
        self.writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        if generation.body.get("return_progress"):
            await self._send(_READING)
        await self._unless_left(asyncio.sleep(answer.first_s))
        for number, line in enumerate(answer.raw):
            await self._unless_left(asyncio.sleep(answer.between_s if number else 0))
            await self._send(line)
        voice = _voice(generation, answer)
        if not self.server.has_logprobs:
            generation.body.pop("logprobs", None)
        texts = (generation.forced, *answer.chunks) if generation.forced else answer.chunks
        most = generation.max_tokens if generation.max_tokens >= 0 else len(texts)
        for number, text in enumerate(texts[:most] if not answer.raw else ()):
            await self._unless_left(asyncio.sleep(answer.between_s if number else 0))
            await self._send(voice.chunk(text))
            generation.sent += text
        if answer.end == "hang" and len(texts) <= most:
            await self._unless_left(asyncio.Event().wait())
        if answer.end == "stop" or len(texts) > most:
            for message in () if answer.raw else voice.end("limit" if len(texts) > most else "eos"):
                await self._send(message)
            self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def _send(self, data: bytes) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def _unless_left(self, work: Any) -> None:
        """Do the work, but notice when the client goes away meanwhile."""
        doing = asyncio.ensure_future(work)
        watching = asyncio.ensure_future(self.reader.read(1))
        try:
            await asyncio.wait((doing, watching), return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                self.ahead += watching.result()
                if not self.ahead:
                    raise _Left
                await doing
        finally:
            for task in (doing, watching):
                task.cancel()
            await asyncio.gather(doing, watching, return_exceptions=True)


# What llama.cpp sends as it reads a prompt, where it is asked to: without a text, without figures.
_READING = (
    b'data: {"index":0,"content":"","tokens":[],"stop":false,"id_slot":-1,"tokens_predicted":0,'
    b'"tokens_evaluated":64,"prompt_progress":{"total":90,"cache":0,"processed":64,"time_ms":240}}\n\n'
)


@dataclass
class _Llama:
    """The messages of llama.cpp's `/completion`."""

    generation: Generation
    answer: Answer
    n: int = 0

    def chunk(self, text: str) -> bytes:
        self.n += 1
        is_first = self.n == (2 if self.generation.forced else 1)
        top = [
            {"id": -1 - n, "token": token, "logprob": _OTHER_LOGPROB}
            for n, token in enumerate(self.answer.others if is_first else ())
        ]
        token = {"id": self.n, "token": text, "logprob": self.answer.logprob, "top_logprobs": top}
        return _event(
            {
                "index": 0,
                "content": text,
                "tokens": [self.n],
                "stop": False,
                "completion_probabilities": [token],
                "timings": self._timings(),
            }
        )

    def end(self, reason: str) -> Sequence[bytes]:
        message = {
            "content": "",
            "tokens": [],
            "stop": True,
            "stop_type": reason,
            "timings": self._timings(),
        }
        return [_event(message)]

    def _timings(self) -> dict[str, Any]:
        n_prompt = len(self.generation.prompt) // 4
        elapsed_ms = (time.monotonic() - self.generation.started_s) * 1000
        return {
            "cache_n": 0,
            "prompt_n": n_prompt,
            "prompt_ms": 1.0,
            "predicted_n": self.n,
            "predicted_ms": elapsed_ms,
        }


@dataclass
class _OpenAi:
    """The messages of `/v1/completions`."""

    generation: Generation
    answer: Answer
    n: int = 0

    def chunk(self, text: str) -> bytes:
        self.n += 1
        is_told = self.generation.body.get("logprobs")
        logprobs = {"tokens": [text], "token_logprobs": [self.answer.logprob]} if is_told else None
        choice = {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": None}
        return _event({"object": "text_completion", "choices": [choice]})

    def end(self, reason: str) -> Sequence[bytes]:
        choice = {
            "index": 0,
            "text": "",
            "logprobs": None,
            "finish_reason": "length" if reason == "limit" else "stop",
        }
        usage = {
            "prompt_tokens": len(self.generation.prompt) // 4,
            "completion_tokens": self.n,
            "prompt_tokens_details": {"cached_tokens": self.generation.cached_tokens},
        }
        return [
            _event({"object": "text_completion", "choices": [choice]}),
            _event({"object": "text_completion", "choices": [], "usage": usage}),
            b"data: [DONE]\n\n",
        ]


@dataclass
class _Ollama:
    """The lines of `/api/generate` and `/api/chat`."""

    generation: Generation
    answer: Answer
    n: int = 0

    def chunk(self, text: str) -> bytes:
        self.n += 1
        line: dict[str, Any] = {"model": self.generation.body["model"], "done": False}
        if self.generation.path == "/api/chat":
            line["message"] = {"role": "assistant", "content": text}
        else:
            line["response"] = text
        if self.generation.body.get("logprobs"):
            top = [{"token": token, "logprob": _OTHER_LOGPROB} for token in self.answer.others]
            line["logprobs"] = [{"token": text, "logprob": self.answer.logprob, "top_logprobs": top}]
        return json.dumps(line).encode() + b"\n"

    def end(self, reason: str) -> Sequence[bytes]:
        text = "message" if self.generation.path == "/api/chat" else "response"
        last = {
            text: {"role": "assistant", "content": ""} if text == "message" else "",
            "done": True,
            "done_reason": "length" if reason == "limit" else "stop",
            "prompt_eval_count": len(self.generation.prompt) // 4,
            "prompt_eval_duration": 1_000_000,
            "eval_count": self.n,
            "eval_duration": 2_000_000,
        }
        return [json.dumps(last).encode() + b"\n"]


@dataclass
class _Chat(_OpenAi):
    """The messages of `/v1/chat/completions`."""

    def chunk(self, text: str) -> bytes:
        self.n += 1
        choice: dict[str, Any] = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        if self.generation.body.get("logprobs"):
            logprob = self.answer.logprob
            top = [{"token": token, "logprob": logprob - n} for n, token in enumerate((text, "else"))]
            choice["logprobs"] = {"content": [{"token": text, "logprob": logprob, "top_logprobs": top}]}
        return _event({"object": "chat.completion.chunk", "choices": [choice]})

    def end(self, reason: str) -> Sequence[bytes]:
        last = {"index": 0, "delta": {}, "finish_reason": "length" if reason == "limit" else "stop"}
        first = {"object": "chat.completion.chunk", "choices": [last]}
        return [_event(first), *super().end(reason)[1:]]


def _voice(generation: Generation, answer: Answer) -> _Llama | _OpenAi | _Ollama:
    """Return what writes the messages of the API that was asked."""
    if generation.path.startswith("/api/"):
        return _Ollama(generation, answer)
    if generation.path == "/v1/chat/completions":
        return _Chat(generation, answer)
    return (_OpenAi if generation.path.startswith("/v1") else _Llama)(generation, answer)


def _template(messages: Sequence[dict[str, str]]) -> str:
    """Write messages in ChatML; one of the assistant at the end stays open."""
    written = [f"<|im_start|>{message['role']}\n{message['content']}" for message in messages]
    if messages[-1]["role"] != "assistant":
        written.append("<|im_start|>assistant\n")
    return "<|im_end|>\n".join(written)


def _event(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _error(status: int, message: str, kind: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "type": kind}}
