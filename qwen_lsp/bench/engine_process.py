"""An engine process of a benchmark's own: a module that serves what it is told, and the HTTP client of it.

The module reads one JSON line from stdin, answers one JSON line `Started` when the model is loaded, and ends
with stdin, as `model/engine_host.py` does. Knows nothing of what is measured.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import msgspec

from qwen_lsp.child import Child
from qwen_lsp.errors import EndpointUnavailable
from qwen_lsp.model.engine_host import Started

_LOAD_S = 600.0


@asynccontextmanager
async def start(
    module: str, values: msgspec.Struct, *, api_key: str, variables: Mapping[str, str], name: str
) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """Run `module` with `values`; yield the client, which has the key, and the process id.

    `variables` are for the environment where the user has set none; `name` is what an error calls it.
    Raises: EndpointUnavailable when it does not come up.
    """
    child = await Child.start(
        module, str(os.getpid()), on_stderr=lambda line: None, with_hardware=True, defaults=variables
    )
    try:
        child.send(msgspec.json.encode(values))
        line = await asyncio.wait_for(child.first_line(), _LOAD_S)
        if not line:
            raise EndpointUnavailable(f"{name} did not start")
        url = f"http://127.0.0.1:{msgspec.json.decode(line, type=Started).port}"
        headers = {"Authorization": f"Bearer {api_key}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=_LOAD_S) as http:
            yield http, child.pid
    finally:
        await child.close(0.0)
