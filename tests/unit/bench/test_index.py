"""`bench index`: generated repositories are sound and repeatable, and every figure is a measured one."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_lsp.bench.index import repos as index_repos
from qwen_lsp.bench.index import run as index_run
from qwen_lsp.cli.main import main
from qwen_lsp.syntax.languages import find
from qwen_lsp.syntax.parsing import error_count
from tests.support.places import REPOSITORY


def test_generated_code_is_sound_and_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    files = index_repos.generate(tmp_path / "a", 60)
    index_repos.generate(tmp_path / "b", 60)
    assert len({file.suffix for file in files}) == 4
    for file in files:
        text = file.read_text("utf-8")
        assert text == (tmp_path / "b" / file.relative_to(tmp_path / "a")).read_text("utf-8")
        assert error_count(text, find("", str(file))) == 0
        if file.suffix == ".py":
            modules = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
            assert all((tmp_path / "a" / f"{str(name).replace('.', '/')}.py").is_file() for name in modules)


@pytest.mark.parametrize("is_own", [pytest.param(False, marks=pytest.mark.slow), True])
def test_every_figure_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_own: bool) -> None:
    monkeypatch.setattr(index_run, "_GATHERS", 20)
    root = tmp_path / "todo"
    shutil.copytree(REPOSITORY / "fixtures" / "repos" / "todo-ts", root)
    before = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    arguments = [str(root)] if is_own else ["--files", "60"]
    values = json.loads(CliRunner().invoke(main, ["bench", "index", *arguments, "--json"]).stdout)
    assert values["files"] == (9 if is_own else 60)
    wanted = ("files_per_s", "cold_ratio_to_bare", "warm_speedup", "gather_ms_p95", "rss_bytes")
    assert all(values[key] > 0 for key in wanted)
    assert before == {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
