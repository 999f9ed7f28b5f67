"""The header of GGUF files, whole and damaged, and the real one."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from qwen_lsp.config import Config, ModelConfig
from qwen_lsp.errors import ModelError
from qwen_lsp.model import catalog, gguf
from qwen_lsp.model.select import chosen_model
from tests.support.gguf_file import FIM, model


def test_a_file_says_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "anything.gguf"
    file.write_bytes(model())
    facts = gguf.read(file, FIM)
    assert (facts.architecture, facts.context_tokens, facts.name) == ("qwen2", 16_384, "Mine")
    assert facts.billions == pytest.approx(1.54)
    assert facts.kv_bytes_per_token == 28_672, "as the catalog has it for a model of this shape"
    assert facts.tokens == set(FIM)


@pytest.mark.parametrize(
    ("architecture", "rows", "profile"),
    [
        ("qwen2", 1_540_000, "qwen2.5-coder-1.5b"),
        ("qwen2", 7_600_000, "qwen2.5-coder-7b"),
        ("qwen3moe", 30_500_000, "qwen3-coder-30b"),
        ("qwen3next", 80_000_000, "qwen3-coder-next"),
    ],
)
def test_it_is_known_by_its_metadata_not_by_its_name(
    tmp_path: Path, architecture: str, rows: int, profile: str
) -> None:
    file = tmp_path / "qwen2.5-coder-0.5b.gguf"  # it is not
    file.write_bytes(model(architecture, rows=rows))
    chosen = chosen_model(Config(model=ModelConfig(path=str(file))))
    assert chosen.profile.name == profile
    assert chosen.profile.context_tokens == 16_384
    assert chosen.profile.size_bytes == file.stat().st_size
    assert chosen.path() == file


def test_a_model_that_cannot_fill_in_the_middle_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "chat.gguf"
    file.write_bytes(model(tokens=FIM[:1]))
    with pytest.raises(ModelError, match=r"lacks <\|fim_middle\|>, <\|fim_suffix\|>"):
        chosen_model(Config(model=ModelConfig(path=str(file)))).path()


def test_what_is_no_model_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "page.gguf"
    for data in (b"", b"<!doctype html>", model()[:200], b"GGUF" + struct.pack("<IQQ", 9, 1, 1)):
        file.write_bytes(data)
        with pytest.raises(ModelError, match=r"page\.gguf is not a whole GGUF file"):
            chosen_model(Config(model=ModelConfig(path=str(file)))).path()


def test_damage_is_never_a_crash(tmp_path: Path) -> None:
    whole, chance = model(), random.Random(7)
    for number in range(200):
        data = bytearray(whole)
        for _ in range(3):
            data[chance.randrange(len(data))] = chance.randrange(256)
        file = tmp_path / f"{number}.gguf"
        file.write_bytes(data)
        try:
            gguf.read(file, FIM)
        except ModelError:
            continue


@pytest.mark.model
def test_the_real_file() -> None:
    from tests.support.weights import PROFILE, required_file

    facts = gguf.read(required_file(), FIM)
    assert facts.tokens == set(FIM)
    assert (facts.context_tokens, facts.kv_bytes_per_token) == (
        PROFILE.context_tokens,
        PROFILE.kv_bytes_per_token,
    )
    assert catalog.nearest(facts.billions).name == PROFILE.name
