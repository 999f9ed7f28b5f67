"""llama.cpp's server with the flags that llama.vim recommends, and its `/infill` endpoint.

`main` is the process, with one JSON line of `Flags` on stdin; `start` is the parent's side. Only the
benchmark speaks `/infill`; the product never does (docs/benchmarks.md says why).
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from qwen_lsp.bench import engine_process
from qwen_lsp.bench.replay.llama_vim import Infill
from qwen_lsp.child import die_with_parent
from qwen_lsp.config import EngineConfig
from qwen_lsp.errors import EndpointRejected
from qwen_lsp.model.engine import library_variables, thread_counts
from qwen_lsp.model.engine_host import serve

# Source: llama.vim's README, `--fim-qwen-1.5b-default` and its kin: one slot, the model's whole context.
BATCH_TOKENS = 1024
CACHE_REUSE_TOKENS = 256

Ask = Callable[[dict[str, Any]], Awaitable[Infill]]


class Flags(msgspec.Struct, frozen=True):
    """What the process is started with."""

    model_path: str
    api_key: str
    threads: int
    batch_threads: int
    gpu_layers: int


@asynccontextmanager
async def start(config: EngineConfig, model_path: Path) -> AsyncIterator[Ask]:
    """Run the engine with the same threads as ours, waiting as ours do, and yield the way to ask it.

    Raises: EndpointUnavailable when it does not come up.
    """
    threads, batch_threads = thread_counts(config)
    flags = Flags(str(model_path), secrets.token_urlsafe(24), threads, batch_threads, config.gpu_layers)
    async with engine_process.start(
        "qwen_lsp.bench.infill.engine",
        flags,
        api_key=flags.api_key,
        variables=library_variables(config),
        name="the engine for llama.vim's policy",
    ) as (http, _):

        async def ask(body: dict[str, Any]) -> Infill:
            response = await http.post("/infill", json=body)
            if response.status_code != 200:
                raise EndpointRejected(f"/infill answered {response.status_code}: {response.text[:300]}")
            return read(response.json())

        yield ask


def read(answer: dict[str, Any]) -> Infill:
    """Read what `/infill` answered. A request for no tokens still reports one, which is never shown."""
    timings = answer.get("timings") or {}
    return Infill(
        str(answer["content"]),
        int(timings.get("prompt_n", 0)),
        int(timings.get("predicted_n", 0)),
        float(timings.get("prompt_ms", 0.0)),
        float(timings.get("predicted_ms", 0.0)),
    )


def main() -> None:
    """Serve until stdin ends."""
    die_with_parent(int(sys.argv[1]))
    flags = msgspec.json.decode(sys.stdin.buffer.readline(), type=Flags)
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    import xllamacpp

    params: Any = xllamacpp.CommonParams()
    params.model.path = flags.model_path
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [flags.api_key]
    params.ui = False
    params.n_parallel = 1
    params.n_ctx = 0
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.n_cache_reuse = CACHE_REUSE_TOKENS
    params.n_gpu_layers = flags.gpu_layers
    params.cpuparams.n_threads = flags.threads
    params.cpuparams_batch.n_threads = flags.batch_threads
    params.cpuparams.poll = params.cpuparams_batch.poll = 0
    serve(xllamacpp, params, answer)
