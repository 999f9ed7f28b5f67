"""History and labels: each commit against its parent, and what labels say of the findings."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.bench.review import history
from qwen_lsp.errors import InputError
from tests.unit.review.repositories import git, repository, write


def test_each_commit_is_reviewed_and_judged(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "a = 1\n"})
    write(root, {"a.py": "a = 1\nif a is 'x':\n    a = 2\n"})
    git(root, "commit", "-qam", "two")
    write(root, {"b.py": "b = 1\n"})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "three")
    runs = list(history.run(root, 10))
    assert len(runs) == 2, "the first commit has no parent"
    (found,) = [one for _, fresh in runs for one in fresh]
    assert found.finding.rule == "identity-of-values"
    labels = tmp_path / "labels.tsv"
    labels.write_text(f"# of one repository\nidentity-of-values\t{found.commit[:12]}\tuseful\n")
    table = history.summary(2, [found], history.read_labels(labels))
    assert "identity-of-values\t1\t1\t0\t0" in table
    assert "1 findings, 0 remarks" in table


def test_remarks_are_counted_apart(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "a = 1\n"})
    write(root, {"a.py": "a = 1\nif a == None:\n    a = 2\n"})
    git(root, "commit", "-qam", "two")
    ((_, found),) = history.run(root, 10)
    table = history.summary(1, found, {})
    assert "0 findings, 1 remarks" in table
    assert "compare-to-none\t1\t0\t0\t0" in table


def test_a_line_that_is_no_label_is_named(tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("identity-of-values\tabc\tgood\n")
    with pytest.raises(InputError, match=r"labels\.tsv:1"):
        history.read_labels(labels)
