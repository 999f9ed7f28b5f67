"""The HTTP client of one endpoint: stream a completion, count tokens, ask for health and slots.

Speaks llama.cpp's own API (`/completion`) and the OpenAI-compatible one (`/v1/completions`). It maps
every failure to an EndpointError and knows nothing of prompts' meaning, processes or the LSP.
Leaving `stream` early closes the connection, and that is what frees the engine's slot (invariant 5).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from qwen_lsp.endpoints import is_loopback
from qwen_lsp.errors import EndpointRejected, EndpointTimeout, EndpointUnavailable
from qwen_lsp.model import gate, tls
from qwen_lsp.model.tls import NO_TLS, Tls

if TYPE_CHECKING:
    import httpx

Kind = Literal["llama", "openai"]

# OpenAI-compatible servers refuse longer lists (vLLM and OpenAI itself take four); the rest is cut by us.
_OPENAI_STOP_LIMIT = 4


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model answers, and how to speak to it."""

    url: str
    kind: Kind = "llama"
    api_key: str = field(default="", repr=False)
    model: str = ""
    tls: Tls = NO_TLS
    must_redact: bool = False

    @property
    def is_guarded(self) -> bool:
        """Whether secrets are taken out of what it is sent: always, but for this machine."""
        return self.must_redact or not is_loopback(self.url)


@dataclass(frozen=True, slots=True)
class Request:
    """One generation to ask for. Greedy: the same prompt gives the same answer.

    Units: `max_tokens` may be 0 to only read the prompt into the cache.
    `forced` is what the answer is to begin with, and the chunks contain it. llama.cpp forces it by a
    grammar. Elsewhere there is no common way: white space is left to the model (the caller compares),
    anything else is put at the end of the prompt and so no token is healed. `tokens` are all that the
    answer may consist of, by number; llama.cpp only.
    """

    prompt: str
    max_tokens: int
    stop: Sequence[str] = ()
    slot: int = 0
    forced: str = ""
    n_alternatives: int = 1
    tokens: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Timings:
    """What the engine says it did; zeros where an endpoint does not tell."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    prompt_ms: float = 0.0
    generated_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the answer with the timings so far; the last one carries the stop reason.

    Shape: `logprobs` has one natural logarithm for each token in `text`, empty where not given;
    `others` are tokens that could have stood in its place, with theirs, the likeliest first.
    """

    text: str
    logprobs: tuple[float, ...] = ()
    others: tuple[tuple[str, float], ...] = ()
    stop_reason: str | None = None
    timings: Timings = Timings()


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of llama.cpp's server."""

    id: int
    is_busy: bool


# Makes a chunk of one event; KeyError, TypeError and ValueError mean that it is unreadable.
ReadChunk = Callable[[dict[str, Any]], Chunk]


