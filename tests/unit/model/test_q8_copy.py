"""The copy of a model file for processors: the same values, in a file that is whole or not there."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from qwen_lsp.errors import ModelError
from qwen_lsp.model import gguf, q8_copy

F32, Q5_0, Q8_0 = 0, 6, 8


def q5_values(block: bytes) -> tuple[bytes, list[int]]:
    """Read a block as ggml's dequantize_row_q5_0 does: its scale, and 32 whole numbers."""
    (fifths,) = struct.unpack("<I", block[2:6])
    low = [(block[6 + j] & 15) | (fifths >> j & 1) << 4 for j in range(16)]
    high = [block[6 + j] >> 4 | (fifths >> j + 16 & 1) << 4 for j in range(16)]
    return block[:2], [value - 16 for value in low + high]


def q8_values(block: bytes) -> tuple[bytes, list[int]]:
    return block[:2], list(struct.unpack("<32b", block[2:]))


def string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def model(tensors: list[tuple[str, int, int, bytes]], alignment: int = 32) -> bytes:
    """Write a GGUF file: each tensor has a name, a type, a number of values and its data."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 3)
    head += string("general.architecture") + struct.pack("<I", 8) + string("qwen2")
    head += string("general.alignment") + struct.pack("<II", 4, alignment)
    head += string("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + string("a") + string("b")
    data = b""
    for name, kind, count, values in tensors:
        data += bytes(-len(data) % alignment)
        head += string(name) + struct.pack("<IQIQ", 1, count, kind, len(data))
        data += values
    return head + bytes(-len(head) % alignment) + data


def blocks(n: int) -> bytes:
    return random.Random(n).randbytes(22 * n)


def test_every_value_is_the_same() -> None:
    some = blocks(1000) + b"\x00\x3c" + b"\xff" * 20 + b"\x00\x3c" + bytes(20)
    wide = q8_copy.widened(some)
    assert len(wide) == 1002 * 34
    for n in range(1002):
        assert q8_values(wide[34 * n : 34 * n + 34]) == q5_values(some[22 * n : 22 * n + 22])


@pytest.mark.parametrize("alignment", [32, 64])
def test_the_file_around_the_values_is_the_same(tmp_path: Path, alignment: int) -> None:
    norm, last = struct.pack("<5f", 1, 2, 3, 4, 5), struct.pack("<3f", 6, 7, 8)
    many = blocks(70_000)  # more than one part
    file = tmp_path / "small.gguf"
    rows = [("norm", F32, 5, norm), ("down", Q5_0, 70_000 * 32, many), ("last", F32, 3, last)]
    file.write_bytes(model(rows, alignment))
    assert q8_copy.is_worthwhile(file)
    seen: list[tuple[int, int]] = []
    copy = q8_copy.path(file)
    q8_copy.make(file, copy, lambda done_bytes, total_bytes: seen.append((done_bytes, total_bytes)))
    rows[1] = ("down", Q8_0, 70_000 * 32, q8_copy.widened(many))
    expected = model(rows, alignment)
    assert copy.read_bytes()[: len(expected)] == expected
    assert not copy.read_bytes()[len(expected) :].strip(b"\0")
    assert seen == sorted(seen)
    assert seen[-1][0] <= seen[-1][1]
    assert gguf.read(copy, ["a"]).tokens == {"a"}
    assert q8_copy.best(file) == copy
    size_bytes = copy.stat().st_size
    assert q8_copy.remove(file) == size_bytes
    assert q8_copy.best(file) == file


def test_a_file_with_little_of_it_needs_none(tmp_path: Path) -> None:
    file = tmp_path / "other.gguf"
    file.write_bytes(model([("norm", F32, 4000, bytes(16_000)), ("down", Q5_0, 320, blocks(10))]))
    assert not q8_copy.is_worthwhile(file)


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"no model at all", model([("down", Q5_0, 320, blocks(10))])[:-40]]
)
def test_a_damaged_file_has_none_and_nothing_stays(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(content)
    with pytest.raises(ModelError, match="not a whole GGUF file"):
        q8_copy.make(file, q8_copy.path(file))
    assert list(tmp_path.iterdir()) == [file]


def test_no_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "small.gguf"
    file.write_bytes(model([("down", Q5_0, 32 * 100, blocks(100))]))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ModelError, match="No space left"):
        q8_copy.make(file, q8_copy.path(file))
    assert list(tmp_path.iterdir()) == [file]
