"""Workspaces on a real disk, in real git repositories, with an index folder of the test's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.isolation import isolate_user

Write = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's whole world, index files included."""
    home = tmp_path / "home"
    home.mkdir()
    isolate_user(monkeypatch, home)
    monkeypatch.setenv("QWEN_LSP_INDEX", str(tmp_path / "index"))
    return home


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below one folder and return it."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        root = tmp_path / "repo"
        root.mkdir(exist_ok=True)
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return root

    return write


def git(root: Path, *arguments: str) -> str:
    """Run git as nobody in particular."""
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    ran = subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return ran.stdout


def commit_all(root: Path) -> None:
    """Make a repository of a folder, or one more commit."""
    if not (root / ".git").exists():
        git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
