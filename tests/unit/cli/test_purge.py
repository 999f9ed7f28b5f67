"""`qwen-lsp purge`: everything of ours goes when it is asked for, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qwen_lsp import logs
from qwen_lsp.cli.main import main
from qwen_lsp.completion.stats.database import stats_file
from qwen_lsp.config import user_file
from qwen_lsp.index import database
from qwen_lsp.model import catalog, hardware, speed, store
from qwen_lsp.review import cache
from tests.support.isolation import isolate_user


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """One file of each kind; return them."""
    isolate_user(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("QWEN_LSP_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("QWEN_LSP_MODELS", str(tmp_path / "models"))
    files = [
        database.index_file(tmp_path),
        cache.default_file(),
        speed.speed_file(),
        hardware.machine_file(),
        stats_file(),
        stats_file().with_name(stats_file().name + "-wal"),
        logs.log_file(),
        logs.log_file(logs.ENGINE),
        logs.log_file().with_name("server.log.1"),
    ]
    for file in files:
        write(file)
    return files


def write(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("x")
    return file


def purge(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["purge", *arguments], input=answer)


def test_everything_but_settings_models_and_other_files(kept: list[Path], tmp_path: Path) -> None:
    others = [
        write(user_file()),
        write(tmp_path / "index" / "mine.txt"),
        write(store.final_path(catalog.default_profile())),
        write(tmp_path / "models" / "own.gguf"),
    ]
    assert purge("--yes").exit_code == 0
    assert [file for file in kept if file.exists()] == []
    assert [file for file in others if not file.exists()] == []


def test_models_when_asked_for(tmp_path: Path) -> None:
    model, own = write(store.final_path(catalog.default_profile())), write(tmp_path / "models" / "own.gguf")
    assert purge("--yes", "--models").exit_code == 0
    assert not model.exists()
    assert own.exists()


def test_it_asks(kept: list[Path]) -> None:
    result = purge(answer="n\n")
    assert result.exit_code == 1
    assert "statistics: 2 files" in result.output
    assert all(file.exists() for file in kept)
    assert purge(answer="y\n").exit_code == 0
    assert not any(file.exists() for file in kept)
    assert "nothing to delete" in purge().output


def test_only_what_is_old(kept: list[Path]) -> None:
    old = time.time() - 40 * 86_400
    os.utime(kept[0], (old, old))
    assert purge("--yes", "--older-than", "30").exit_code == 0
    assert [file.exists() for file in kept] == [False] + [True] * (len(kept) - 1)
