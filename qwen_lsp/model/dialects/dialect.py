"""A dialect as a value: what an API can do, and how to write its requests and read its answers.

It opens no connection: whoever has one passes in how to ask for JSON, and posts what a dialect has written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from qwen_lsp.errors import EndpointRejected
from qwen_lsp.model.generation import ChatRequest, Chunk, Request, Slot

# Makes a chunk of one event; KeyError, TypeError and ValueError mean that it is unreadable.
ReadChunk = Callable[[dict[str, Any]], Chunk]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an API can do that features have to know of.

    `grammar`: an answer can be held to a GBNF grammar, so a text can be forced. `logprobs`: the
    log-probability of each token comes with it. `prompt_cache`: what was read of a prompt is kept, so reading
    ahead is worth it. `slots`: two requests with a prompt each do not push each other out of that cache.
    `suffix`: the suffix has a field of its own. `cancels_on_disconnect`: who leaves the stream ends the work.
    """

    grammar: bool = False
    logprobs: bool = False
    prompt_cache: bool = False
    slots: bool = False
    suffix: bool = False
    cancels_on_disconnect: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of those that are not there, in words."""
        return tuple(one.name.replace("_", " ") for one in fields(self) if not getattr(self, one.name))


@dataclass(frozen=True, slots=True)
class Post:
    """A request to send: what `read` makes of each event of the answer follows the text `echo`.

    The answer is a stream of server-sent events, or of one JSON object a line where `is_lines` says so.
    """

    path: str
    body: Mapping[str, Any]
    read: ReadChunk
    echo: str = ""
    is_lines: bool = False


class AskJson(Protocol):
    """Sends a request with a method, a path and perhaps a body; returns the JSON of the answer.

    Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
    """

    def __call__(self, method: str, path: str, body: dict[str, Any] | None = None, /) -> Awaitable[Any]:
        """Ask."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API. `name` is what `endpoint.kind` calls it; a path of `health` answers 200 when it is up.

    `model` gets the name that is set, if any, and returns that of the model that runs there; it raises
    EndpointError when the endpoint does not speak this dialect. `tokenize` and `list_slots` are None where
    there is no such thing.
    """

    name: str
    can: Capabilities
    health: str
    model: Callable[[str, AskJson], Awaitable[str]]
    completion: Callable[[Request, str], Post]
    chat: Callable[[ChatRequest, str, AskJson], Awaitable[Post]]
    tokenize: Callable[[str, AskJson], Awaitable[list[int]]] | None = None
    list_slots: Callable[[AskJson], Awaitable[list[Slot]]] | None = None


def raise_for(event: Mapping[str, Any]) -> None:
    """Raise the error that an event in mid-answer stands for, if it is one."""
    if "error" in event:
        error = event["error"]
        message = error.get("message", error) if isinstance(error, dict) else error
        raise EndpointRejected(f"the endpoint broke off: {str(message)[:300]}")


def text_of(value: Any) -> str:
    """Return a text. Raises: TypeError when it is none."""
    if not isinstance(value, str):
        raise TypeError("a text that is not one")
    return value


def echo_of(request: Request) -> str:
    """Return what stands at the end of a prompt because nothing can force it: white space is the model's."""
    return request.forced if request.forced.strip() else ""


def turns(request: ChatRequest) -> list[dict[str, str]]:
    """Write the messages of a chat as every API has them."""
    return [{"role": message.role, "content": message.content} for message in request.messages]


def probabilities(
    tokens: Sequence[Mapping[str, Any]], key: str = "token"
) -> tuple[tuple[float, ...], tuple[tuple[str, float], ...]]:
    """Read the log-probability of each token, and the likeliest others, which only matter for a single one.

    `key` is what tells one token from another.
    """
    top = tokens[0].get("top_logprobs") or () if len(tokens) == 1 else ()
    return (
        tuple(float(token["logprob"]) for token in tokens),
        tuple((str(one["token"]), float(one["logprob"])) for one in top if one[key] != tokens[0][key]),
    )
