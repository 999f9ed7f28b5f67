"""A copy of a model file for processors: what is stored as Q5_0 is stored as Q8_0, which takes more room.

A processor reads prompts 1.2 times as fast with it (docs/benchmarks.md, "The first text"): llama.cpp has fast
kernels for Q8_0 and none for Q5_0, which is what most of a Q4_K_M file of the 0.5B model is. Nothing is lost:
a Q5_0 value is a scale times -16 to 15; Q8_0 holds the same product to the bit. Formats: docs/gguf.md and
src/ggml-common.h (block_q5_0, block_q8_0) of github.com/ggml-org/ggml. It knows no catalog and no settings.
"""

from __future__ import annotations

import itertools
import os
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qwen_lsp.errors import ModelError
from qwen_lsp.model import gguf

_Q5_0, _Q8_0 = 6, 8  # of enum ggml_type
_Q5_0_BYTES, _Q8_0_BYTES = 22, 34  # of a block of 32 values
_BLOCKS = 1 << 16  # at a time
# Fewer are not worth a second file: this much of all bytes has to be Q5_0.
_MIN_PART = 0.25
_SPARE_BYTES = 1 << 30
_DAMAGED = (struct.error, EOFError, ValueError, KeyError, IndexError, TypeError)

_LOW = bytes(byte & 15 for byte in range(256))
_HIGH = bytes(byte >> 4 for byte in range(256))
_FIFTH = [bytes((byte >> bit & 1) << 4 for byte in range(256)) for bit in range(8)]
_SIGNED = bytes((value - 16) & 255 for value in range(256))


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A row of the file's table. Units of `offset` and `size`: bytes, from the start of the data."""

    shape: bytes  # its name, its number of dimensions and these, as they stand in the file
    kind: int
    offset: int
    size: int

    @property
    def new_kind(self) -> int:
        return _Q8_0 if self.kind == _Q5_0 else self.kind

    @property
    def new_size(self) -> int:
        return self.size // _Q5_0_BYTES * _Q8_0_BYTES if self.kind == _Q5_0 else self.size


def path(file: Path) -> Path:
    """Return where the copy of a model file is or would be."""
    return file.with_name(f"{file.name}.q8")


def best(file: Path) -> Path:
    """Return the copy where there is one, else the file."""
    copy = path(file)
    return copy if copy.is_file() else file


def is_worthwhile(file: Path) -> bool:
    """Say whether much of the file is Q5_0, and the disk has room for a copy. Cost: 0.3 s."""
    try:
        with file.open("rb") as source:
            tensors = _table(source, file.stat().st_size).tensors
        free = shutil.disk_usage(file.parent).free
    except (OSError, *_DAMAGED):
        return False
    narrow = sum(tensor.size for tensor in tensors if tensor.kind == _Q5_0)
    wide = sum(tensor.new_size for tensor in tensors)
    return narrow > _MIN_PART * wide and free > wide + _SPARE_BYTES


