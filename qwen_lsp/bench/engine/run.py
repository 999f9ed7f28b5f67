"""How fast the engine reads prompts and writes answers, and what a setting of it does to that.

Each arm is an engine process of its own with some parameters changed. All are loaded, then asked in turn, so
that a noisy machine is noisy for all; medians of the rounds are compared. The texts are files of Python's own
library, another part in each round, so no prompt cache helps. Nothing else should run meanwhile, except the
busy loops that `n_busy` asks for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil

from qwen_lsp.bench import engine_process
from qwen_lsp.bench.engine.host import Changed
from qwen_lsp.child import Child
from qwen_lsp.config import EngineConfig
from qwen_lsp.errors import InputError
from qwen_lsp.model.engine import SLOTS, library_variables, thread_counts
from qwen_lsp.model.engine_host import Launch

OURS = "ours"
_CHARS = 1000  # of a prompt; 250 to 350 tokens of code
_WRITTEN_TOKENS = 24
_LONG_CHARS = 4000  # of a prompt that is given up
_GIVEN_UP_S = 0.3
_YES = {"yes": True, "no": False}
_SETTINGS = "threads, batch-threads, slots, batch, mapped, flash, cache, file, or a variable in capitals"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run the engine: its name as it was written, parameters, and environment variables."""

    name: str
    changed: Changed
    variables: dict[str, str]


