"""Patches: git takes them, and the files come out byte for byte."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from qwen_lsp.actions import once, patch
from qwen_lsp.actions.task import FileText, Proposal, apply
from qwen_lsp.config import Config, Layer, resolve
from qwen_lsp.context import named_files
from qwen_lsp.errors import InputError
from qwen_lsp.text import Edit, Span

NAMES = ["a.py", "sub dir/价格.py", 'quo"te.py']


def git(root: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["git", "-C", str(root), *arguments], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "data",
    [
        b"a = 1\nb = 2\n",
        b"a = 1\r\nb = 2\r\n",
        b"a = 1\nb = 2",
        "a = 1\n# 价格 😀\x0c\u2028\n".encode(),
        "a = 1\n# 价格\n".encode("gb18030"),
        b"\xef\xbb\xbfa = 1\r\n",
        b"a = 1\rb = 2\rc\n",
    ],
)
def test_git_takes_the_patch(repository: Path, name: str, data: bytes) -> None:
    file = repository / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    task = once.task_of("simplify", once.parse_range(f"{file}:1-1"), Config())
    at = task.document.text.index("a = 1")
    proposal = Proposal((Edit(Span(at, at + 1), "价 "), Edit(Span(at + 4, at + 5), "3")))
    ((_, _, _, wanted),) = patch.changed_files(task, proposal)
    git(repository, "apply", "-", stdin=patch.patch(task, proposal))
    assert file.read_bytes() == wanted
    assert b"= 3" in wanted


def test_a_new_file(repository: Path) -> None:
    (repository / "a.py").write_text("def f(): pass\n", "utf-8")
    task = once.task_of("test", once.parse_range(f"{repository / 'a.py'}:1"), Config())
    new = FileText("tests/test_a.py", None, (Edit(Span(0, 0), "from a import f\n"),))
    git(repository, "apply", "-", stdin=patch.patch(task, Proposal((), new)))
    assert (repository / "tests" / "test_a.py").read_text("utf-8") == "from a import f\n"


def test_a_file_that_changed_meanwhile(repository: Path) -> None:
    file = repository / "a.py"
    file.write_text("a = 1\n", "utf-8")
    task = once.task_of("simplify", once.parse_range(f"{file}:1-1"), Config())
    file.write_text("a = 2\n", "utf-8")
    with pytest.raises(InputError, match="has changed meanwhile"):
        patch.patch(task, Proposal((Edit(Span(0, 1), "b"),)))


def test_writing_keeps_permissions_and_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.sh"
    file.write_bytes(b"old")
    file.chmod(0o755)
    named_files.write(file, b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o755
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("1", "one = 1"),
        ("1-2", "one = 1\ntwo = 2"),
        ("1:1-1:4", "one"),
        ("2:1-2:1", ""),
        ("1:5-2:4", "= 1\ntwo"),
    ],
)
def test_ranges(tmp_path: Path, text: str, selected: str) -> None:
    file = tmp_path / "a:b.py"
    file.write_text("one = 1\ntwo = 2\n", "utf-8")
    range_ = once.parse_range(f"{file}:{text}")
    document = named_files.read(file)
    span = once.select(document, range_)
    assert document.text[span.start : span.end] == selected
    assert apply(document.text, ()) == document.text


@pytest.mark.parametrize("text", ["a.py", "a.py:", "a.py:1-", "a.py:x-2", ":1-2", "a.py:1:2-3:"])
def test_texts_that_are_no_range(text: str) -> None:
    with pytest.raises(InputError, match="is not FILE:LINE-LINE"):
        once.parse_range(text)


def test_ranges_past_the_limits(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("one = 1\ntwo = 2\n", "utf-8")
    document = named_files.read(file)
    wrong = {"9-10": "line 9 does not exist", "2-1": "ends before it begins", "1:99-2": "column 99"}
    for text, said in wrong.items():
        with pytest.raises(InputError, match=said):
            once.select(document, once.parse_range(f"{file}:{text}"))


def test_kinds(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("one = 1\n", "utf-8")
    range_ = once.parse_range(f"{file}:1")
    with pytest.raises(InputError, match="there is no action 'dance'"):
        once.task_of("dance", range_, Config())
    with pytest.raises(InputError, match="--instruction"):
        once.task_of("edit", range_, Config())
    own = [{"name": "dance", "title": "Dance", "prompt": "Dance."}]
    config, problems = resolve([Layer("file", {"actions": {"custom": own}}, trusted=True)])
    assert problems == []
    assert once.task_of("dance", range_, config).custom is not None
