"""A GGUF file without weights: only what says which model it is."""

from __future__ import annotations

import struct
from typing import Any

FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(key: str, value: Any) -> bytes:
    if isinstance(value, str):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", 4, value)
    items = b"".join(text(item) for item in value)
    return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + items


def model(architecture: str = "qwen2", tokens: tuple[str, ...] = FIM, rows: int = 1_540_000) -> bytes:
    values: dict[str, Any] = {
        "general.architecture": architecture,
        "general.name": "Mine",
        f"{architecture}.context_length": 16_384,
        f"{architecture}.block_count": 28,
        f"{architecture}.embedding_length": 1536,
        f"{architecture}.attention.head_count": 12,
        f"{architecture}.attention.head_count_kv": 2,
        "tokenizer.ggml.tokens": ("a", *tokens, "b"),
    }
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, len(values))
    tensor = text("weights") + struct.pack("<IQQ", 2, 1000, rows) + struct.pack("<IQ", 0, 0)
    return header + b"".join(entry(key, value) for key, value in values.items()) + tensor
