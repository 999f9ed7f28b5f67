"""Which files are listed, with real git and without."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from qwen_lsp.index.listing import list_files, refusal
from tests.support.workspace import Write, commit_all, git

FILES = {"a.py": "", "pkg/b.py": "", "out/c.py": "", "pkg/kept.log.py": "", ".gitignore": "out/\n"}


@pytest.fixture(params=["git", "walk"])
def listed_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to list; the walk is what a machine without git gets."""
    if request.param == "walk":
        monkeypatch.setenv("PATH", "")
    elif shutil.which("git") is None:
        pytest.skip("git is not on PATH")
    return str(request.param)


def listed(root: Path, by: str) -> list[str]:
    if by == "git" and not (root / ".git").exists():
        git(root, "init", "-q")
    return list_files(root).paths


def test_ignored_files_are_left_out(write: Write, listed_by: str) -> None:
    assert listed(write(FILES), listed_by) == [".gitignore", "a.py", "pkg/b.py", "pkg/kept.log.py"]


def test_the_deepest_ignore_file_has_the_last_word(write: Write, listed_by: str) -> None:
    root = write({".gitignore": "*.py\n", "pkg/.gitignore": "!b.py\n", "a.py": "", "pkg/b.py": ""})
    assert listed(root, listed_by) == [".gitignore", "pkg/.gitignore", "pkg/b.py"]


def test_qwenignore_leaves_out_more(write: Write, listed_by: str) -> None:
    root = write({**FILES, ".qwenignore": "/a.py\n", "pkg/.qwenignore": "*.py\n!b.py\n"})
    paths = listed(root, listed_by)
    assert [path for path in paths if path.endswith(".py")] == ["pkg/b.py"]


def test_links_lead_nowhere(write: Write, listed_by: str, tmp_path: Path) -> None:
    root = write({"a.py": ""})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py").write_text("")
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "out").symlink_to(tmp_path / "outside", target_is_directory=True)
    assert set(listed(root, listed_by)) == {"a.py", "loop", "out"}  # the links themselves, not below them


def test_installed_packages_are_not_walked(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    root = write({"a.py": "", "env/pyvenv.cfg": "", "env/b.py": "", "node_modules/c.js": "", ".tox/d.py": ""})
    assert list_files(root).paths == ["a.py"]


def test_submodules_and_nested_repositories_are_part_of_it(write: Write, tmp_path: Path) -> None:
    root = write({"a.py": "", "tool/b.py": ""})
    library = tmp_path / "library"
    library.mkdir()
    (library / "c.py").write_text("")
    commit_all(library)
    commit_all(root / "tool")
    git(root, "init", "-q")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib.js")
    assert list_files(root).paths == [".gitmodules", "a.py", "lib.js/c.py", "tool/b.py"]


def test_a_worktree_is_a_root_like_another(write: Write, tmp_path: Path) -> None:
    root = write({"a.py": ""})
    commit_all(root)
    git(root, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert list_files(tmp_path / "tree").paths == ["a.py"]


def test_a_folder_that_its_repository_ignores_is_listed_all_the_same(write: Write) -> None:
    root = write({".gitignore": "env/\n", "env/lib/a.py": ""})
    commit_all(root)
    assert list_files(root / "env").paths == ["lib/a.py"]


def test_a_repository_cannot_make_us_run_its_programs(write: Write, tmp_path: Path) -> None:
    root = write({"a.py": ""})
    commit_all(root)
    program = tmp_path / "monitor"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(program))
    assert list_files(root).paths == ["a.py"]
    assert not (tmp_path / "ran").exists()


def test_git_that_refuses_is_reported_and_replaced(write: Write) -> None:
    root = write({"a.py": "", ".git/HEAD": "ref: refs/heads/main\n", ".git/objects/x": "", ".git/refs/x": ""})
    (root / ".git" / "config").write_text("[core\n")
    listing = list_files(root)
    assert listing.paths == ["a.py"]
    assert listing.problems[0].startswith("git: ")


def test_an_unreadable_folder_is_reported(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({"a.py": "", "locked/b.py": ""})
    monkeypatch.setenv("PATH", "")
    scandir = os.scandir

    def refuse(path: Path) -> object:  # as for another user's folder; root may read everything
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = list_files(root)
    assert listing.paths == ["a.py"]
    assert listing.problems == ["locked/: cannot be listed: Permission denied"]


def test_names_that_no_database_can_hold_are_reported(write: Write) -> None:
    root = write({"a.py": ""})
    (root / os.fsdecode(b"caf\xe9.py")).write_text("")
    listing = list_files(root)
    assert listing.paths == ["a.py"]
    assert len(listing.problems) == 1


def test_whole_homes_and_disks_are_refused(home: Path, write: Write) -> None:
    assert "home" in refusal(home)
    assert "root" in refusal(Path(home.anchor))
    assert refusal(home / "missing")
    assert refusal(write({"a.py": ""})) == ""
