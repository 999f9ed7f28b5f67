"""What a model thinks of a text: how likely each token of it was, and what it would have written instead.

llama.cpp's server can be forced to a text by a grammar, and the probabilities that it gives are those of the
model before the grammar (checked by tests/model/test_review.py); vLLM gives those of a prompt. Others have
nothing of the kind. Knows no meaning of what it reads.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from qwen_lsp.errors import EndpointTimeout
from qwen_lsp.model.client import Client
from qwen_lsp.model.generation import Request

_ALTERNATIVES = 5
_MAX_TOKENS = 96
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text. Units: natural logarithms; `others` could have stood there, the likeliest first."""

    text: str
    logprob: float
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A text in tokens, its line end not among them unless it was asked for."""

    tokens: tuple[Token, ...]

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(token.text for token in self.tokens)

    @property
    def total(self) -> float:
        """The log-probability of the whole text."""
        return sum(token.logprob for token in self.tokens)

    @property
    def mean(self) -> float:
        """The log-probability of a token on average."""
        return self.total / max(len(self.tokens), 1)


async def read(client: Client, prompt: str, text: str, slot: int, timeout_s: float = _TIMEOUT_S) -> Passage:
    """Return how likely a text is after a prompt, in the tokens that the model knows such a text in.

    Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
    """
    if (found := await client.likelihood(prompt, text, _ALTERNATIVES)) is not None:
        return Passage(tuple(Token(one.text, sum(one.logprobs), one.others) for one in found))
    tokens = await client.tokenize(text)
    request = Request(
        prompt, len(tokens), (), slot, n_alternatives=_ALTERNATIVES, tokens=tokens, is_background=True
    )
    return await _generated(client, request, timeout_s)


async def line(client: Client, prompt: str, begins: str, slot: int, timeout_s: float = _TIMEOUT_S) -> Passage:
    """Return the line that the model writes after a prompt, beginning with a text.

    Raises: EndpointUnavailable, EndpointTimeout, EndpointRejected.
    """
    request = Request(prompt, _MAX_TOKENS, ("\n",), slot, begins, _ALTERNATIVES, is_background=True)
    return await _generated(client, request, timeout_s)


async def _generated(client: Client, request: Request, timeout_s: float) -> Passage:
    try:
        return Passage(await asyncio.wait_for(_tokens(client, request), timeout_s))
    except TimeoutError:
        raise EndpointTimeout(f"the model did not answer within {timeout_s:g} s") from None


async def _tokens(client: Client, request: Request) -> tuple[Token, ...]:
    tokens: list[Token] = []
    async with client.stream(request) as chunks:
        async for chunk in chunks:
            if chunk.logprobs:
                # A character in several tokens arrives at once, with the probability of each.
                tokens.append(Token(chunk.text, sum(chunk.logprobs), chunk.others))
            if not request.tokens and "\n" in chunk.text:
                break
    return tuple(tokens)
