"""The VS Code extension, in a real VS Code, with the real server and the real model."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from qwen_lsp.model import catalog
from tests.editors.vscode.host import Host
from tests.editors.vscode.tours import path, tour
from tests.support.hub import Hub

pytestmark = pytest.mark.required


@pytest.mark.model
async def test_tour_with_the_real_model(host: Host, vsix: Path, programs: Path, real_model: Path) -> None:
    """The model is not on the machine yet; a hub on loopback has it."""
    place = catalog.default_profile().huggingface
    assert place is not None
    with Hub() as hub, tempfile.TemporaryDirectory() as models:
        hub.files[f"{place.repository}/{place.file}"] = real_model.read_bytes()
        env = {"PATH": path(programs), "QWEN_LSP_MODELS": models, "HF_ENDPOINT": hub.url}
        await tour("real", host, {"vsix": str(vsix)}, env)
