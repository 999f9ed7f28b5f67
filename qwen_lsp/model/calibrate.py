"""How fast a model runs here: one prompt read and one answer written, a few seconds at most.

Knows the engine and its client; what the figures mean is model/recommend's business.
"""

from __future__ import annotations

import asyncio

import msgspec

from qwen_lsp.config import Config
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.model import speed
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import CHAT_SLOT
from qwen_lsp.model.generation import Chunk, Request
from qwen_lsp.model.hosts import alone, open_host
from qwen_lsp.model.speed import Speed
from qwen_lsp.model.store import Installed

# About 620 tokens: long enough that the overhead of a request does not count.
_TEXT = "".join(
    f"def scale_{number}(values, factor):\n    return [v * factor for v in values]\n\n"
    for number in range(28)
)
_WRITTEN_TOKENS = 32
_MAX_S = 120.0


async def measure(client: Client) -> Speed | None:
    """Return the speed of a loaded engine; None when it does not report its timings."""
    chunks: list[Chunk] = []
    async with client.stream(Request(_TEXT, _WRITTEN_TOKENS, (), CHAT_SLOT)) as stream:
        chunks = [chunk async for chunk in stream]
    if not chunks or not chunks[-1].timings.prompt_ms or not chunks[-1].timings.generated_ms:
        return None
    timings = chunks[-1].timings
    read = (timings.prompt_tokens - timings.cached_tokens) / timings.prompt_ms * 1000
    written = timings.generated_tokens / timings.generated_ms * 1000
    return Speed(read, written) if read > 0 and written > 0 else None


def run(config: Config, model: Installed) -> Speed | None:
    """Load a model, measure it, and remember the speed. Cost: seconds, and the model's memory.

    Raises: QwenLspError when the engine cannot run it.
    """
    own_engine = alone(msgspec.structs.replace(config, endpoint=EndpointConfig()))

    async def once() -> Speed | None:
        host = open_host(own_engine, lambda: model.path, lambda state: None)
        try:
            async with asyncio.timeout(_MAX_S):
                return await measure(await host.ready())
        except TimeoutError:
            return None
        finally:
            await host.close()

    measured = asyncio.run(once())
    if measured is not None:
        speed.save(model.profile.name, measured)
    return measured
