"""Undone fixes: which commits are fixes, what is undone, and what finds it."""

from __future__ import annotations

import sys
from pathlib import Path

from qwen_lsp.bench.review import fixes
from tests.unit.review.repositories import git, repository, write

BUGGY = "def f(state):\n    events = state.events\n    events.send(state.kind is 'x')\n"
FIXED = BUGGY.replace("    events.send", "    if not events:\n        return\n    events.send").replace(
    " is 'x'", " == 'x'"
)


def clone(tmp_path: Path) -> Path:
    root = repository(tmp_path / "r", {"a.py": BUGGY, "test_a.py": "A = 1\n"})
    for message, files in [
        ("Fix crash without events", {"a.py": FIXED, "test_a.py": "A = 2\n"}),
        ("Fix typo", {"a.py": FIXED + "# typo\n"}),
        ("Fix test", {"test_a.py": "A = 3\n"}),
        ("Fix ruff warnings", {"a.py": FIXED + "# ruff\n"}),
        ("chore: fix UP034", {"a.py": FIXED + "# UP034\n"}),
        ("Add a feature", {"b.py": "B = 1\n"}),
    ]:
        write(root, {**files})
        git(root, "add", "-A")
        git(root, "commit", "-qm", message)
    return root


def test_a_fix_is_undone_in_its_sources_only(tmp_path: Path) -> None:
    root = clone(tmp_path)
    ((fix, change),) = fixes.fixes(root, 10)
    assert (fix.subject, fix.paths, fix.language) == ("Fix crash without events", ("a.py",), "Python")
    (file,) = change.files
    assert (file.before, file.after) == (FIXED, BUGGY)


def test_what_finds_an_undone_fix(tmp_path: Path) -> None:
    root = clone(tmp_path)
    program = Path(sys.executable).with_name("qwen-lsp")
    (row,) = fixes.run(root, 10, (str(program),))
    assert [one.split()[0] for one in row.ours] == ["identity-of-values"]
    assert [one.split()[0] for one in row.remarks] == ["lost-check"]
    assert [one.split()[0] for one in row.build] == ["identity-of-values"], "the same build, run as a program"
    assert [one.split()[0] for one in row.ruff] == ["F632"]
    table = fixes.summary([row], with_build=True)
    assert "Python\t1\t1\t1\t1\t1\n" in table
    assert git(root, "status", "--porcelain") == ""
