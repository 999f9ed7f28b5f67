"""The dialects there are, in the order in which an endpoint is asked for them."""

from __future__ import annotations

from qwen_lsp.model.dialects.dialect import Dialect
from qwen_lsp.model.dialects.llama import LLAMA
from qwen_lsp.model.dialects.openai import OPENAI

DIALECTS: tuple[Dialect, ...] = (LLAMA, OPENAI)


def wanted(kind: str) -> tuple[Dialect, ...]:
    """Return the dialects to try for what `endpoint.kind` says: one by its name, or all for "auto"."""
    return DIALECTS if kind == "auto" else tuple(one for one in DIALECTS if one.name == kind)
