"""The workflows: what they run is pinned, and what publishes needs a switch that somebody has set."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.places import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_by_commit(file: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", file.read_text("utf-8"))
    assert used
    for action, comment in used:
        if not action.startswith("./"):
            assert re.search(r"@[0-9a-f]{40}$", action), action
            assert re.search(r"# v\d", comment), f"{action}: which release is that?"


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_begins_with_reading_only(file: Path) -> None:
    assert "\npermissions:\n  contents: read\n" in file.read_text("utf-8")


def test_publishing_is_skipped_without_an_account() -> None:
    text = (REPOSITORY / ".github" / "workflows" / "release.yml").read_text("utf-8")
    for step, condition in (
        ("gh-action-pypi-publish", "vars.PUBLISH_PYPI == 'yes'"),
        ("ovsx@", "env.OVSX_PAT != ''"),
        ("vsce@", "env.VSCE_PAT != ''"),
    ):
        assert condition in text[: text.index(step)], step


def test_no_document_advises_a_package_that_is_not_published() -> None:
    texts = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    texts += [
        file
        for file in (REPOSITORY / "editors").rglob("*")
        if file.suffix in {".md", ".lua", ".java", ".json", ".ts", ".el", ".txt"}
        and not {"node_modules", "dist", ".out"} & set(file.parts)
    ]
    texts += (REPOSITORY / "qwen_lsp").rglob("*.py")
    advice = re.compile(r"(?:pip|pipx|uv tool) install (?:--\S+ )*qwen-lsp\b|\"--upgrade\", \"qwen-lsp\"")
    assert [str(file) for file in texts if advice.search(file.read_text("utf-8"))] == []
