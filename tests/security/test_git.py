"""A repository's settings and attributes against every git command of ours: none of its programs runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_lsp import git
from qwen_lsp.errors import InputError
from qwen_lsp.index.listing import list_files
from qwen_lsp.review.change import change
from qwen_lsp.review.change import git as questions
from tests.support.workspace import commit_all
from tests.support.workspace import git as plain_git

pytestmark = [
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not on PATH"),
    pytest.mark.skipif(os.name == "nt", reason="the plants are scripts with a `#!` line"),
]


@pytest.fixture
def program(canary: Path, tmp_path: Path) -> Callable[[str], str]:
    """Make a program that leaves a file of its name."""

    def make(name: str) -> str:
        file = tmp_path / f"plant-{name}"
        file.write_text(f"#!/bin/sh\ntouch '{canary}/{name}'\ncat\n")
        file.chmod(0o755)
        return str(file)

    return make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "a.py").write_text("x = 1\n")
    (root / "b.py").write_text("y = 1\n")
    commit_all(root)
    return root


def everything(root: Path) -> None:
    """Ask all that a review and an index ask, of the working tree, the index and commits."""
    list_files(root)
    base = questions.head(root)
    assert base is not None
    for arguments in (("--cached",), (base,), (base, base)):
        questions.diff(root, *arguments)
    questions.default_branch(root)
    questions.untracked(root)
    questions.generated(root, ["a.py"])
    questions.blobs(root, [f"{base}:a.py", ":a.py"])
    questions.merge_base(root, base, base)
    change.from_git(root)


SETTINGS = {
    "filter-clean": "filter.evil.clean",
    "filter-smudge": "filter.evil.smudge",
    "filter-process": "filter.evil.process",
    "filter-odd-name": "filter.a=b.c.clean",
    "fsmonitor": "core.fsmonitor",
    "external-diff": "diff.external",
    "diff-command": "diff.evil.command",
    "textconv": "diff.evil.textconv",
    "pager": "core.pager",
    "pager-diff": "pager.diff",
    "ssh": "core.sshCommand",
    "editor": "core.editor",
    "askpass": "core.askPass",
    "alternates": "core.alternateRefsCommand",
    "gpg": "gpg.program",
    "merge-driver": "merge.evil.driver",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_names_a_program(
    name: str, root: Path, canary: Path, program: Callable[[str], str]
) -> None:
    (root / ".gitattributes").write_text("*.py filter=evil diff=evil merge=evil\nb.py filter=a=b.c\n")
    commit_all(root)
    plain_git(root, "config", SETTINGS[name], program(name))
    plain_git(root, "config", "core.fsmonitorHookVersion", "1")
    plain_git(root, "config", "log.showSignature", "true")
    (root / "a.py").write_text("x = 2\n")
    (root / "b.py").write_text("y = 2\n")
    everything(root)
    assert list(canary.iterdir()) == []


def test_plain_git_would_run_a_filter(root: Path, canary: Path, program: Callable[[str], str]) -> None:
    """The reverse case: the plants above work."""
    (root / ".gitattributes").write_text("*.py filter=evil\n")
    commit_all(root)
    plain_git(root, "config", "filter.evil.clean", program("filter"))
    (root / "a.py").write_text("x = 2\n")
    plain_git(root, "diff")
    assert [path.name for path in canary.iterdir()] == ["filter"]


def test_an_alias_is_no_command_of_ours(root: Path, canary: Path, program: Callable[[str], str]) -> None:
    for name in ("diff", "ls-files", "rev-parse", "cat-file", "config", "symbolic-ref"):
        plain_git(root, "config", f"alias.{name}", f"!{program('alias')}")
    everything(root)
    assert list(canary.iterdir()) == []


def test_settings_that_another_file_brings(root: Path, canary: Path, program: Callable[[str], str]) -> None:
    (root / ".gitattributes").write_text("*.py filter=evil\n")
    commit_all(root)
    (root / "more").write_text(f'[filter "evil"]\n\tclean = {program("included")}\n\trequired = true\n')
    plain_git(root, "config", f"includeIf.gitdir:{root}/.path", "../more")
    plain_git(root, "config", "include.path", "../more")
    (root / "a.py").write_text("x = 2\n")
    everything(root)
    assert list(canary.iterdir()) == []


@pytest.mark.parametrize("place", ["hooks", "hooksPath"])
def test_hooks(root: Path, canary: Path, program: Callable[[str], str], place: str) -> None:
    folder = root / ".git" / "hooks" if place == "hooks" else root / "own-hooks"
    folder.mkdir(exist_ok=True)
    for name in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction", "fsmonitor"):
        shutil.copy(program(name), folder / name)
    if place == "hooksPath":
        plain_git(root, "config", "core.hooksPath", str(folder))
    os.utime(root / "a.py", (1, 1))  # so that the index would be refreshed and written
    everything(root)
    assert list(canary.iterdir()) == []


def test_a_partial_clone_fetches_nothing(
    root: Path, tmp_path: Path, canary: Path, program: Callable[[str], str]
) -> None:
    """A missing object would be fetched: by the other side's program, or over ssh."""
    plain_git(root, "config", "uploadpack.allowFilter", "true")
    lazy = tmp_path / "lazy"
    plain_git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{root}", str(lazy))
    plain_git(lazy, "config", "remote.origin.uploadpack", program("uploadpack"))
    plain_git(lazy, "config", "core.sshCommand", program("ssh"))
    for url in (f"file://{root}", "ssh://example.invalid/x", "ext::sh -c touch%20x"):
        plain_git(lazy, "config", "remote.origin.url", url)
        with pytest.raises(InputError):
            questions.blobs(lazy, ["HEAD:a.py"])
        assert git.run(lazy, "diff", "HEAD", "--cached").code != 0
    assert list(canary.iterdir()) == []


