"""Model servers that run on this machine, found at the ports where they usually listen.

Only loopback is asked, each port once, with requests that change nothing. Knows no settings.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from qwen_lsp.errors import EndpointError
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.known import wanted

# Where each server listens by itself.
PORTS = {
    "llama-server": 8080,
    "Ollama": 11434,
    "LM Studio": 1234,
    "vLLM": 8000,
    "SGLang": 30000,
}
_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """A server that answers: its address, the name of its dialect, and its model."""

    url: str
    kind: str
    model: str


async def find(ports: tuple[int, ...] = tuple(PORTS.values())) -> list[Found]:
    """Ask every port; return what answers, in the order of the ports. Never raises."""
    found = await asyncio.gather(*(_at(f"http://127.0.0.1:{port}") for port in ports))
    return [one for one in found if one is not None]


async def _at(url: str) -> Found | None:
    for dialect in wanted("auto"):
        client = Client(Endpoint(url, dialect))
        try:
            model = await asyncio.wait_for(client.model(), _PATIENCE_S)
            return Found(url, dialect.name, model)
        except (EndpointError, TimeoutError):
            continue
        finally:
            await client.close()
    return None
