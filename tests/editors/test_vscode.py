"""The VS Code extension, in a real VS Code, with the real server.

The tours are in editors/vscode/e2e and run under Node; here they get what they need: an installed
VS Code (vscode_host.py), the packaged extension with the wheel in it, models and engines.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from qwen_lsp.model import catalog, store
from tests.editors import vscode_host
from tests.editors.vscode_host import EXTENSION, Host, Missing
from tests.support.places import REPOSITORY

pytestmark = pytest.mark.required

MODELS = store.directory()
ARTEFACTS = REPOSITORY / ".cache" / "vscode-pictures"
_LONGEST_TOUR_S = 900


@pytest.fixture(scope="session")
def host() -> Host:
    try:
        return vscode_host.install()
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def vsix(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Package the extension as `make vscode` does."""
    try:
        return vscode_host.package(tmp_path_factory.mktemp("vsix") / "qwen-lsp.vsix", host.node)
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PATH with this checkout's `qwen-lsp` in it."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "qwen-lsp"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m qwen_lsp "$@"\n', "utf-8"
    )
    program.chmod(0o755)
    return folder


def tour(name: str, host: Host, settings: Mapping[str, object], env: Mapping[str, str]) -> None:
    """Run one tour; its report is shown when it fails."""
    values = {
        "node": str(host.node),
        "codeServer": str(host.code_server),
        "browser": str(host.browser),
        "artefacts": str(ARTEFACTS),
        **settings,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("QWEN_LSP_")}
    ran = subprocess.run(
        [host.node, "--test", "--test-reporter=spec", EXTENSION / "e2e" / f"{name}.tour.mjs"],
        cwd=EXTENSION,
        env={**clean, "HOST": json.dumps(values), **env},
        capture_output=True,
        encoding="utf-8",
        timeout=_LONGEST_TOUR_S,
        check=False,
    )
    print(ran.stdout, ran.stderr)
    assert ran.returncode == 0, ran.stdout[-6000:]
    assert not re.search(r"^ℹ tests 0$", ran.stdout, re.MULTILINE), "the tour ran nothing"


@pytest.mark.model
def test_tour_with_the_real_model(host: Host, vsix: Path, programs: Path) -> None:
    if store.path(catalog.default_profile()) is None:
        pytest.skip(f"{catalog.default_profile().title} is not in {MODELS}; get it with `make model`")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    tour("real", host, {"vsix": str(vsix)}, {"PATH": path, "QWEN_LSP_MODELS": str(MODELS)})
