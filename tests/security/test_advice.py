"""The boundary to registries: no text of ours advises installing a name that is not ours."""

from __future__ import annotations

import re
import subprocess

from tests.support.places import REPOSITORY

# `pip install qwen-lsp` from an index would run whatever somebody uploads under that name.
_FROM_AN_INDEX = re.compile(
    r"(?:pipx?|uv(?: pip| tool)?)\s+(?:install|run)\s+(?:-\S+\s+)*[\"']?qwen[-_]lsp(?![\w./-])"
    r"|\buvx\s+(?:-\S+\s+)*qwen[-_]lsp\b"
)
_ACTION = re.compile(r"uses:\s*[\"']?([\w.-]+/[\w./-]+)@([\w.-]+)")


def texts() -> dict[str, str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout.decode()
    found = {}
    for name in filter(None, listed.split("\0")):
        path = REPOSITORY / name
        if name != "tests/security/test_advice.py" and path.is_file() and path.stat().st_size < 1_000_000:
            found[name] = path.read_text("utf-8", "replace")
    return found


def test_nothing_advises_a_name_that_is_not_ours() -> None:
    assert [name for name, text in texts().items() if _FROM_AN_INDEX.search(text)] == []
    for advice in (
        "pip install qwen-lsp",
        "pip install -U 'qwen-lsp'",
        "uv tool install qwen-lsp",
        "uvx qwen-lsp",
    ):
        assert _FROM_AN_INDEX.search(advice)
    for ours in ("pip install ./qwen_lsp-0.1.0-py3-none-any.whl", "pip install ./qwen-lsp", "pip install ."):
        assert not _FROM_AN_INDEX.search(ours)


def test_recipes_pin_actions_by_commit_and_say_how_to_install() -> None:
    documents = {name: text for name, text in texts().items() if name.endswith(".md")}
    found = {(name, *use) for name, text in documents.items() for use in _ACTION.findall(text)}
    assert found
    assert [use for use in found if not re.fullmatch(r"[0-9a-f]{40}", use[2])] == []
    recipe = documents["docs/review.md"]
    installs = [line for line in recipe.splitlines() if "pip install" in line]
    assert installs
    assert all("docs/install.md" in line for line in installs)


def test_what_a_build_downloads_is_checked() -> None:
    wrappers = {name: text for name, text in texts().items() if name.endswith("gradle-wrapper.properties")}
    assert wrappers
    for text in wrappers.values():
        assert re.search(r"(?m)^distributionSha256Sum=[0-9a-f]{64}$", text)
