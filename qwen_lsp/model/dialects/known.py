"""The dialects there are, in the order in which an endpoint is asked for them."""

from __future__ import annotations

from qwen_lsp.endpoints import host_of
from qwen_lsp.model.dialects.chatting import CHAT_ONLY, MODEL_STUDIO
from qwen_lsp.model.dialects.dialect import Dialect, Served
from qwen_lsp.model.dialects.llama import LLAMA
from qwen_lsp.model.dialects.lmstudio import LM_STUDIO
from qwen_lsp.model.dialects.ollama import OLLAMA
from qwen_lsp.model.dialects.openai import INFILL, OPENAI
from qwen_lsp.model.dialects.sglang import SGLANG
from qwen_lsp.model.dialects.tensorrt import TENSORRT
from qwen_lsp.model.dialects.vllm import VLLM

_ASKED = (LLAMA, OLLAMA, OPENAI)
# What each server fills in as the owner of its model.
_OWNERS = {
    "vllm": VLLM,
    "sglang": SGLANG,
    "tensorrt_llm": TENSORRT,
    "organization_owner": LM_STUDIO,
}
_STUDIO = ".aliyuncs.com"
# The last two cannot be distinguished from OPENAI by what they say of themselves, only by what they answer.
DIALECTS: tuple[Dialect, ...] = (*_ASKED, *_OWNERS.values(), MODEL_STUDIO, INFILL, CHAT_ONLY)


def wanted(kind: str, url: str = "") -> tuple[Dialect, ...]:
    """Return the dialects to try for what `endpoint.kind` says: one by its name, or all for "auto"."""
    if kind != "auto":
        return tuple(one for one in DIALECTS if one.name == kind)
    return (MODEL_STUDIO,) if host_of(url).endswith(_STUDIO) else _ASKED


def others(kind: str) -> tuple[Dialect, ...]:
    """Return the dialects that an endpoint found to be of a kind may want instead."""
    return (INFILL, CHAT_ONLY) if kind == OPENAI.name else ()


def precise(dialect: Dialect, served: Served) -> Dialect:
    """Return the dialect of a server that speaks a common one, by what it says of itself."""
    return _OWNERS.get(served.owner, dialect) if dialect is OPENAI else dialect
