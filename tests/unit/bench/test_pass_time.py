"""The change that the pass of a model is timed on: the newest of about a size, nearly all of it sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.bench.review.pass_time import change_of
from qwen_lsp.errors import InputError
from tests.unit.review.repositories import git, repository, write


def test_the_newest_change_of_a_size_is_taken(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "A = 0\n"})
    for message, path, n in [
        ("older", "b.py", 10),
        ("wanted", "c.py", 10),
        ("too large", "d.py", 30),
        ("no source", "docs/e.py", 10),
    ]:
        write(root, {path: "".join(f"x{number} = {number}\n" for number in range(n))})
        git(root, "add", "-A")
        git(root, "commit", "-qm", message)
    change = change_of(root, 10)
    assert [(file.path, len(file.patch.added)) for file in change.files] == [("c.py", 10)]
    with pytest.raises(InputError, match="about 500 lines"):
        change_of(root, 500)
