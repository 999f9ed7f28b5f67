"""A dialect as a value: what an API can do, and how to write its requests and read its answers.

It opens no connection: whoever has one passes in how to ask for JSON, and posts what a dialect has written.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from qwen_lsp.errors import EndpointRejected
from qwen_lsp.model.generation import ChatRequest, Chunk, Request, Slot

# Makes a chunk of one event; KeyError, TypeError and ValueError mean that it is unreadable.
ReadChunk = Callable[[dict[str, Any]], Chunk | None]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an API can do that features have to know of.

    `raw_prompt`: the prompt is read as it is, with the model's own markers in it. `suffix`: the suffix has a
    field of its own. `logprobs`: the log-probability of each token comes with it. `likelihood`: the same for
    a given text. `grammar`: an answer can be held to a grammar, so a text can be forced. `schema`: a chat can
    be held to a JSON schema. `prompt_cache`: what was read of a prompt is kept, so reading ahead is worth it.
    `slots`: two requests with a prompt each do not push each other out of that cache.
    `cancels_on_disconnect`: who leaves the stream ends the work. `lists_models`: it says what it serves.
    """

    raw_prompt: bool = True
    suffix: bool = False
    logprobs: bool = False
    likelihood: bool = False
    grammar: bool = False
    schema: bool = False
    prompt_cache: bool = False
    slots: bool = False
    cancels_on_disconnect: bool = False
    lists_models: bool = True

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of those that are not there, in words. Who reads raw prompts needs no suffix field."""
        names = [one.name for one in fields(self) if not getattr(self, one.name)]
        return tuple(name.replace("_", " ") for name in names if not (name == "suffix" and self.raw_prompt))


@dataclass(frozen=True, slots=True)
class Served:
    """What an endpoint says of itself when it is asked.

    Units: `context_tokens` of the prompt and the answer, 0 where it does not say. `owner` is whom it names as
    the owner of its model, which most servers fill with their own name. `models` are the names of all that it
    serves, () where it does not say.
    """

    model: str
    context_tokens: int = 0
    owner: str = ""
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """A request to send: what `read` makes of each event of the answer, if anything, follows the text `echo`.

    The answer is a stream of server-sent events, or of one JSON object a line where `is_lines` says so. Where
    it has to begin with `expected` and does not, `otherwise` is sent in its place.
    """

    path: str
    body: Mapping[str, Any]
    read: ReadChunk
    echo: str = ""
    is_lines: bool = False
    expected: str = ""
    otherwise: Post | None = None


class AskJson(Protocol):
    """Sends a request with a method, a path and perhaps a body; returns the JSON of the answer.

    Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
    """

    def __call__(self, method: str, path: str, body: dict[str, Any] | None = None, /) -> Awaitable[Any]:
        """Ask."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API. `name` is what `endpoint.kind` calls it; a path of `health` answers 200 when it is up.

    `served` gets the name of the model that is set, if any; it raises EndpointError when the endpoint does
    not speak this dialect. `likelihood` gets a prompt, the text behind it, the number of alternatives and the
    model's name, and returns a chunk for each token of the text. It, `tokenize`, which gets a text and the
    model's name, and `list_slots` are None where there is no such thing.
    """

    name: str
    can: Capabilities
    health: str
    served: Callable[[str, AskJson], Awaitable[Served]]
    completion: Callable[[Request, str], Post]
    chat: Callable[[ChatRequest, str, AskJson], Awaitable[Post]]
    tokenize: Callable[[str, str, AskJson], Awaitable[list[int]]] | None = None
    likelihood: Callable[[str, str, int, str, AskJson], Awaitable[list[Chunk]]] | None = None
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


def beginning(forced: str) -> str:
    """Write a regular expression for a text that begins with `forced`; a dot may not stand for a line end."""
    return re.sub(r"([\\.\[\](){}*+?|^$/-])", r"\\\1", forced).replace("\n", "\\n") + "(.|\\n)*"


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


def coder_of(names: Sequence[str]) -> str:
    """Return the first name of a Qwen Coder model; "" where there is none."""
    return next((name for name in names if re.search(r"qwen.*coder", name, re.IGNORECASE)), "")


def aligned(text: str, tokens: Sequence[Chunk]) -> list[Chunk]:
    """Return the tokens of a text with their true texts: a character in several tokens becomes one chunk.

    Servers write the parts of such a character as U+FFFD.
    """
    found: list[Chunk] = []
    parts: list[Chunk] = []
    rest = text
    for token in tokens:
        at = -1 if "\ufffd" in token.text else rest.find(token.text)
        if at < 0 or (at > 0 and not parts):
            parts.append(token)
            continue
        if parts:
            found.append(Chunk(rest[:at], tuple(value for one in parts for value in one.logprobs)))
            parts = []
        found.append(token)
        rest = rest[at + len(token.text) :]
    if parts:
        found.append(Chunk(rest, tuple(value for one in parts for value in one.logprobs)))
    return found
