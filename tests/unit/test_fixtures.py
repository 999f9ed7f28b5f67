"""The repositories in fixtures/ are sound, and every demo scenario points at one place in them."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

REPOS = Path(__file__).parents[2] / "fixtures" / "repos"
DEMOS: list[dict[str, Any]] = tomllib.loads((REPOS / "demo.toml").read_text("utf-8"))["demo"]
PYTHON_FILES = sorted(REPOS.rglob("*.py"))


@pytest.mark.parametrize("path", PYTHON_FILES, ids=lambda path: path.relative_to(REPOS).as_posix())
def test_python_compiles(path: Path) -> None:
    compile(path.read_text("utf-8"), str(path), "exec")


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo["title"])
def test_a_demo_points_at_one_place(demo: dict[str, Any]) -> None:
    assert set(demo) == {"title", "repo", "file", "before", "delete"}
    text = (REPOS / demo["repo"] / demo["file"]).read_text("utf-8")
    assert text.count(demo["before"]) == 1
    assert text.count(demo["before"] + demo["delete"]) == 1
    assert demo["delete"].strip()
    assert demo["title"].endswith(".")


def test_every_repository_has_demos() -> None:
    counts = Counter(demo["repo"] for demo in DEMOS)
    assert set(counts) == {path.name for path in REPOS.iterdir() if path.is_dir()}
    assert min(counts.values()) >= 2
