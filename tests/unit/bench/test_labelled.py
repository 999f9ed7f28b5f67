"""Labelled pull requests: which are reviewed, and which labels a finding hits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen_lsp.bench.review import labelled
from qwen_lsp.errors import InputError
from tests.unit.review.repositories import git, repository, write


def test_a_label_is_hit_by_what_stands_on_its_lines(tmp_path: Path) -> None:
    root = repository(tmp_path / "clones" / "r", {"a.py": "a = 1\n"})
    target = git(root, "rev-parse", "HEAD").strip()
    write(root, {"a.py": "a = 1\nb = 2\n\n\nif a is 'x':\n    a = 2\n"})
    git(root, "commit", "-qam", "two")
    source = git(root, "rev-parse", "HEAD").strip()

    def entry(commit: str, *lines: tuple[int, str]) -> dict[str, object]:
        comments = [{"path": "a.py", "note": "n", "side": side, "to_line": at} for at, side in lines]
        return {
            "githubPrUrl": "https://github.com/o/r/pull/1",
            "source_commit": commit,
            "target_commit": target,
            "comments": comments,
        }

    file = tmp_path / "set.json"
    file.write_text(json.dumps([entry(source, (5, "right"), (2, "right"), (5, "left")), entry("0" * 40)]))
    pull_requests = labelled.read(file)
    (row,) = labelled.run(pull_requests, tmp_path / "clones")
    ((label, found),) = row.hits(row.shown)
    assert (label.to_line, found.rule) == (5, "identity-of-values")
    table = labelled.summary([row], len(pull_requests))
    assert "1 of 2 pull requests, 3 labels: 1 have one of 1 findings" in table
    file.write_text("{}")
    with pytest.raises(InputError, match="no labelled set"):
        labelled.read(file)
