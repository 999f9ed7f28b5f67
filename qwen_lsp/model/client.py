"""The HTTP client of one endpoint: stream a completion or a chat, count tokens, ask for health and slots.

What is sent and how answers are read is the endpoint's dialect's to say. It maps every failure to an
EndpointError and knows nothing of prompts' meaning, processes or the LSP.
Leaving a stream early closes the connection, and that is what frees the engine's slot (invariant 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from qwen_lsp.endpoints import host_of, is_loopback
from qwen_lsp.errors import (
    EndpointError,
    EndpointRejected,
    EndpointStale,
    EndpointTimeout,
    EndpointUnavailable,
)
from qwen_lsp.model import audit, gate
from qwen_lsp.model.dialects.dialect import Capabilities, Dialect, Post, Served
from qwen_lsp.model.dialects.llama import LLAMA, STALE
from qwen_lsp.model.generation import ChatRequest, Chunk, Request, Slot
from qwen_lsp.model.local import Local
from qwen_lsp.model.tls import NO_TLS, Tls
from qwen_lsp.model.transport import Answer, Transport

_HEALTH_S = 5.0
_QUESTION_S = 10.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers, and how to speak to it. Units: `context_tokens`, 0 where it does not say.

    `models` are all that it serves, as far as it says. `is_ours` is an engine that we run on this machine.
    """

    url: str
    dialect: Dialect = LLAMA
    api_key: str = field(default="", repr=False)
    model: str = ""
    tls: Tls = NO_TLS
    must_redact: bool = False
    context_tokens: int = 0
    keeps_text: bool = False
    models: tuple[str, ...] = ()
    is_ours: bool = False

    @property
    def is_guarded(self) -> bool:
        """Whether secrets are taken out of what it is sent: always, but for this machine."""
        return self.must_redact or not is_loopback(self.url)


