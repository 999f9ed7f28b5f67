"""Homes and canaries: what a planted program leaves behind when it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.isolation import isolate_user


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's whole world."""
    home = tmp_path / "home"
    home.mkdir()
    isolate_user(monkeypatch, home)
    return home


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A folder in which every plant that runs leaves a file of its name."""
    folder = tmp_path / "canary"
    folder.mkdir()
    return folder
