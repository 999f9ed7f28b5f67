"""Labelled pull requests: which are reviewed, and which labels a finding hits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen_lsp.bench.review import labelled
from qwen_lsp.errors import InputError
from tests.unit.review.repositories import git, repository, write

LINES = "a = 1\nb = 2\n\n\nif a is 'x':\n    a = 2\n"


def entry(base: str, head: str, *lines: tuple[int, str]) -> dict[str, object]:
    """Write a pull request with labels on lines of `a.py`."""
    comments = [{"path": "a.py", "note": "n", "side": side, "to_line": at} for at, side in lines]
    return {
        "githubPrUrl": "https://github.com/o/r/pull/17",
        "source_commit": base,
        "target_commit": head,
        "comments": comments,
    }


def commit(root: Path, message: str, files: dict[str, str | bytes]) -> str:
    """Commit files and return the commit."""
    write(root, files)
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)
    return git(root, "rev-parse", "HEAD").strip()


def test_a_label_is_hit_by_what_stands_on_its_lines(tmp_path: Path) -> None:
    root = repository(tmp_path / "clones" / "r", {"a.py": "a = 1\n"})
    left = git(root, "rev-parse", "HEAD").strip()
    head = commit(root, "two", {"a.py": LINES})
    git(root, "checkout", "-q", left)
    # The branch went on: what it did since is none of the pull request's.
    base = commit(root, "three", {"b.py": "if a is 'x':\n    a = 2\n"})
    file = tmp_path / "set.json"
    labels = (5, "right"), (2, "right"), (5, "left")
    file.write_text(json.dumps([entry(base, head, *labels), entry(base, "0" * 40)]))
    pull_requests = labelled.read(file)
    (row,) = labelled.run(pull_requests, tmp_path / "clones")
    ((label, found),) = row.hits(row.shown)
    assert (label.to_line, found.rule) == (5, "identity-of-values")
    table = labelled.summary([row], len(pull_requests))
    assert "1 of 2 pull requests, 3 labels: 1 have one of 1 findings" in table
    file.write_text("{}")
    with pytest.raises(InputError, match="no labelled set"):
        labelled.read(file)


def test_a_merged_commit_stands_for_a_pull_request_that_was_squashed(tmp_path: Path) -> None:
    root = repository(tmp_path / "clones" / "r", {"a.py": "a = 1\n"})
    base = git(root, "rev-parse", "HEAD").strip()
    commit(root, "Two (#17)", {"a.py": LINES})
    commit(root, "Take the cause of (#17) away (#170)", {"a.py": "a = 3\n"})
    file = tmp_path / "set.json"
    file.write_text(json.dumps([entry(base, "0" * 40, (5, "right"))]))
    (row,) = labelled.run(labelled.read(file), tmp_path / "clones")
    assert [found.rule for _, found in row.hits(row.shown)] == ["identity-of-values"]