def make(
    file: Path, copy: Path, advance: Callable[[int, int], None] = lambda done_bytes, total_bytes: None
) -> None:
    """Write the copy of a model file. Cost: about 10 s for a gigabyte.

    The caller sees to it that nobody else does so at the same time.
    Raises: ModelError, when the file is not whole or the copy cannot be written; nothing of it stays then.
    """
    draft = _draft(copy)
    try:
        with file.open("rb") as source, draft.open("wb") as target:
            _write(source, target, _table(source, file.stat().st_size), advance)
            target.flush()
            os.fsync(target.fileno())
        os.replace(draft, copy)
    except OSError as error:
        raise ModelError(f"cannot write {copy}: {error.strerror}") from error
    except _DAMAGED as error:
        raise ModelError(f"{file} is not a whole GGUF file: {error or type(error).__name__}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def remove(file: Path) -> int:
    """Delete the copy and what an attempt may have left; return the bytes freed. Raises: OSError."""
    freed_bytes = 0
    for other in (path(file), _draft(path(file))):
        with suppress(FileNotFoundError):
            freed_bytes += other.stat().st_size
            other.unlink()
    return freed_bytes


def _draft(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.part")


@dataclass(frozen=True, slots=True)
class _Table:
    """What precedes the data: the bytes up to the table as they are, and the table itself."""

    head: bytes
    tensors: tuple[_Tensor, ...]
    alignment: int
    data_start: int


def _table(source: IO[bytes], size_bytes: int) -> _Table:
    alignment, n_tensors = gguf.skip_to_table(source)
    end = source.tell()
    source.seek(0)
    head = source.read(end)
    rows = []
    for _ in range(n_tensors):
        begin = source.tell()
        n_values = gguf.skip_shape(source)
        here = source.tell()
        source.seek(begin)
        shape = source.read(here - begin)
        rows.append((shape, n_values, *struct.unpack("<IQ", source.read(12))))
    data_start = _aligned(source.tell(), alignment)
    # The table need not be in the order of the data; a tensor ends where the next one begins.
    starts = sorted({offset for *_, offset in rows} | {size_bytes - data_start})
    follows = dict(itertools.pairwise(starts))
    tensors = []
    for shape, n_values, kind, offset in rows:
        size = follows[offset] - offset
        if kind == _Q5_0:  # without what aligns the next one
            size = n_values // 32 * _Q5_0_BYTES
        tensors.append(_Tensor(shape, kind, offset, size))
    return _Table(head, tuple(tensors), alignment, data_start)


def _write(source: IO[bytes], target: IO[bytes], table: _Table, advance: Callable[[int, int], None]) -> None:
    target.write(table.head)
    in_order = sorted(table.tensors, key=lambda tensor: tensor.offset)
    places, end = {}, 0
    for tensor in in_order:
        places[tensor.offset] = end
        end = _aligned(end + tensor.new_size, table.alignment)
    for tensor in table.tensors:
        target.write(tensor.shape + struct.pack("<IQ", tensor.new_kind, places[tensor.offset]))
    start = _aligned(target.tell(), table.alignment)
    for tensor in in_order:
        target.write(bytes(start + places[tensor.offset] - target.tell()))
        source.seek(table.data_start + tensor.offset)
        for part in _parts(source, tensor):
            target.write(part)
            advance(target.tell() - start, end)


def _parts(source: IO[bytes], tensor: _Tensor) -> Iterator[bytes]:
    left = tensor.size
    while left:
        part = source.read(min(left, _BLOCKS * _Q5_0_BYTES))
        if not part:
            raise EOFError("it ends early")
        left -= len(part)
        yield widened(part) if tensor.kind == _Q5_0 else part


def widened(blocks: bytes) -> bytes:
    """Return blocks of Q5_0 as blocks of Q8_0: column by column, which the interpreter does fast.

    A block is a scale (2 bytes), the fifth bits of 32 values (4 bytes) and their low four bits (16 bytes:
    value j in the low half of byte j, value j + 16 in the high half).
    """
    n = len(blocks) // _Q5_0_BYTES
    out = bytearray(n * _Q8_0_BYTES)
    for byte in range(2):
        out[byte::_Q8_0_BYTES] = blocks[byte::_Q5_0_BYTES]
    fifths = [blocks[2 + byte :: _Q5_0_BYTES] for byte in range(4)]
    for place in range(16):
        column = blocks[6 + place :: _Q5_0_BYTES]
        for value, half in ((place, _LOW), (place + 16, _HIGH)):
            low, fifth = column.translate(half), fifths[value // 8].translate(_FIFTH[value % 8])
            # No sum exceeds a byte, so one addition adds them all.
            sums = int.from_bytes(low, "little") + int.from_bytes(fifth, "little")
            out[2 + value :: _Q8_0_BYTES] = sums.to_bytes(n, "little").translate(_SIGNED)
    return bytes(out)


def _aligned(place: int, alignment: int) -> int:
    return -(-place // alignment) * alignment
