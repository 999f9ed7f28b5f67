"""Model servers that run on this machine, found at the ports where they usually listen.

Only loopback is asked, with requests that change nothing. Knows no settings.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.errors import EndpointError
from qwen_lsp.model.remote import RemoteEndpoint

# Where each server listens by itself.
PORTS = {
    "llama-server": 8080,
    "Ollama": 11434,
    "LM Studio": 1234,
    "vLLM": 8000,
    "SGLang": 30000,
}
_PATIENCE_S = 9.0


@dataclass(frozen=True, slots=True)
class Found:
    """A server that answers: its address, the name of its dialect, the model to use, and all there are."""

    url: str
    kind: str
    model: str
    models: tuple[str, ...]


async def find(ports: tuple[int, ...] = tuple(PORTS.values())) -> list[Found]:
    """Ask every port; return what answers, in the order of the ports. Never raises."""
    found = await asyncio.gather(*(_at(f"http://127.0.0.1:{port}") for port in ports))
    return [one for one in found if one is not None]


async def _at(url: str) -> Found | None:
    host = RemoteEndpoint(EndpointConfig(url=url), lambda state: None)
    try:
        endpoint = (await asyncio.wait_for(host.ready(), _PATIENCE_S)).endpoint
        return Found(url, endpoint.dialect.name, endpoint.model, endpoint.models)
    except (EndpointError, TimeoutError):
        return None
    finally:
        await host.close()
