"""One answer of an instruct model on the chat slot, streamed, with a deadline.

`ask` sends messages and returns the whole Reply; `on_text` gets the text so far. The deadline, a
cancellation and `on_text` returning True all leave the stream, which frees the slot (invariant 5).
It knows no LSP and no dialect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from qwen_lsp.errors import EndpointTimeout
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import CHAT_SLOT
from qwen_lsp.model.generation import ChatRequest, Timings

# Gets the answer so far; returning True ends it there.
OnText = Callable[[str], bool | None]


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished answer. `stop_reason` is the endpoint's, or "left" where `on_text` ended it.

    Shape: one log-probability for each token, and for each chunk the likeliest others of its token and
    the place in `text` where they would stand; all empty where they were not asked for.
    """

    text: str
    stop_reason: str
    timings: Timings = field(default_factory=Timings)
    logprobs: tuple[float, ...] = ()
    others: tuple[tuple[tuple[str, float], ...], ...] = field(default=(), repr=False)
    places: tuple[int, ...] = field(default=(), repr=False)

    @property
    def is_cut_off(self) -> bool:
        """Whether the answer ended only because it had grown too long."""
        return self.stop_reason in ("limit", "length")


async def ask(client: Client, request: ChatRequest, on_text: OnText | None = None) -> Reply:
    """Ask and return the whole answer.

    Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
    """
    try:
        return await asyncio.wait_for(_ask(client, request, on_text), request.timeout_ms / 1000)
    except TimeoutError:
        seconds = request.timeout_ms / 1000
        raise EndpointTimeout(f"the model gave no whole answer within {seconds:g} s") from None


async def _ask(client: Client, request: ChatRequest, on_text: OnText | None) -> Reply:
    text, reason, timings = "", "", Timings()
    logprobs: list[float] = []
    others: list[tuple[tuple[str, float], ...]] = []
    places: list[int] = []
    async with client.chat(replace(request, slot=CHAT_SLOT)) as chunks:
        async for chunk in chunks:
            text += chunk.text
            timings = chunk.timings if chunk.timings != Timings() else timings
            reason = reason or chunk.stop_reason or ""  # what comes after the first only counts tokens
            logprobs += chunk.logprobs
            if chunk.logprobs:
                others.append(chunk.others)
                places.append(len(text) - len(chunk.text))
            if chunk.text and on_text is not None and on_text(text):
                reason = "left"
                break
    return Reply(text, reason, timings, tuple(logprobs), tuple(others), tuple(places))
