"""The self-test of fill-in-the-middle: three holes, each with one right answer, asked of a model in earnest.

It shows whether the markers of a prompt arrive as markers: a server that puts a chat template around a prompt
answers in prose. Used by `doctor` and `endpoint`; knows no dialect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qwen_lsp.completion import prompt
from qwen_lsp.completion.budget import Budget
from qwen_lsp.errors import EndpointRejected
from qwen_lsp.model.catalog import ControlTokens
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import COMPLETION_SLOT
from qwen_lsp.model.generation import Request
from qwen_lsp.text import Cursor, Document

_MAX_TOKENS = 12
_BUDGET = Budget(256, 256, _MAX_TOKENS, _MAX_TOKENS)
# How chat models begin when they were asked a question.
_PROSE = re.compile(r"```|^\s*(?:Sure|Here|The |It |To |This |I |You |在|这|您|以下)", re.IGNORECASE)

TEMPLATE_REMEDY = (
    "the server puts a chat template around the prompt, which eats the FIM markers: set `endpoint.kind` to "
    "`ollama` for Ollama, to `suffix` for a gateway with that field, or turn the template off in the server"
)


@dataclass(frozen=True, slots=True)
class Hole:
    """A place in a program of a few lines where only one text makes sense; it ends its line."""

    before: str
    after: str
    answer: str
    language: str


HOLES = (
    Hole(
        "def add(first, second):\n    return ",
        "\n\n\ndef multiply(first, second):\n    return first * second\n",
        "first + second",
        "python",
    ),
    Hole(
        "function area(width, height) {\n  return ",
        ";\n}\n\nfunction sum(width, height) {\n  return width + height;\n}\n",
        "width * height",
        "javascript",
    ),
    Hole("colours = ['red', 'green']\nfor colour in ", ":\n    print(colour)\n", "colours", "python"),
)

Verdict = Literal["works", "template", "unsure"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the holes: `answers` in their order, and whether token log-probabilities came along."""

    answers: tuple[str, ...]
    has_logprobs: bool

    @property
    def n_right(self) -> int:
        """How many holes were filled with the right text."""
        return sum(answer == hole.answer for answer, hole in zip(self.answers, HOLES, strict=True))

    @property
    def verdict(self) -> Verdict:
        """What that says of the markers. A small model may miss a hole; prose means a template."""
        if self.n_right >= 2:
            return "works"
        return "template" if any(_PROSE.search(answer) for answer in self.answers) else "unsure"


async def check(client: Client, tokens: ControlTokens, layout: str) -> Result:
    """Fill every hole. Raises: EndpointError."""
    answers: list[str] = []
    has_logprobs = True
    for hole in HOLES:
        cursor = Cursor(Document("", hole.before + hole.after, language=hole.language), len(hole.before))
        fim = prompt.fim(cursor, tokens, layout, _BUDGET)
        request = Request(
            fim.text,
            _MAX_TOKENS,
            (*tokens.stops, "\n"),
            COMPLETION_SLOT,
            fim.healed_prefix,
            around=fim.around,
        )
        text, logprobs = await _ask(client, request)
        answers.append(_hole_of(text.removeprefix(fim.healed_prefix), hole))
        has_logprobs = has_logprobs and logprobs
    return Result(tuple(answers), has_logprobs)


async def _ask(client: Client, request: Request) -> tuple[str, bool]:
    async with client.stream(request) as stream:
        chunks = [chunk async for chunk in stream]
    if not chunks:
        raise EndpointRejected("the endpoint sent an empty answer")
    return "".join(chunk.text for chunk in chunks), any(chunk.logprobs for chunk in chunks)


def _hole_of(text: str, hole: Hole) -> str:
    """Return what belongs into the hole: the first line, without what stands behind the hole already."""
    line: Sequence[str] = text.lstrip().split("\n", 1)
    return line[0].rstrip().removesuffix(hole.after[:1].strip()).rstrip()
