"""What the engine is started with: memory for earlier prompts and batches, as suits the model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from qwen_lsp.model import catalog, engine_host, gguf, prompt_cache
from qwen_lsp.model.engine_host import Launch

LAUNCH = Launch("model.gguf", "key", 1, 1, 2, 8192, -1, 0)


@pytest.mark.parametrize(
    ("name", "mib"), [("qwen2.5-coder-0.5b", 96), ("qwen2.5-coder-1.5b", 224), ("qwen2.5-coder-7b", 256)]
)
def test_it_holds_as_many_tokens_as_a_slot(name: str, mib: int) -> None:
    assert prompt_cache.size_mib(catalog.find(name).kv_bytes_per_token, 8192) == mib


def test_it_is_bounded_and_never_none() -> None:
    assert prompt_cache.size_mib(262_144, 8192) == 256
    assert prompt_cache.size_mib(100, 1024) == 1
    assert prompt_cache.size_mib(0, 8192) == 256


class Engine:
    """Stands in for the module xllamacpp."""

    llama_load_mode = SimpleNamespace(LLAMA_LOAD_MODE_NONE=0)

    @staticmethod
    def get_device_info() -> list[Any]:
        return []

    @staticmethod
    def CommonParams() -> Any:
        return SimpleNamespace(
            model=SimpleNamespace(path=""), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace()
        )


def test_the_engine_gets_what_suits_the_model_and_what_the_user_has_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gguf, "read", lambda path, wanted: SimpleNamespace(kv_bytes_per_token=12_288))
    params = engine_host.parameters(Engine, LAUNCH)
    assert params.cache_ram_mib == 96
    assert params.cache_idle_slots is False, "only what a slot loses is copied"
    for mib in (0, 64):
        launch = msgspec.structs.replace(LAUNCH, cache_mib=mib)
        assert engine_host.parameters(Engine, launch).cache_ram_mib == mib


def test_a_file_that_is_none_is_the_engines_to_refuse(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"something else")
    launch = msgspec.structs.replace(LAUNCH, model_path=str(tmp_path / "model.gguf"))
    assert engine_host.parameters(Engine, launch).cache_ram_mib == 256


def test_a_large_model_reads_smaller_batches_for_a_request_that_is_given_up_is_left_after_one(
    tmp_path: Path,
) -> None:
    def batch(size_bytes: int) -> int:
        with (tmp_path / "model.gguf").open("wb") as file:
            file.truncate(size_bytes)
        launch = msgspec.structs.replace(LAUNCH, model_path=str(tmp_path / "model.gguf"))
        tokens: int = engine_host.parameters(Engine, launch).n_batch
        return tokens

    sizes = [catalog.find(f"qwen2.5-coder-{name}").size_bytes or 0 for name in ("0.5b", "1.5b", "7b")]
    small, large, largest = map(batch, sizes)
    assert 2 * large == small
    assert largest == large
