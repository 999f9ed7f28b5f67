"""What the tests of the editors share. What cannot be had here skips them and says what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.editors.vscode import host as vscode_host
from tests.editors.vscode.host import Host, Missing
from tests.support.places import REPOSITORY


@pytest.fixture(scope="session")
def host() -> Host:
    """An installed VS Code and its Node."""
    try:
        return vscode_host.install()
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def dependencies(host: Host) -> None:
    """What the extension is built and checked with."""
    try:
        vscode_host.install_dependencies(host.node)
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def vsix(host: Host, dependencies: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension, packaged as `make vscode` does."""
    return vscode_host.package(tmp_path_factory.mktemp("vsix") / "qwen-lsp.vsix", host.node)


@pytest.fixture(scope="session")
def tests_vsix(host: Host, dependencies: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension that tests ours from inside."""
    return vscode_host.package_tests(tmp_path_factory.mktemp("vsix") / "qwen-lsp-test.vsix", host.node)


@pytest.fixture(scope="session")
def wheelhouse(host: Host) -> Path:
    """A folder with the wheels that the server needs."""
    try:
        return vscode_host.wheelhouse()
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
