"""Code of others that a change takes over: its words and imports are remarks."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.review import reviewer
from qwen_lsp.review.change.change import from_git
from qwen_lsp.review.reviewer import Options
from tests.unit.review.repositories import git, repository, write

HEAD = "/**\n * Copyright (c) 2024 Meta Platforms, Inc. and affiliates.\n */\n"
TEXT = 'import { a } from "x";\n// it occured\n'


async def severities(root: Path, n: int, base: str, *, is_strict: bool = False, n_lines: int = 0) -> set[str]:
    repository(root, {"LICENSE": base})
    text = TEXT + "f();\n" * n_lines
    write(root, {"src/b.ts": "// seperately\n", **{f"lib/a{number}.ts": HEAD + text for number in range(n)}})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "change")
    change = from_git(root, "range", "HEAD^..HEAD", is_strict=is_strict)
    report = await reviewer.review(change, Options(linters="configured"))
    assert {one.severity for one in report.findings if one.path == "src/b.ts"} == {"warning"}, "its own"
    found = [one for one in report.findings if one.path.startswith("lib/")]
    assert {one.rule for one in found} == {"misspelt-word", "unused-import"}
    return {one.severity for one in found}


@pytest.mark.parametrize(
    ("n", "base", "is_strict", "severity"),
    [
        (3, "MIT\n", False, "info"),
        (3, "Copyright (c) 2020 Meta Platforms, Inc. and affiliates\n", False, "warning"),
        (2, "MIT\n", False, "warning"),
        (3, "MIT\n", True, "warning"),
    ],
)
async def test_code_of_others(tmp_path: Path, n: int, base: str, is_strict: bool, severity: str) -> None:
    assert await severities(tmp_path, n, base, is_strict=is_strict) == {severity}


async def test_a_long_file_of_others(tmp_path: Path) -> None:
    assert await severities(tmp_path / "r", 1, "MIT\n", n_lines=1_000) == {"info"}
    assert await severities(tmp_path / "q", 1, "MIT\n", n_lines=100) == {"warning"}
