"""What is asked of a model and what it sends: values that every dialect reads and makes.

Knows no HTTP, no dialect and no meaning of a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Request:
    """One generation to ask for. Greedy: the same prompt gives the same answer.

    Units: `max_tokens` may be 0 to only read the prompt into the cache.
    `forced` is what the answer is to begin with, and the chunks contain it. A dialect with grammars forces
    it. Elsewhere there is no common way: white space is left to the model (the caller compares), anything
    else is put at the end of the prompt and so no token is healed. `tokens` are all that the answer may
    consist of, by number; only for a dialect with grammars. `around` are the texts before (without `forced`)
    and after the hole that the prompt was made of, for a dialect that writes the markers by itself.
    `sources` name the files in the prompt, for the record of what left this machine. Nobody waits for
    one that `is_background`: a shared engine has it wait, and begin again, whenever somebody types. One that
    `is_renewable` follows somebody's typing: if a shared engine has had it wait, EndpointStale is raised.
    """

    prompt: str
    max_tokens: int
    stop: Sequence[str] = ()
    slot: int = 0
    forced: str = ""
    n_alternatives: int = 1
    tokens: Sequence[int] = ()
    around: tuple[str, str] = ("", "")
    sources: tuple[str, ...] = ()
    is_background: bool = False
    is_renewable: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One answer to ask for. Greedy: the same messages give the same answer.

    Units: `max_tokens` 0 only reads the messages into the cache. `begins` is what the answer begins
    with and the reply contains it; endpoints that cannot continue a text ignore it. `json_schema`
    and `grammar` (GBNF, where a dialect has grammars) exclude each other. `n_probs` above 0 asks for the
    log-probability of each token and of so many others. `sources` and `is_background` are as in a Request.
    """

    messages: Sequence[Message]
    max_tokens: int
    begins: str = ""
    stop: Sequence[str] = ()
    json_schema: Mapping[str, Any] | None = None
    grammar: str = ""
    n_probs: int = 0
    slot: int = 0
    timeout_ms: int = 120_000
    sources: tuple[str, ...] = ()
    is_background: bool = False


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
    """One slot of the engine, which works on one request at a time."""

    id: int
    is_busy: bool
