"""Where a model's host stands, as a value: what the engine and an endpoint both report. Knows neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

CLOSED = "the engine is being stopped: the settings have changed"

# "asleep": ended because nobody had asked for a while; the next request starts it.
Phase = Literal["off", "starting", "ready", "asleep", "failed"]
# Why a phase is not "ready": the process ended, cannot start, or was asleep; the endpoint's address is none,
# it is another machine's and that is not allowed, its key cannot be used, or it does not answer as it should.
Cause = Literal["", "died", "start", "asleep", "address", "remote", "key", "unreachable"]


@dataclass(frozen=True, slots=True)
class State:
    """Where the host stands; `detail` is for people and says what to do on failure.

    `url` is the endpoint's, "" or ENGINE for the engine; `skipped` are those that come first and are down.
    """

    phase: Phase
    detail: str = ""
    cause: Cause = ""
    url: str = ""
    skipped: tuple[str, ...] = ()


Listener = Callable[[State], None]