def test_a_submodule_has_no_say(
    root: Path, tmp_path: Path, canary: Path, program: Callable[[str], str]
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "c.py").write_text("z = 1\n")
    (inner / ".gitattributes").write_text("*.py filter=evil\n")
    commit_all(inner)
    plain_git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sub")
    commit_all(root)
    plain_git(root / "sub", "config", "filter.evil.clean", program("submodule"))
    plain_git(root / "sub", "config", "core.fsmonitor", program("submodule-monitor"))
    (root / "sub" / "c.py").write_text("z = 2\n")
    everything(root)
    assert list(canary.iterdir()) == []


def bare_inside(root: Path, program: Callable[[str], str]) -> Path:
    """Put a git directory into a subfolder, as any clone can have one."""
    folder = root / "vendor"
    plain_git(root, "init", "-q", "--bare", str(folder))
    plain_git(folder, "config", "core.bare", "false")
    plain_git(folder, "config", "core.worktree", str(folder))
    plain_git(folder, "config", "core.fsmonitor", program("embedded-monitor"))
    plain_git(folder, "config", "filter.evil.clean", program("embedded-filter"))
    (folder / ".gitattributes").write_text("* filter=evil\n")
    (folder / "c.py").write_text("z = 1\n")
    return folder


def test_a_git_directory_in_a_subfolder(root: Path, canary: Path, program: Callable[[str], str]) -> None:
    folder = bare_inside(root, program)
    everything(root)
    list_files(folder)
    with pytest.raises(InputError, match="bare"):
        change.from_git(folder)
    (folder / "below").mkdir()
    with pytest.raises(InputError, match="bare"):
        change.from_git(folder / "below")
    assert list(canary.iterdir()) == []


def test_a_working_tree_elsewhere_is_none(root: Path, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "key.py").write_text("key = 1\n")
    plain_git(root, "config", "core.worktree", str(private))
    assert git.top(root) is None
    plain_git(root, "config", "core.worktree", "/")
    assert git.top(root) is None
    plain_git(root, "config", "--unset", "core.worktree")
    assert git.top(root) == root


def test_git_of_the_repository_is_never_the_one(
    root: Path, canary: Path, program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "bin").mkdir()
    shutil.copy(program("own-git"), root / "bin" / "git")
    shutil.copy(program("own-git"), root / "git")
    outside = root.parent / "elsewhere"
    outside.mkdir()
    (outside / "git").symlink_to(root / "bin" / "git")
    path = os.environ["PATH"]
    parts = ["", ".", "bin", str(root), str(root / "bin"), str(outside)]
    monkeypatch.setenv("PATH", os.pathsep.join([*parts, path]))
    monkeypatch.chdir(root)
    everything(root)
    list_files(root / "bin")
    assert list(canary.iterdir()) == []
    monkeypatch.setenv("PATH", os.pathsep.join(parts))
    with pytest.raises(InputError, match="not on PATH"):
        git.run(root, "version")


def test_variables_of_the_caller_have_no_say(root: Path, canary: Path, program: Callable[[str], str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND", "GIT_PAGER", "GIT_ASKPASS", "GIT_EDITOR"):
            patch.setenv(name, program(name))
        patch.setenv("GIT_DIR", "/nowhere")
        (root / "a.py").write_text("x = 2\n")
        everything(root)
        assert questions.diff(root)
    assert list(canary.iterdir()) == []


def test_time_and_output_have_limits(root: Path) -> None:
    (root / "big.py").write_text("x\n" * 200_000)
    commit_all(root)
    with pytest.raises(InputError, match="MiB"):
        git.run(root, "cat-file", "blob", "HEAD:big.py", max_bytes=100_000)
    assert len(git.output(root, "cat-file", "blob", "HEAD:big.py")) == 400_000
    os.mkfifo(root / "pipe")
    plain_git(root, "config", "core.attributesFile", str(root / "pipe"))
    with pytest.raises(InputError, match="too long"):
        git.run(root, "check-attr", "diff", "a.py", timeout_s=0.5)


def test_it_reads_stdin_of_any_size_and_ignores_who_does_not_read(root: Path) -> None:
    names = b"\n".join(b"%040d" % number for number in range(50_000)) + b"\n"
    done = git.run(root, "cat-file", "--batch-check", stdin=names)
    assert done.stdout.count(b"missing") == 50_000
    assert git.run(root, "rev-parse", "HEAD", stdin=b"x" * 1_000_000).code == 0


def test_what_git_says_is_said(root: Path) -> None:
    with pytest.raises(InputError, match=r"git rev-parse: fatal"):
        git.output(root, "rev-parse", "--verify", "no-such")
    with pytest.raises(InputError):
        git.run(root / "missing", "version")
    subprocess.run(["git", "-C", str(root), "status"], check=True, capture_output=True)
