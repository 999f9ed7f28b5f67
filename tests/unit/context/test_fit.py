"""Text of a file that the one at hand has no use for stays out of its prompt."""

from __future__ import annotations

import pytest

from qwen_lsp.context.fit import fits, group


@pytest.mark.parametrize(
    ("here", "path", "is_fit"),
    [
        ("src/App.svelte", "src/store.ts", True),
        ("src/App.vue", "src/theme.scss", True),
        ("web/index.html", "web/main.js", True),
        ("pages/index.wxml", "pages/index.js", True),
        ("a.cpp", "a.h", True),
        ("a.py", "b.pyi", True),
        ("ci.yaml", "src/App.svelte", False),
        ("src/App.svelte", "ci.yaml", False),
        ("main.go", "tools/gen.py", False),
        ("README.md", "src/a.py", False),
        ("notes.unknown", "src/a.py", True),
        ("a.py", "LICENSE", True),
    ],
)
def test_which_files_help(here: str, path: str, is_fit: bool) -> None:
    assert fits(path, group(here)) is is_fit


def test_the_editor_knows_the_language_better_than_the_name() -> None:
    assert group("template.txt", "python") == group("a.py")
