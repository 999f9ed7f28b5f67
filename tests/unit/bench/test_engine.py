"""Arms of `bench engine` as they are written. The engine itself is measured in tests/model/test_engine.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.bench.engine.run import as_text, read_arm
from qwen_lsp.config import EngineConfig
from qwen_lsp.errors import InputError
from qwen_lsp.model.engine import RUNTIME

MODEL = Path("/models/one.gguf")


def test_our_own_way_changes_nothing() -> None:
    arm = read_arm("ours", EngineConfig(threads=3), MODEL)
    assert arm.variables == RUNTIME
    assert arm.changed.launch.threads == 3
    assert (arm.changed.batch_tokens, arm.changed.is_mapped, arm.changed.cache_type) == (None, None, None)


def test_an_arm_changes_what_it_names() -> None:
    arm = read_arm("threads=1 batch=128 mapped=yes cache=q8_0 GOMP_SPINCOUNT=9", EngineConfig(), MODEL)
    assert arm.changed.launch.threads == 1
    assert (arm.changed.batch_tokens, arm.changed.is_mapped, arm.changed.cache_type) == (128, True, "q8_0")
    assert arm.variables == {**RUNTIME, "GOMP_SPINCOUNT": "9"}


@pytest.mark.parametrize("text", ["threads", "threads=two", "mapped=maybe", "colour=red"])
def test_an_arm_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InputError, match=text.partition("=")[0]):
        read_arm(text, EngineConfig(), MODEL)


def test_the_table_compares_with_the_first() -> None:
    def row(name: str, read: float) -> dict[str, object]:
        figures = {"load_s": 1.0, "memory_bytes": 2e9, "written_per_s": 10.0, "given_up_s": 0.5}
        return {"name": name, "read_per_s": read, **figures}

    assert "50.0 0.50x" in as_text([row("ours", 100.0), row("threads=1", 50.0)]).splitlines()[2]
