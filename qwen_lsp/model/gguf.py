"""What a GGUF file says of itself: architecture, context, size, and whether its vocabulary has FIM tokens.

Reads the header only, never the weights, and gives up on anything that is out of proportion. Format:
github.com/ggml-org/ggml, docs/gguf.md. It knows no catalog and no settings.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from qwen_lsp.errors import ModelError

_MAGIC = b"GGUF"
_SCALARS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_MAX_ENTRIES = 100_000
_MAX_ITEMS = 4_000_000
_MAX_ALIGNMENT = 1 << 20
_MAX_STRING_BYTES = 16 * 1024 * 1024
_KEPT_ITEMS = 8  # of arrays that are not the vocabulary: the first few say what is needed


@dataclass(frozen=True, slots=True)
class Facts:
    """A model file by its own metadata. `billions`: parameters; `tokens`: those of the wanted ones it has."""

    architecture: str
    name: str
    billions: float
    context_tokens: int
    kv_bytes_per_token: int
    size_bytes: int
    tokens: frozenset[str]


def read(file: Path, wanted: Collection[str]) -> Facts:
    """Read a file's facts; `wanted` are the tokens to look for. Cost: 0.2 s the first time, then nothing.

    Raises: ModelError, when it is not a GGUF file or cannot be read.
    """
    try:
        status = file.stat()
        return _read(file, status.st_size, status.st_mtime_ns, frozenset(wanted))
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from error


@lru_cache(maxsize=8)
def _read(file: Path, size_bytes: int, _mtime_ns: int, wanted: frozenset[str]) -> Facts:
    try:
        with file.open("rb") as source:
            return _facts(source, size_bytes, wanted)
    except (struct.error, EOFError, ValueError, KeyError, IndexError, TypeError, MemoryError) as error:
        raise ModelError(f"{file} is not a whole GGUF file: {error or type(error).__name__}") from error


def skip_to_table(source: IO[bytes]) -> tuple[int, int]:
    """Leave a file at the table of its tensors; return its alignment in bytes and how many tensors it has.

    Raises: ValueError and what the readers below raise, when it is not a whole GGUF file.
    """
    tensors, entries = _counts(source)
    alignment = 32
    for _ in range(entries):
        key, kind = _string(source), _number(source, "<I")
        value = _value(source, kind)
        if key == "general.alignment":
            alignment = int(value)
    if not 0 < alignment <= _MAX_ALIGNMENT:
        raise ValueError("its header is damaged")
    return alignment, tensors


def _counts(source: IO[bytes]) -> tuple[int, int]:
    """Read the start of a file: how many tensors and how many entries it has."""
    if source.read(4) != _MAGIC:
        raise ValueError("it does not begin as one")
    version = _number(source, "<I")
    if version not in (2, 3):
        raise ValueError(f"version {version} is not known")
    tensors, entries = _number(source, "<Q"), _number(source, "<Q")
    if max(tensors, entries) > _MAX_ENTRIES:
        raise ValueError("its header is damaged")
    return tensors, entries


def _facts(source: IO[bytes], size_bytes: int, wanted: frozenset[str]) -> Facts:
    tensors, entries = _counts(source)
    values: dict[str, Any] = {}
    found: frozenset[str] = frozenset()
    for _ in range(entries):
        key, kind = _string(source), _number(source, "<I")
        if key == "tokenizer.ggml.tokens" and kind == _ARRAY:
            found = _present(source, wanted)
        else:
            values[key] = _value(source, kind)
    parameters = sum(_tensor_size(source) for _ in range(tensors))
    architecture = str(values["general.architecture"])

    def of(name: str, otherwise: int = 0) -> int:
        value = values.get(f"{architecture}.{name}", otherwise)
        return int(max(value) if isinstance(value, list) else value)

    heads = of("attention.head_count", 1)
    head_size = of("attention.key_length", of("embedding_length") // max(heads, 1))
    kv_heads = of("attention.head_count_kv", heads)
    return Facts(
        architecture,
        str(values.get("general.name", "")),
        parameters / 1e9,
        of("context_length"),
        2 * 2 * of("block_count") * kv_heads * head_size,
        size_bytes,
        found,
    )


def skip_shape(source: IO[bytes]) -> int:
    """Leave a file behind a tensor's name and shape, at its type and offset; return its number of values."""
    _string(source)
    count = _number(source, "<I")
    if count > 8:
        raise ValueError("its header is damaged")
    return math.prod(_number(source, "<Q") for _ in range(count))


def _tensor_size(source: IO[bytes]) -> int:
    size = skip_shape(source)
    source.seek(12, 1)  # type and offset
    return size


def _present(source: IO[bytes], wanted: frozenset[str]) -> frozenset[str]:
    kind, count = _number(source, "<I"), _number(source, "<Q")
    if kind != _STRING or count > _MAX_ITEMS:
        raise ValueError("its vocabulary is damaged")
    return frozenset(token for _ in range(count) if (token := _string(source)) in wanted)


def _value(source: IO[bytes], kind: int) -> Any:
    if kind == _STRING:
        return _string(source)
    if kind != _ARRAY:
        return _number(source, _SCALARS[kind])
    item, count = _number(source, "<I"), _number(source, "<Q")
    if count > _MAX_ITEMS or item == _ARRAY:
        raise ValueError("its header is damaged")
    if item == _STRING:
        return [
            text for index in range(count) if (text := _string(source)) is not None and index < _KEPT_ITEMS
        ]
    data = source.read(count * struct.calcsize(_SCALARS[item]))
    kept = data[: min(count, 256) * struct.calcsize(_SCALARS[item])]
    return [value for (value,) in struct.iter_unpack(_SCALARS[item], kept)]


def _string(source: IO[bytes]) -> str:
    length = _number(source, "<Q")
    if length > _MAX_STRING_BYTES:
        raise ValueError("its header is damaged")
    data = source.read(length)
    if len(data) < length:
        raise EOFError("it ends early")
    return data.decode("utf-8", "replace")


def _number(source: IO[bytes], kind: str) -> Any:
    (value,) = struct.unpack(kind, source.read(struct.calcsize(kind)))
    return value
