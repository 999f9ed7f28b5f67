"""Diffs and changes, made by real git where git can make them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from qwen_lsp.errors import InputError
from qwen_lsp.review.change import change
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.change.diff import FilePatch, parse
from tests.unit.review.repositories import git, repository, write


def of(found: Change, path: str) -> ChangedFile:
    return next(file for file in found.files if file.path == path)


def one(text: str) -> FilePatch:
    patch = parse(text.encode())
    assert patch.broken == ()
    (file,) = patch.files
    return file


def test_every_edge_case_of_git(tmp_path: Path) -> None:
    """One commit with everything that git writes differently; the new text holds every added line."""
    plain = "".join(f"line {number}\n" for number in range(40))
    root = repository(
        tmp_path / "r",
        {
            "plain.txt": plain,
            "no newline.txt": "a\nb",
            "ünï çödé/文件.py": "x = 1\n",
            'quote"tab\t.py': "y = 1\n",
            "a b/x b/y.py": "z = 1\n",
            "moved.py": plain,
            "copied and edited.py": plain.replace("line", "row"),
            "crlf.txt": "a\r\nb\r\nc\r\n",
            "signs.sql": "-- one\n++ two\n-- three\n",
            "binary.bin": b"\0\1\2",
            "mode.sh": "echo\n",
            "gone.py": "gone\n",
            "empty.py": "",
            "latin.py": "# caf\xe9\n".encode("latin-1"),
            "chinese.py": "# 你好\n".encode("gb18030"),
        },
    )
    write(
        root,
        {
            "plain.txt": plain.replace("line 3\n", "LINE 3\n").replace("line 30\n", ""),
            "no newline.txt": "a\nc",
            "ünï çödé/文件.py": "x = 2\n",
            'quote"tab\t.py': "y = 2\n",
            "a b/x b/y.py": "z = 2\n",
            "crlf.txt": "a\r\nB\r\nc\r\n",
            "signs.sql": "-- 1\n++ 2\n-- three\n",
            "binary.bin": b"\0\1\3",
            "latin.py": "# caf\xe9s\n".encode("latin-1"),
            "chinese.py": "# 你好吗\n".encode("gb18030"),
            "new.py": "new = 1\n",
            "new empty.py": "",
        },
    )
    git(root, "mv", "moved.py", "moved away.py")
    git(root, "mv", "copied and edited.py", "edited.py")
    write(root, {"edited.py": plain.replace("line", "row").replace("row 7\n", "row seven\n")})
    os.chmod(root / "mode.sh", 0o755)
    (root / "gone.py").unlink()
    os.symlink("plain.txt", root / "link")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "two")
    found = change.from_git(root, "range", "HEAD~1..HEAD")
    assert found.broken == ()
    paths = {file.path for file in found.files}
    assert {
        "ünï çödé/文件.py",
        'quote"tab\t.py',
        "a b/x b/y.py",
        "moved away.py",
        "edited.py",
        "link",
    } <= paths
    for file in found.files:
        document = file.document
        for hunk in file.patch.hunks:
            for line in hunk.lines:
                if line.new is not None:
                    assert document.line(line.new - 1) == line.text, file.path
    assert of(found, "plain.txt").patch.added == {4}
    assert [line.text for line in of(found, "plain.txt").patch.removed] == ["line 3", "line 30"]
    assert of(found, "signs.sql").patch.added == {1, 2}
    assert of(found, "moved away.py").patch.status == "renamed"
    assert of(found, "moved away.py").patch.hunks == ()
    assert of(found, "edited.py").patch.added == {8}
    assert of(found, "binary.bin").patch.kind == "binary"
    assert of(found, "mode.sh").patch.hunks == ()
    assert of(found, "gone.py").patch.status == "deleted"
    assert of(found, "new empty.py").patch.status == "added"
    assert of(found, "link").patch.kind == "symlink"
    assert of(found, "chinese.py").after == "# 你好吗\n"


def test_hunk_sizes_may_be_omitted() -> None:
    file = one("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n")
    assert file.added == {1}


def test_lines_that_look_like_headers_stay_in_their_hunk() -> None:
    text = "--- a/x.sql\n+++ b/x.sql\n@@ -1,2 +1,2 @@\n--- old\n+++ new\n same\n"
    assert one(text).added == {1}
    assert [line.text for line in one(text).removed] == ["-- old"]


def test_two_plain_files() -> None:
    text = "--- a.py\t2020\n+++ b.py\t2021\n@@ -1 +1 @@\n-a\n+b\n--- c.py\n+++ c.py\n@@ -1 +1 @@\n-a\n+b\n"
    assert [file.path for file in parse(text.encode()).files] == ["b.py", "c.py"]


@pytest.mark.parametrize(
    "text",
    [
        "--- a/x.py\n+++ b/x.py\n@@ -1,9 +1,9 @@\n a\n",
        "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n a\n@@ broken\n+b\n",
    ],
)
def test_a_broken_file_is_told_and_costs_no_other(text: str) -> None:
    sound = "diff --git a/y.py b/y.py\n--- a/y.py\n+++ b/y.py\n@@ -1 +1 @@\n-a\n+b\n"
    whole = f"diff --git a/x.py b/x.py\n{text}{sound}"
    patch = parse(whole.encode())
    assert [entry.path for entry in patch.broken] == ["x.py"]
    assert [file.path for file in patch.files] == ["y.py"]


def test_merges_submodules_and_deletions() -> None:
    merge = "diff --cc x.py\nindex 1,2..3\n--- a/x.py\n+++ b/x.py\n@@@ -1,1 -1,1 +1,1 @@@\n- a\n -b\n++c\n"
    assert one(merge).kind == "combined"
    module = "diff --git a/m b/m\nindex 1..2 160000\n--- a/m\n+++ b/m\n@@ -1 +1 @@\n-Subproject commit 1\n"
    assert one(module + "+Subproject commit 2\n").kind == "submodule"
    gone = "diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"
    assert (one(gone).status, one(gone).path) == ("deleted", "x")


def test_the_default_is_the_working_tree_against_the_default_branch(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "a = 1\n"})
    git(root, "switch", "-qc", "work")
    write(root, {"a.py": "a = 2\n"})
    git(root, "commit", "-qam", "two")
    git(root, "switch", "-q", "main")
    write(root, {"b.py": "b = 1\n"})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "main goes on")
    git(root, "switch", "-q", "work")
    write(root, {"new.py": "c = 1\n", ".gitignore": "ignored.py\n", "ignored.py": "d = 1\n"})
    found = change.from_git(root)
    assert {file.path for file in found.files} == {"a.py", "new.py", ".gitignore"}
    assert of(found, "a.py").before == "a = 1\n"
    assert found.title == "working tree against main"


def test_staged_and_unstaged(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "a = 1\n"})
    write(root, {"a.py": "a = 2\n"})
    git(root, "add", "-A")
    write(root, {"a.py": "a = 3\n"})
    staged, unstaged = change.from_git(root, "staged"), change.from_git(root, "unstaged")
    assert (of(staged, "a.py").before, of(staged, "a.py").after) == ("a = 1\n", "a = 2\n")
    assert (of(unstaged, "a.py").before, of(unstaged, "a.py").after) == ("a = 2\n", "a = 3\n")


def test_before_the_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    write(tmp_path, {"a.py": "a = 1\n"})
    assert [file.path for file in change.from_git(tmp_path).files] == ["a.py"]
    git(tmp_path, "add", "-A")
    assert [file.path for file in change.from_git(tmp_path, "staged").files] == ["a.py"]


def test_a_repository_with_sha256(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "a = 1\n"}, options=("--object-format=sha256",))
    write(root, {"a.py": "a = 2\n"})
    assert of(change.from_git(root), "a.py").patch.added == {1}


def test_a_shallow_clone_without_a_common_commit(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "a = 1\n"})
    git(root, "switch", "-q", "--orphan", "other")
    write(root, {"a.py": "a = 2\n"})
    git(root, "add", "-A")
    git(root, "commit", "-qm", "unrelated")
    found = change.from_git(root, "base", "main")
    assert of(found, "a.py").patch.added == {1}
    (note,) = found.notes
    assert "no common commit" in note


def test_unsaved_text_wins(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "a = 1\n", "b.py": "b = 1\n"})
    write(root, {"a.py": "a = 2\n"})
    found = change.from_git(root, unsaved={"a.py": "a = 3\n", "b.py": "b = 1\nb = 2\n", "c.py": "c = 1\n"})
    assert {file.path: file.after for file in found.files} == {
        "a.py": "a = 3\n",
        "b.py": "b = 1\nb = 2\n",
        "c.py": "c = 1\n",
    }
    assert of(found, "b.py").patch.added == {2}


def test_nothing_of_the_repository_is_run(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "a = 1\n", ".gitattributes": "*.py diff=evil\n"})
    mark = tmp_path / "mark"
    for key in ("diff.external", "diff.evil.textconv", "core.fsmonitor"):
        git(root, "config", key, f"touch {mark};:")
    write(root, {"a.py": "a = 2\n"})
    mark.unlink(missing_ok=True)
    assert of(change.from_git(root), "a.py").patch.added == {1}
    assert not mark.exists()


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in a git repository"):
        change.from_git(tmp_path)
    root = repository(tmp_path / "r", {"a.py": "a = 1\n"})
    with pytest.raises(InputError, match="no commit 'nowhere'"):
        change.from_git(root, "base", "nowhere")
    with pytest.raises(InputError, match="no commit"):
        change.from_git(root, "range", "--output=x..HEAD")
    with pytest.raises(InputError, match="not a unified diff"):
        change.from_diff(b"hello\n", tmp_path, "x")


def test_a_diff_alone(tmp_path: Path) -> None:
    text = "--- a/x.py\n+++ b/x.py\n@@ -10,2 +10,3 @@\n a\n+b\n c\n"
    (file,) = change.from_diff(text.encode(), tmp_path, "x").files
    assert file.is_partial
    assert file.document.line(10) == "b"
    write(tmp_path, {"x.py": "\n" * 9 + "a\nb\nc\nd\n"})
    (file,) = change.from_diff(text.encode(), tmp_path, "x").files
    assert (file.is_partial, file.before) == (False, "\n" * 9 + "a\nc\nd\n")
    far = "--- a/x.py\n+++ b/x.py\n@@ -1 +99999999 @@\n-a\n+b\n"
    found = change.from_diff(far.encode(), tmp_path, "x")
    assert (found.files, len(found.broken)) == ((), 1)


def test_mutated_diffs_never_fail(tmp_path: Path) -> None:
    """1,000 damaged diffs: no exception, and whatever is read is consistent."""
    root = repository(tmp_path / "r", {f"f{number}.py": f"a = {number}\nb\nc\n" for number in range(5)})
    write(root, {f"f{number}.py": f"a = {number}\nB\nc\nd -- e\n" for number in range(5)})
    whole = git(root, "diff").encode() + b"\n"
    chance = random.Random(7)
    for _ in range(1000):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            at, kind = chance.randrange(len(data)), chance.randrange(4)
            if kind == 0:
                del data[at : at + chance.randrange(1, 40)]
            elif kind == 1:
                data[at:at] = chance.choice(
                    [b"\n", b"@@ -1 +1 @@\n", b"\xff", b"\0", b"+++ b/x\n", b"-", b"+"]
                )
            elif kind == 2:
                data[at] = chance.randrange(256)
            else:
                data[at:at] = data[at : at + chance.randrange(1, 80)]
        try:
            found = change.from_diff(bytes(data), tmp_path, "mutated")
        except InputError:
            continue
        for file in found.files:
            for hunk in file.patch.hunks:
                for line in hunk.lines:
                    if line.new is not None and file.after is not None and file.patch.status != "deleted":
                        assert line.new <= file.document.line_count
