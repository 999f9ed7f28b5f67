"""What typing costs a server that many developers share: prompt tokens read for a key, and what each waits.

One developer types a line in each layout, then several at once; each key waits for the answer to the one
before it, so nothing is left out of the count. How many tokens its cache had is what the server says in each
answer (vLLM: `--enable-prompt-tokens-details`); one that says nothing counts as one without a cache.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

import msgspec

from qwen_lsp.bench.infill.score import percentile
from qwen_lsp.completion import prompt
from qwen_lsp.completion.budget import Budget
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.model import catalog
from qwen_lsp.model.client import Client
from qwen_lsp.model.generation import Request, Timings
from qwen_lsp.model.remote import RemoteEndpoint
from qwen_lsp.text import Cursor, Document

LAYOUTS = ("spm", "psm")
# A prompt of 635 tokens of Qwen2.5-Coder, a quarter of them below the cursor.
BUDGET = Budget(768, 256, 24, 24)
TYPED = "    total = sum(order.price * rate for order in orders)\n"
MAX_TOKENS = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """What the keys of some users cost. Units: tokens and milliseconds, for a key.

    `read_tokens` are those that the cache did not have; the first request of each user, which reads all, is
    `first_read_tokens`. `first_text_ms` is until something of the answer is there, p50 and p95.
    """

    layout: str
    users: int
    keys: int
    prompt_tokens: float
    read_tokens: float
    first_read_tokens: float
    written_tokens: float
    first_text_ms: tuple[float, float]
    keys_per_second: float


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured at which server; `queue_ms` is what a key waits for those of the other users, p50."""

    url: str
    kind: str
    model: str
    costs: tuple[Cost, ...]

    @property
    def queue_ms(self) -> float:
        """The time to the first text among many less that of one alone."""
        alone = next((one for one in self.costs if one.users == 1 and one.layout == "spm"), None)
        many = next((one for one in self.costs if one.users > 1), None)
        return max(many.first_text_ms[0] - alone.first_text_ms[0], 0.0) if alone and many else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the values that `--json` prints."""
        return {**asdict(self), "queue_ms": round(self.queue_ms)}


def program(number: int) -> tuple[str, str]:
    """Return what stands above and below the cursor of one user: a file of their own."""

    def function(name: str, n: int) -> str:
        return (
            f'def {name}_{number}_{n}(orders, rate):\n    """Return what step {n} of {number} costs."""\n'
            f"    return [order.price * rate + {n} for order in orders if order.kind == {number}]\n\n\n"
        )

    above = "".join(function("step", n) for n in range(30))
    below = "".join(function("after", n) for n in range(30))
    return f"{above}def total_{number}(orders, rate):\n", f"    return total\n\n\n{below}"


def requests(number: int, layout: str, n_keys: int) -> list[Request]:
    """Return the request before the first key of a line, and one after each key."""
    tokens = catalog.default_profile().tokens
    above, below = program(number)
    made = []
    for end in range(min(n_keys, len(TYPED) - 1) + 1):
        document = Document("", f"{above}{TYPED[:end]}\n{below}", language="python")
        fim = prompt.fim(Cursor(document, len(above) + end), tokens, layout, BUDGET)
        made.append(Request(fim.text, MAX_TOKENS, (*tokens.stops, "\n"), forced=fim.healed_prefix))
    return made


async def _asked(client: Client, request: Request) -> tuple[float, Timings]:
    """Return the milliseconds to the first text, or to the end of an answer without any, and the counts."""
    started = time.perf_counter()
    first_ms, counted = 0.0, Timings()
    async with client.stream(request) as chunks:
        async for chunk in chunks:
            if chunk.text and not first_ms:
                first_ms = (time.perf_counter() - started) * 1000
            if chunk.timings.prompt_tokens:
                counted = chunk.timings
    return first_ms or (time.perf_counter() - started) * 1000, counted


async def _typed(client: Client, number: int, layout: str, n_keys: int) -> list[tuple[float, Timings]]:
    return [await _asked(client, request) for request in requests(number, layout, n_keys)]


async def _cost(clients: Sequence[Client], first: int, layout: str, n_keys: int) -> Cost:
    started = time.perf_counter()
    typed = await asyncio.gather(
        *(_typed(client, first + number, layout, n_keys) for number, client in enumerate(clients))
    )
    taken_s = time.perf_counter() - started
    keys = [key for user in typed for key in user[1:]]
    waits = sorted(ms for ms, _ in keys)
    return Cost(
        layout,
        len(clients),
        len(keys),
        round(mean(counted.prompt_tokens for _, counted in keys), 1),
        round(mean(_read(counted) for _, counted in keys), 1),
        round(mean(_read(user[0][1]) for user in typed), 1),
        round(mean(counted.generated_tokens for _, counted in keys), 1),
        (round(percentile(waits, 50) or 0), round(percentile(waits, 95) or 0)),
        round((len(keys) + len(typed)) / taken_s, 2),
    )


def _read(counted: Timings) -> int:
    return counted.prompt_tokens - counted.cached_tokens


async def measure(config: EndpointConfig, layouts: Sequence[str], n_users: int, n_keys: int) -> Report:
    """Measure one user in each layout, then `n_users` at once in the first one.

    Raises: EndpointError, ConfigError when the server does not answer or is not allowed.
    """
    one = msgspec.structs.replace(config, url=config.urls[0])
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(n_users):
            host = RemoteEndpoint(one, lambda state: None)
            stack.push_async_callback(host.close)
            clients.append(await host.ready())
        costs = []
        for number, layout in enumerate(layouts):
            costs.append(await _cost(clients[:1], 1000 + number, layout, n_keys))
        if n_users > 1:
            costs.append(await _cost(clients, 0, layouts[0], n_keys))
        end = clients[0].endpoint
        return Report(end.url, end.dialect.name, end.model, tuple(costs))


def as_text(report: Report) -> str:
    """Write a report for a terminal."""
    lines = [f"{report.url} ({report.kind}, {report.model}); per key:"]
    for cost in report.costs:
        p50, p95 = cost.first_text_ms
        lines.append(
            f"  {cost.layout}, {cost.users} user{'s' * (cost.users > 1)}: {cost.read_tokens:.0f} of "
            f"{cost.prompt_tokens:.0f} prompt tokens read (first request: {cost.first_read_tokens:.0f}), "
            f"{cost.written_tokens:.1f} written; first text {p50:.0f} ms (p95 {p95:.0f}); "
            f"{cost.keys_per_second:.2f} answers a second"
        )
    if any(cost.users > 1 for cost in report.costs):
        lines.append(f"  a key waits {report.queue_ms:.0f} ms for those of the other users (p50)")
    return "\n".join(lines)