class Client:
    """A pool of connections to one endpoint.

    State: when it last answered, by the event loop's clock, and whether log-probabilities come with answers,
    which differs among versions of a server. `on_lost` hears of each request that nobody answered, or not to
    its end.
    """

    def __init__(self, endpoint: Endpoint, on_lost: Callable[[EndpointError], None] | None = None) -> None:
        self.endpoint = endpoint
        self._on_lost = on_lost
        self.answered_s = float("-inf")
        self._dialect = endpoint.dialect
        self._gives_logprobs = endpoint.dialect.can.logprobs
        self.redacted = 0  # secrets that were kept from the endpoint so far
        self._transport = _transport(endpoint)

    @property
    def can(self) -> Capabilities:
        """What the endpoint can do: as its dialect says, until its answers show otherwise."""
        return replace(self._dialect.can, logprobs=self._gives_logprobs)

    def context_tokens(self, default: int) -> int:
        """Return what a question and its answer may have together; the default where it says nothing."""
        return self.endpoint.context_tokens or default

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.close()

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Ask for a generation and yield its chunks as they are written.

        Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
        """
        request, n_masked = self._guarded(request)
        post = self._dialect.completion(request, self.endpoint.model)
        async with self._stream(post, request.sources, n_masked) as chunks:
            yield self._noted(chunks, n_echoed=1 if post.echo else 0) if request.n_alternatives else chunks

    async def _noted(self, chunks: AsyncIterator[Chunk], n_echoed: int) -> AsyncIterator[Chunk]:
        """Pass an answer on, and note whether log-probabilities come with its text; many are left early."""
        n_texts, has_logprobs = 0, False
        async for chunk in chunks:
            n_texts += 1 if chunk.text else 0
            has_logprobs = has_logprobs or bool(chunk.logprobs)
            if n_texts > n_echoed:
                self._gives_logprobs = has_logprobs
            yield chunk

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Ask for an answer of a chat and yield its chunks as they are written.

        Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
        """
        post = await self._dialect.chat(request, self.endpoint.model, self._ask_json)
        async with self._stream(post, request.sources) as chunks:
            yield chunks

    @asynccontextmanager
    async def _stream(
        self, post: Post, sources: Sequence[str], n_masked: int = 0
    ) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Send what a dialect has written; where the answer begins otherwise than expected, the other."""
        async with AsyncExitStack() as stack:
            chunks = await stack.enter_async_context(self._sent(post, sources, n_masked))
            if post.otherwise is None:
                yield chunks
                return
            if (begun := await _begun(chunks, post.expected)) is not None:
                yield _after(begun, chunks)
                return
        async with self._sent(post.otherwise, sources, n_masked) as chunks:
            yield chunks

    @asynccontextmanager
    async def _sent(
        self, post: Post, sources: Sequence[str], n_masked: int
    ) -> AsyncIterator[AsyncIterator[Chunk]]:
        body = self._outgoing(post.path, post.body, sources, n_masked)
        try:
            async with self._transport.ask("POST", post.path, body) as answer:
                if answer.status == STALE and self.endpoint.is_ours:
                    raise EndpointStale("it was the request's turn too late")
                if answer.status != 200:
                    raise _rejected(answer, await answer.body())
                self._answered()
                yield self._chunks(answer, post)
        except (EndpointUnavailable, EndpointTimeout) as error:
            self._lost(error)
            raise

    def _answered(self) -> None:
        self.answered_s = asyncio.get_running_loop().time()

    def _lost(self, error: EndpointError) -> None:
        if self._on_lost is not None:
            self._on_lost(error)

    def _guarded(self, request: Request) -> tuple[Request, int]:
        """Take the secrets out of a prompt; the forced text goes on from it, so both are read as one."""
        if not self.endpoint.is_guarded:
            return request, 0
        text, found = gate.masked(request.prompt + request.forced)
        length = len(request.prompt)
        # `around` is masked with the body that it becomes a part of.
        return replace(request, prompt=text[:length], forced=text[length:]), found

    def _outgoing(
        self, path: str, body: Mapping[str, Any], sources: Sequence[str] = (), n_masked: int = 0
    ) -> bytes:
        """Return what may be sent of a body, and record it: the one way by which anything leaves.

        `n_masked` secrets were taken out before; what stands in their place may look like one again.
        """
        found = 0
        if self.endpoint.is_guarded:
            body, found = gate.masked_body(body)
        n_redacted = max(found, n_masked)
        self.redacted += n_redacted
        data = msgspec.json.encode(body)
        if not is_loopback(self.endpoint.url):
            host, keeps_text = host_of(self.endpoint.url), self.endpoint.keeps_text
            audit.record(host, path, data, n_redacted, sources, keeps_text=keeps_text)
        return data

    async def _chunks(self, answer: Answer, post: Post) -> AsyncIterator[Chunk]:
        # Not by httpx-sse: engines write errors as bare lines between events, which it drops.
        if post.echo:
            yield Chunk(post.echo)
        is_over = False
        async for line in answer.lines():
            if not post.is_lines and not line.startswith("data:"):
                if line.startswith(("error:", '{"error"')):
                    raise EndpointRejected(f"the endpoint broke off: {line[:300]}")
                continue
            payload = (line if post.is_lines else line[5:]).strip()
            if not payload:
                continue
            if payload == "[DONE]":
                is_over = True
                break
            try:
                chunk = post.read(msgspec.json.decode(payload))
            except (msgspec.DecodeError, LookupError, TypeError, ValueError, AttributeError) as error:
                raise EndpointRejected(f"the endpoint sent something unreadable: {payload[:200]}") from error
            self._answered()
            if chunk is not None:
                is_over = is_over or chunk.stop_reason is not None
                yield chunk
        if not is_over:
            raise EndpointUnavailable(f"{self.endpoint.url} closed the connection in mid-answer")

    async def health(self) -> bool:
        """Tell whether the endpoint is up and its model loaded. Never raises."""
        try:
            async with self._transport.ask("GET", self._dialect.health, None, _HEALTH_S) as answer:
                is_up = answer.status == 200
        except EndpointError:
            return False
        if is_up:
            self._answered()
        return is_up

    async def served(self) -> Served:
        """Return what the endpoint says of its model.

        Raises: EndpointError when it does not answer, or does not speak its dialect.
        """
        try:
            return await self._dialect.served(self.endpoint.model, self._ask_json)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise EndpointRejected(f"it does not answer as `{self._dialect.name}` does") from error

    async def tokenize(self, text: str) -> list[int]:
        """Split a text into the model's tokens, control tokens included.

        Raises: EndpointRejected where the dialect has no such thing.
        """
        if self._dialect.tokenize is None:
            raise self._unable("split a text into tokens")
        return await self._dialect.tokenize(text, self.endpoint.model, self._ask_json)

    async def likelihood(self, prompt: str, text: str, n_alternatives: int) -> list[Chunk] | None:
        """Return how likely each token of a text is behind a prompt; None where it has to be forced for that.

        Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
        """
        if self._dialect.likelihood is None:
            return None
        try:
            return await self._dialect.likelihood(
                prompt, text, n_alternatives, self.endpoint.model, self._ask_json
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise EndpointRejected("the endpoint gave no log-probabilities of a prompt") from error

    async def slots(self) -> list[Slot]:
        """List the engine's slots, which is how a freed slot is proved.

        Raises: EndpointRejected where the dialect has no such thing.
        """
        if self._dialect.list_slots is None:
            raise self._unable("list slots")
        return await self._dialect.list_slots(self._ask_json)

    def _unable(self, what: str) -> EndpointRejected:
        return EndpointRejected(f"an endpoint of the kind `{self._dialect.name}` cannot {what}")

    async def _ask_json(self, method: str, path: str, body: dict[str, Any] | None = None, /) -> Any:
        try:
            sent = self._outgoing(path, body) if body is not None else None
            async with self._transport.ask(method, path, sent, _QUESTION_S) as answer:
                data = await answer.body()
        except (EndpointUnavailable, EndpointTimeout) as error:
            self._lost(error)
            raise
        if answer.status != 200:
            raise _rejected(answer, data)
        self._answered()
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError as error:
            raise EndpointRejected(f"{path} answered with something that is not JSON") from error


def _transport(endpoint: Endpoint) -> Transport:
    if endpoint.is_ours:
        return Local(endpoint.url, endpoint.api_key)
    from qwen_lsp.model import web  # httpx brings the terminal library along: only who needs it waits for it

    return web.connect(endpoint.url, endpoint.api_key, endpoint.tls)


async def _begun(chunks: AsyncIterator[Chunk], expected: str) -> list[Chunk] | None:
    """Read an answer until it has begun as expected; None when it does not."""
    begun: list[Chunk] = []
    text = ""
    async for chunk in chunks:
        begun.append(chunk)
        text += chunk.text
        if text.startswith(expected):
            return begun
        if not expected.startswith(text):
            break
    return None


async def _after(begun: Sequence[Chunk], chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
    for chunk in begun:
        yield chunk
    async for chunk in chunks:
        yield chunk


def _rejected(answer: Answer, body: bytes) -> EndpointRejected | EndpointUnavailable:
    status = answer.status
    if 300 <= status < 400:  # never followed: the user allowed this host, not the one it names
        elsewhere = repr(answer.location)[:200]
        return EndpointRejected(
            f"the endpoint answered {status} and sends on to {elsewhere}; set `endpoint.url` to where it is"
        )
    text = body[:2000].decode("utf-8", "replace")
    with suppress(msgspec.DecodeError, LookupError, TypeError, AttributeError):
        said = msgspec.json.decode(text)
        error = said.get("error", said)  # SGLang and TensorRT-LLM write it at the top
        text = str(error["message"] if isinstance(error, dict) else error)
    if status in (502, 503, 504):  # a gateway says the first and the last of what stands behind it
        return EndpointUnavailable(f"the endpoint is not ready: {text[:300]}")
    hint = "; check `endpoint.apiKeyEnv`, `apiKeyCommand` or `apiKeyFile`" if status in (401, 403) else ""
    return EndpointRejected(f"the endpoint answered {status}: {text[:300]}{hint}")
