"""The dialects there are, in the order in which an endpoint is asked for them."""

from __future__ import annotations

from qwen_lsp.model.dialects.dialect import Dialect
from qwen_lsp.model.dialects.llama import LLAMA
from qwen_lsp.model.dialects.ollama import OLLAMA
from qwen_lsp.model.dialects.openai import INFILL, OPENAI

DIALECTS: tuple[Dialect, ...] = (LLAMA, OLLAMA, OPENAI, INFILL)
# The last one cannot be distinguished from the one before by probing, so only the user can name it.
_ASKED = DIALECTS[:-1]


def wanted(kind: str) -> tuple[Dialect, ...]:
    """Return the dialects to try for what `endpoint.kind` says: one by its name, or all for "auto"."""
    return _ASKED if kind == "auto" else tuple(one for one in DIALECTS if one.name == kind)
