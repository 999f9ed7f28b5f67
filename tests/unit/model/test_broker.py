"""What the process of the shared engine makes of what windows want."""

from __future__ import annotations

from pathlib import Path

from qwen_lsp.config import EngineConfig
from qwen_lsp.model import broker
from qwen_lsp.model.shared import _wanted


def test_the_shared_engine_keeps_no_prompts_that_it_could_mix_up(tmp_path: Path) -> None:
    wants = [_wanted(EngineConfig(cache_mib=mib), tmp_path / "model.gguf", "") for mib in (-1, 0, 512)]
    assert {broker.config_of(want).cache_mib for want in wants} == {0}
    assert len({broker.identity(want) for want in wants}) == 1, "so this is no reason for another engine"
