"""The engine process of `bench engine`: ours, with some of its parameters changed.

`main` reads one JSON line of `Changed` from stdin, answers one JSON line `Started`, and ends with stdin.
Knows nothing of what is measured.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec

from qwen_lsp.child import die_with_parent
from qwen_lsp.model.engine_host import Launch, parameters, serve


class Changed(msgspec.Struct, frozen=True):
    """What the process is started with: ours, and parameters in place of our own; None leaves one as it is.

    `file` is the model file to load instead, without looking for a faster copy; `cache_type` is a type of
    ggml's, as `q8_0`.
    """

    launch: Launch
    batch_tokens: int | None = None
    is_mapped: bool | None = None
    has_flash_attention: bool | None = None
    cache_type: str | None = None
    file: str | None = None


def main() -> None:
    """Serve until stdin ends."""
    die_with_parent(int(sys.argv[1]))
    changed = msgspec.json.decode(sys.stdin.buffer.readline(), type=Changed)
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    import xllamacpp

    params = parameters(xllamacpp, changed.launch)
    _change(xllamacpp, params, changed)
    serve(xllamacpp, params, answer)


def _change(engine: Any, params: Any, changed: Changed) -> None:
    if changed.batch_tokens is not None:
        params.n_batch = changed.batch_tokens
    if changed.is_mapped is not None:
        name = "MMAP" if changed.is_mapped else "NONE"
        params.load_mode = getattr(engine.llama_load_mode, f"LLAMA_LOAD_MODE_{name}")
    if changed.has_flash_attention is not None:
        name = "ENABLED" if changed.has_flash_attention else "DISABLED"
        params.flash_attn_type = getattr(engine.llama_flash_attn_type, f"LLAMA_FLASH_ATTN_TYPE_{name}")
    if changed.cache_type is not None:
        kind = getattr(engine.ggml_type, f"GGML_TYPE_{changed.cache_type.upper()}")
        params.cache_type_k = params.cache_type_v = kind
    if changed.file is not None:
        params.model.path = changed.file