@dataclass(slots=True)
class Seen:
    """What an arm did. Units: seconds until loaded, bytes, tokens a second in each round, seconds.

    `given_up_s` is how much longer a request takes when a long prompt was given up just before it.
    """

    name: str
    load_s: float = 0.0
    memory_bytes: int = 0
    reads: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    given_up_s: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the medians."""
        return {
            "name": self.name,
            "load_s": round(self.load_s, 2),
            "memory_bytes": self.memory_bytes,
            "read_per_s": round(statistics.median(self.reads), 1),
            "written_per_s": round(statistics.median(self.writes), 1),
            "given_up_s": round(statistics.median(self.given_up_s), 2),
        }


def run(
    config: EngineConfig, model: Path, arms: Sequence[str], n_rounds: int, n_busy: int
) -> list[dict[str, Any]]:
    """Measure our way and each arm; return one object for each, ours first.

    Raises: InputError for an arm that cannot be read, EndpointUnavailable for one that does not start.
    """
    read = [read_arm(text, config, model) for text in (OURS, *arms)]
    return [seen.to_json() for seen in asyncio.run(_measure(read, n_rounds, n_busy))]


def as_text(rows: Sequence[dict[str, Any]]) -> str:
    """Write the figures as a table, with what each arm is of the first."""
    width = max(len(row["name"]) for row in rows)
    lines = [f"{'':{width}}  read tok/s    written tok/s  after a prompt given up  memory   loaded in"]
    first = rows[0]
    for row in rows:
        ratios = [row[name] / first[name] for name in ("read_per_s", "written_per_s")]
        lines.append(
            f"{row['name']:{width}}  {row['read_per_s']:5.1f} {ratios[0]:4.2f}x  {row['written_per_s']:6.1f} "
            f"{ratios[1]:4.2f}x  {row['given_up_s']:+20.2f} s  {row['memory_bytes'] / 1e6:5.0f} MB  "
            f"{row['load_s']:5.1f} s"
        )
    return "\n".join(lines)


def read_arm(text: str, config: EngineConfig, model: Path) -> Arm:
    """Read `threads=1 batch=128 GOMP_SPINCOUNT=1000`; `ours` changes nothing. Raises: InputError."""
    threads, batch_threads = thread_counts(config)
    launch = Launch(
        model_path=str(model),
        api_key=secrets.token_urlsafe(24),
        threads=threads,
        batch_threads=batch_threads,
        slots=SLOTS,
        slot_context_tokens=config.context_tokens,
        cache_mib=0,
        gpu_layers=config.gpu_layers,
    )
    changed, variables = Changed(launch), library_variables(config)
    for part in text.split() if text != OURS else ():
        name, _, value = part.partition("=")
        if not value:
            raise InputError(f"{part!r} is no setting: write NAME=VALUE; known are {_SETTINGS}")
        if name.isupper():
            variables[name] = value
        else:
            changed = _with(changed, name, value)
    return Arm(text, changed, variables)


def _with(changed: Changed, name: str, value: str) -> Changed:
    of_launch = {"threads": "threads", "batch-threads": "batch_threads", "slots": "slots"}
    try:
        if name in of_launch:
            launch = msgspec.structs.replace(changed.launch, **{of_launch[name]: int(value)})
            return msgspec.structs.replace(changed, launch=launch)
        match name:
            case "batch":
                return msgspec.structs.replace(changed, batch_tokens=int(value))
            case "mapped":
                return msgspec.structs.replace(changed, is_mapped=_YES[value])
            case "flash":
                return msgspec.structs.replace(changed, has_flash_attention=_YES[value])
            case "cache":
                return msgspec.structs.replace(changed, cache_type=value)
            case "file":
                return msgspec.structs.replace(changed, file=str(Path(value).expanduser().absolute()))
    except (ValueError, KeyError):
        raise InputError(f"{name}={value}: a number, or yes or no, is needed") from None
    raise InputError(f"there is no setting {name!r}; known are {_SETTINGS}")


async def _measure(arms: Sequence[Arm], n_rounds: int, n_busy: int) -> list[Seen]:
    async with AsyncExitStack() as stack:
        running: list[tuple[Seen, _Engine]] = []
        for arm in arms:
            seen = Seen(arm.name)
            started = time.perf_counter()
            running.append((seen, await stack.enter_async_context(_start(arm))))
            seen.load_s = time.perf_counter() - started
        for _ in range(n_busy):
            busy = await Child.start("qwen_lsp.bench.engine.busy", str(os.getpid()))
            stack.push_async_callback(busy.close, 0.0)
        for number in range(n_rounds):
            for seen, engine in running:
                await _round(seen, engine, number)
        for seen, engine in running:
            seen.memory_bytes = psutil.Process(engine.pid).memory_info().rss
        return [seen for seen, _ in running]


@dataclass(frozen=True, slots=True)
class _Engine:
    http: httpx.AsyncClient
    pid: int

    async def ask(self, prompt: str, n_tokens: int) -> dict[str, Any]:
        response = await self.http.post(
            "/completion",
            json={
                "prompt": prompt,
                "n_predict": n_tokens,
                "temperature": 0,
                "ignore_eos": True,
                "cache_prompt": False,
            },
        )
        response.raise_for_status()
        timings: dict[str, Any] = response.json()["timings"]
        return timings


async def _round(seen: Seen, engine: _Engine, number: int) -> None:
    timings = await engine.ask(_prompt(number, _CHARS), _WRITTEN_TOKENS)
    seen.reads.append(timings["prompt_per_second"])
    seen.writes.append(timings["predicted_per_second"])
    alone_s = timings["prompt_ms"] / 1000
    with contextlib.suppress(httpx.TimeoutException):  # its reader has moved on
        await engine.http.post(
            "/completion",
            json={"prompt": _prompt(number, _LONG_CHARS), "n_predict": 1, "stream": True},
            timeout=httpx.Timeout(_GIVEN_UP_S),
        )
    started = time.perf_counter()
    await engine.ask(_prompt(number, _CHARS), 1)
    seen.given_up_s.append(time.perf_counter() - started - alone_s)


def _prompt(number: int, n_chars: int) -> str:
    """Return code that begins with a number of its own, so that no cache has it."""
    source = Path(random.__file__).read_text("utf-8")
    start = number * _CHARS % (len(source) - n_chars)
    return f"# {random.random()}\n{source[start : start + n_chars]}"


@asynccontextmanager
async def _start(arm: Arm) -> AsyncIterator[_Engine]:
    async with engine_process.start(
        "qwen_lsp.bench.engine.host",
        arm.changed,
        api_key=arm.changed.launch.api_key,
        variables=arm.variables,
        name=f"the engine with {arm.name!r}",
    ) as (http, pid):
        yield _Engine(http, pid)