class Client:
    """A pool of connections to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        import httpx  # brings the terminal library along, which the start of the server must not wait for

        self.endpoint = endpoint
        self.redacted = 0  # secrets that were kept from the endpoint so far
        headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        is_here = is_loopback(endpoint.url)
        self._http = httpx.AsyncClient(
            base_url=endpoint.url,
            headers=headers,
            # A proxy named in the environment must never see what goes to this machine itself.
            trust_env=not is_here,
            verify=tls.context(endpoint.tls) if endpoint.url.startswith("https:") else True,
            # llama.cpp closes an idle connection after some seconds, and a request that meets that moment
            # is lost; a new connection to this machine costs a fraction of a millisecond.
            limits=httpx.Limits(max_keepalive_connections=0 if is_here else 8, keepalive_expiry=2.0),
            timeout=httpx.Timeout(None, connect=5.0),
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Ask for a generation and yield its chunks as they are written.

        Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
        """
        request = self._guarded(request)
        path, body = self._body(request)
        is_echo = self.endpoint.kind == "openai" and request.forced.strip()
        read = read_llama if self.endpoint.kind == "llama" else _read_openai
        async with self.stream_post(path, body, read, request.forced if is_echo else "") as chunks:
            yield chunks

    @asynccontextmanager
    async def stream_post(
        self, path: str, body: Mapping[str, Any], read: ReadChunk, echo: str = ""
    ) -> AsyncIterator[AsyncIterator[Chunk]]:
        """Post a request and yield what `read` makes of each event of the answer, after `echo`.

        Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
        """
        import httpx

        try:
            async with self._http.stream("POST", path, json=self._outgoing(body)) as response:
                if response.status_code != 200:
                    raise _rejected(response, await response.aread())
                yield self._chunks(response, read, echo)
        except httpx.HTTPError as error:
            raise _mapped(error, self.endpoint.url) from error

    def _guarded(self, request: Request) -> Request:
        """Take the secrets out of a prompt; the forced text goes on from it, so both are read as one."""
        if not self.endpoint.is_guarded:
            return request
        text, found = gate.masked(request.prompt + request.forced)
        self.redacted += found
        length = len(request.prompt)
        return replace(request, prompt=text[:length], forced=text[length:])

    def _outgoing(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what may be sent of a body: the one way by which anything leaves."""
        if not self.endpoint.is_guarded:
            return body
        masked, found = gate.masked_body(body)
        self.redacted += found
        return masked

    def _body(self, request: Request) -> tuple[str, dict[str, Any]]:
        if self.endpoint.kind == "llama":
            forced = _grammar_of_tokens(request.tokens) if request.tokens else _grammar(request.forced)
            grammar = {"grammar": forced} if request.tokens or request.forced else {}
            return "/completion", {
                **grammar,
                "prompt": request.prompt,
                "n_predict": request.max_tokens,
                "stop": list(request.stop),
                "id_slot": request.slot,
                "temperature": 0.0,
                "cache_prompt": True,
                "stream": True,
                "n_probs": request.n_alternatives,
                "timings_per_token": True,  # so that an answer we leave early has its figures too
            }
        return "/v1/completions", {
            "model": self.endpoint.model,
            "prompt": request.prompt + (request.forced if request.forced.strip() else ""),
            "max_tokens": max(request.max_tokens, 1),
            "stop": list(request.stop[:_OPENAI_STOP_LIMIT]),
            "temperature": 0.0,
            "stream": True,
            "stream_options": {"include_usage": True},
            "logprobs": 1,
        }

    async def _chunks(self, response: httpx.Response, read: ReadChunk, echo: str) -> AsyncIterator[Chunk]:
        if echo:
            yield Chunk(echo)
        is_over = False
        async for line in response.aiter_lines():
            if not line.startswith("data:"):
                if line.startswith(("error:", '{"error"')):
                    raise EndpointRejected(f"the endpoint broke off: {line[:300]}")
                continue
            payload = line[5:].strip()
            if payload == "[DONE]":
                is_over = True
                break
            try:
                chunk = read(msgspec.json.decode(payload))
            except (msgspec.DecodeError, LookupError, TypeError, ValueError, AttributeError) as error:
                raise EndpointRejected(f"the endpoint sent something unreadable: {payload[:200]}") from error
            is_over = is_over or chunk.stop_reason is not None
            yield chunk
        if not is_over:
            raise EndpointUnavailable(f"{self.endpoint.url} closed the connection in mid-answer")

    async def health(self) -> bool:
        """Tell whether the endpoint is up and its model loaded. Never raises."""
        import httpx

        path = "/health" if self.endpoint.kind == "llama" else "/v1/models"
        try:
            return (await self._http.get(path, timeout=5.0)).status_code == 200
        except httpx.HTTPError:
            return False

    async def slots(self) -> list[Slot]:
        """List llama.cpp's slots, which is how a freed slot is proved."""
        answer = await self._get_json("GET", "/slots")
        return [Slot(int(slot["id"]), bool(slot["is_processing"])) for slot in answer]

    async def tokenize(self, text: str) -> list[int]:
        """Split a text into the model's tokens, control tokens included. llama.cpp only."""
        answer = await self._get_json("POST", "/tokenize", {"content": text, "parse_special": True})
        return list(answer["tokens"])

    async def apply_template(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Write chat messages as the model's own template does. llama.cpp only.

        A last message of the assistant is left open, so that the answer goes on from it.
        """
        answer = await self._get_json("POST", "/apply-template", {"messages": list(messages)})
        return str(answer["prompt"])

    async def properties(self) -> dict[str, Any]:
        """Return what llama.cpp says of the loaded model (`/props`)."""
        return dict(await self._get_json("GET", "/props"))

    async def models(self) -> list[str]:
        """Name the models of an OpenAI-compatible endpoint."""
        return [str(model["id"]) for model in (await self._get_json("GET", "/v1/models"))["data"]]

    async def _get_json(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        import httpx

        try:
            sent = self._outgoing(body) if body is not None else None
            response = await self._http.request(method, path, json=sent, timeout=10.0)
        except httpx.HTTPError as error:
            raise _mapped(error, self.endpoint.url) from error
        if response.status_code != 200:
            raise _rejected(response, response.content)
        try:
            return response.json()
        except ValueError as error:
            raise EndpointRejected(f"{path} answered with something that is not JSON") from error


def _grammar(forced: str) -> str:
    """Write a GBNF grammar for a text that begins with `forced`."""
    # A JSON string and a GBNF literal escape quotes, backslashes, tabs and line ends alike.
    return f'root ::= {msgspec.json.encode(forced).decode()} ( . | "\\n" )*'


def _grammar_of_tokens(tokens: Sequence[int]) -> str:
    """Write a GBNF grammar for these tokens and nothing else."""
    return "root ::= " + " ".join(f"<[{token}]>" for token in tokens)


def read_llama(data: dict[str, Any]) -> Chunk:
    """Read one event of llama.cpp's `/completion`."""
    if "error" in data:
        raise broken_off(data["error"])
    logprobs = tuple(float(token["logprob"]) for token in data.get("completion_probabilities") or ())
    timings = data.get("timings") or {}
    return Chunk(
        _text(data["content"]),
        logprobs,
        _others(data),
        str(data.get("stop_type") or "stop") if data.get("stop") else None,
        Timings(
            prompt_tokens=int(timings.get("cache_n", 0)) + int(timings.get("prompt_n", 0)),
            cached_tokens=int(timings.get("cache_n", 0)),
            generated_tokens=int(timings.get("predicted_n", 0)),
            prompt_ms=float(timings.get("prompt_ms", 0.0)),
            generated_ms=float(timings.get("predicted_ms", 0.0)),
        ),
    )


def _others(data: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """Read the likeliest other tokens; only llama.cpp tells, and only single tokens matter here."""
    tokens: list[dict[str, Any]] = data.get("completion_probabilities") or []
    if len(tokens) != 1:
        return ()
    top = tokens[0].get("top_logprobs") or ()
    return tuple((str(one["token"]), float(one["logprob"])) for one in top if one["id"] != tokens[0]["id"])


def usage_of(data: dict[str, Any]) -> Timings:
    """Read the tokens that an event of an OpenAI-compatible endpoint tells of."""
    usage = data.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    return Timings(
        prompt_tokens=int(usage.get("prompt_tokens", 0)),
        cached_tokens=int(details.get("cached_tokens") or 0),
        generated_tokens=int(usage.get("completion_tokens", 0)),
    )


def _read_openai(data: dict[str, Any]) -> Chunk:
    if "error" in data:
        raise broken_off(data["error"])
    timings = usage_of(data)
    if not data["choices"]:  # the last message of `include_usage` has no choice
        return Chunk("", timings=timings, stop_reason="stop" if data.get("usage") else None)
    choice = data["choices"][0]
    logprobs = choice.get("logprobs") or {}
    # llama.cpp's server writes `content`, vLLM and SGLang the older `token_logprobs`.
    values = (
        [token["logprob"] for token in logprobs.get("content") or ()] or logprobs.get("token_logprobs") or ()
    )
    return Chunk(
        _text(choice.get("text") or ""),
        tuple(float(value) for value in values if value is not None),
        (),
        choice.get("finish_reason"),
        timings,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text that is not one")
    return value


def broken_off(error: Any) -> EndpointRejected:
    """Return the error that an event in mid-answer stands for."""
    message = error.get("message", error) if isinstance(error, dict) else error
    return EndpointRejected(f"the endpoint broke off: {str(message)[:300]}")


def _rejected(response: httpx.Response, body: bytes) -> EndpointRejected | EndpointUnavailable:
    status = response.status_code
    if 300 <= status < 400:  # never followed: the user allowed this host, not the one it names
        elsewhere = repr(response.headers.get("location", ""))[:200]
        return EndpointRejected(
            f"the endpoint answered {status} and sends on to {elsewhere}; set `endpoint.url` to where it is"
        )
    text = body[:2000].decode("utf-8", "replace")
    try:
        error = msgspec.json.decode(text)["error"]
        text = str(error["message"] if isinstance(error, dict) else error)
    except (msgspec.DecodeError, KeyError, TypeError):
        pass
    if status == 503:
        return EndpointUnavailable(f"the endpoint is not ready: {text[:300]}")
    hint = "; check `endpoint.apiKeyEnv`" if status in (401, 403) else ""
    return EndpointRejected(f"the endpoint answered {status}: {text[:300]}{hint}")


def _mapped(error: httpx.HTTPError, url: str) -> EndpointUnavailable | EndpointTimeout:
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return EndpointTimeout(f"{url} did not answer in time")
    return EndpointUnavailable(f"{url} cannot be reached: {error or type(error).__name__}")
