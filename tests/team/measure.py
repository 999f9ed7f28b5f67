"""What typing costs a vLLM: prompt tokens that it has to read for a key, and how many users wait how long.

`python -m tests.team.measure URL --layout spm --layout psm --users 20 --seconds 20` prints a JSON object.
Start the server with and without `--no-enable-prefix-caching` to compare.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median, quantiles

from qwen_lsp.completion import prompt
from qwen_lsp.completion.budget import Budget
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.model import catalog
from qwen_lsp.model.client import Client
from qwen_lsp.model.generation import Request
from qwen_lsp.model.remote import RemoteEndpoint
from qwen_lsp.text import Cursor, Document
from tests.team.test_vllm import metric

TOKENS = catalog.default_profile().tokens
BUDGET = Budget(768, 192, 24, 24)
TYPED = "    total = sum(order.price)\n"
KEY_S = 0.2


def program(number: int) -> tuple[str, str]:
    """Return what stands above and below the cursor of one user: a file of some hundred lines."""
    above = "".join(
        f'def step_{number}_{n}(orders, rate):\n    """Return what step {n} of {number} costs."""\n'
        f"    return [order.price * rate + {n} for order in orders if order.kind == {number}]\n\n\n"
        for n in range(30)
    )
    below = f"    return total\n\n\ndef after_{number}(orders):\n    return len(orders)\n"
    return f"{above}def total_{number}(orders):\n", below


def requests(number: int, layout: str, max_tokens: int) -> list[Request]:
    """Return the request after each key of a line."""
    above, below = program(number)
    made = []
    for end in range(len(TYPED)):
        document = Document("", above + TYPED[:end] + "\n" + below, language="python")
        fim = prompt.fim(Cursor(document, len(above) + end), TOKENS, layout, BUDGET)
        made.append(Request(fim.text, max_tokens, (*TOKENS.stops, "\n"), forced=fim.healed_prefix))
    return made


async def counts(url: str) -> tuple[float, float]:
    """Return the prompt tokens so far: all, and those that the prefix cache had."""
    return await metric(url, "vllm:prompt_tokens_total"), await metric(url, "vllm:prefix_cache_hits_total")


async def keys(client: Client, url: str, layout: str, number: int, n_keys: int) -> dict[str, float]:
    """Type a line, each key answered before the next; the first request, which reads all, apart."""
    first, *rest = requests(number, layout, 1)[: n_keys + 1]
    await _ask(client, first)
    before = await counts(url)
    times = [await _ask(client, one) for one in rest]
    after = await counts(url)
    total, cached = after[0] - before[0], after[1] - before[1]
    return {
        "keys": len(rest),
        "prompt_tokens_a_key": round(total / len(rest), 1),
        "new_tokens_a_key": round((total - cached) / len(rest), 1),
        "ms_a_key_p50": round(median(times) * 1000),
    }


async def _ask(client: Client, request: Request) -> float:
    started = time.perf_counter()
    async with client.stream(request) as stream:
        async for _ in stream:
            pass
    return time.perf_counter() - started


@dataclass
class User:
    """What one user saw: seconds to the first text of each request that was answered in time."""

    waited: list[float] = field(default_factory=list)
    n_keys: int = 0


async def use(client: Client, number: int, seconds: float) -> User:
    """Type until the time is over; a key ends the request before it, as the language server does."""
    user = User()
    until = time.perf_counter() + seconds
    await asyncio.sleep(KEY_S * (number % 20) / 20)
    while time.perf_counter() < until:
        for request in requests(number, "spm", 24):
            user.n_keys += 1
            asking = asyncio.create_task(_first_text(client, request))
            await asyncio.wait((asking,), timeout=KEY_S)
            if asking.done():
                user.waited.append(asking.result())
                await asyncio.sleep(max(KEY_S - asking.result(), 0))
            else:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            if time.perf_counter() >= until:
                break
    return user


async def _first_text(client: Client, request: Request) -> float:
    started = time.perf_counter()
    async with client.stream(request) as stream:
        async for chunk in stream:
            if chunk.text:
                break
    return time.perf_counter() - started


async def main(
    url: str, layouts: Sequence[str], n_keys: int, n_users: int, seconds: float
) -> dict[str, object]:
    """Measure the keys of one user in both layouts, then many users."""
    async with AsyncExitStack() as stack:
        hosts = [RemoteEndpoint(EndpointConfig(url=url), lambda state: None) for _ in range(max(n_users, 1))]
        clients = []
        for host in hosts:
            stack.push_async_callback(host.close)
            clients.append(await host.ready())
        found: dict[str, object] = {}
        for number, layout in enumerate(layouts):
            found[layout] = await keys(clients[0], url, layout, 1000 + number, n_keys)
        if n_users:
            before = await counts(url)
            work = (use(client, number, seconds) for number, client in enumerate(clients))
            found["users"] = _report(await asyncio.gather(*work), before, await counts(url))
    return found


def _report(
    users: Sequence[User], before: tuple[float, float], after: tuple[float, float]
) -> dict[str, object]:
    waited = sorted(value * 1000 for user in users for value in user.waited)
    n_keys = sum(user.n_keys for user in users)
    tokens, cached = after[0] - before[0], after[1] - before[1]
    return {
        "users": len(users),
        "keys": n_keys,
        "answered_before_the_next_key": round(len(waited) / max(n_keys, 1), 2),
        "first_text_ms_p50_p95": [round(median(waited)), round(quantiles(waited, n=20)[-1])]
        if len(waited) > 1
        else None,
        "prompt_tokens": round(tokens),
        "new_prompt_tokens": round(tokens - cached),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--layout", action="append", choices=("spm", "psm"), default=[])
    parser.add_argument("--keys", type=int, default=12, help="keys of a line, for each layout")
    parser.add_argument("--users", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    print(
        json.dumps(
            asyncio.run(main(given.url, given.layout, given.keys, given.users, given.seconds)), indent=2
        )
    )
