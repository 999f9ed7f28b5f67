"""Keep a test, and the processes it starts, away from the user's settings, models, logs and proxies."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

RUNTIME = Path(tempfile.mkdtemp(prefix="qwen-lsp-run-"))


def user_names(url: str) -> None:
    """Write the user's settings file: this endpoint."""
    file = Path(os.environ["QWEN_LSP_CONFIG"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'[endpoint]\nurl = "{url}"\n', "utf-8")


def isolate_user(monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """Make `home` the user's whole world; return the path of the settings file in it, which is not there."""
    for name in list(os.environ):
        if name.startswith(("QWEN_LSP_", "HF_", "MODELSCOPE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    # The folders that platformdirs looks at on Linux, macOS and Windows.
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    # Servers of one run of the suite share an engine as the windows of one user do; conftest.py ends it.
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(RUNTIME))
    monkeypatch.setenv("QWEN_LSP_MODELS", str(home / "models"))
    monkeypatch.setenv("QWEN_LSP_CONFIG", str(home / "settings.toml"))
    return home / "settings.toml"
