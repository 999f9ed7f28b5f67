"""The trace format: what is written is read again, and what no editor could have done is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qwen_lsp.bench.infill.rows import Row
from qwen_lsp.bench.replay import recording
from qwen_lsp.bench.replay.recording import Hunk, hunks, record
from qwen_lsp.bench.replay.traces import Trace, cut_lines, laid_out, of_row, read, retimed, write
from qwen_lsp.bench.replay.typist import LEAD_MS, TimedEdit
from qwen_lsp.cli import bench as cli_bench
from qwen_lsp.errors import InputError

OWN = Path(__file__).parents[3] / "fixtures" / "traces"

MINIMAL: dict[str, Any] = {"path": "src/a.py", "text": "x = \n", "edits": [[0, 4, 4, "1"]]}


def one(tmp_path: Path, **changes: Any) -> Trace:
    file = tmp_path / "traces.jsonl"
    data = {key: value for key, value in {**MINIMAL, **changes}.items() if value is not ...}
    file.write_text(json.dumps(data), "utf-8")
    return read(file)[0]


def test_the_least_that_a_trace_may_say(tmp_path: Path) -> None:
    trace = one(tmp_path)
    assert (trace.id, trace.language, trace.cursor) == ("src/a.py:1", "python", 4)
    assert trace.final_text == "x = 1\n"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    trace = Trace(
        id="一",
        path="src/成绩.py",
        language="python",
        text="甲 = 1\r\n\u2028",
        edits=(TimedEdit(3000, 5, 5, "\r\n    "), TimedEdit(3180, 0, 1, "𝄞")),
        files={"src/b.py": "b\n"},
        folder=tmp_path / "repository",
        visited=("src/b.py",),
    )
    write(tmp_path / "traces.jsonl", [trace, trace])
    assert read(tmp_path / "traces.jsonl") == [trace, trace]
    assert '"folder": "repository"' in (tmp_path / "traces.jsonl").read_text("utf-8")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": ...}, "`text` is missing"),
        ({"path": 7}, "`path` is missing or not a string"),
        ({"edits": []}, "`edits` is missing, empty"),
        ({"edits": [[0, 4, "1"]]}, "an edit is"),
        ({"edits": [[0, 4, 9, "1"]]}, "outside of the text"),
        ({"edits": [[0, 4, 3, "1"]]}, "outside of the text"),
        ({"edits": [[5, 4, 4, "1"], [4, 5, 5, "2"]]}, "comes after"),
        ({"path": "../a.py"}, "not a path inside"),
        ({"path": "/a.py"}, "not a path inside"),
        ({"path": "C:/a.py"}, "not a path inside"),
        ({"files": {"..\\a.py": ""}}, "not a path inside"),
        ({"visited": ["../../b.py"]}, "not a path inside"),
        ({"files": {"a.py": 1}}, "`files` is an object of texts"),
        ({"folder": "nowhere"}, "there is no folder"),
        ({"text": "\ud800"}, "half a surrogate pair"),
    ],
)
def test_an_error_names_its_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=r"traces\.jsonl:1") as caught:
        one(tmp_path, **changes)
    assert message in str(caught.value)


@pytest.mark.parametrize("content", ["", "\n\n", "nonsense\n", "[]\n"])
def test_files_without_traces(tmp_path: Path, content: str) -> None:
    (tmp_path / "traces.jsonl").write_text(content)
    with pytest.raises(InputError):
        read(tmp_path / "traces.jsonl")


def test_a_repository_is_laid_out_without_the_answer(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    (folder / "src").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "src" / "a.py").write_text("x = 1\n")
    (folder / "src" / "b.py").write_text("b\n")
    (folder / "link.py").symlink_to(tmp_path / "outside.py")
    trace = one(tmp_path, folder="repository", path="link.py", files={"src/c.py": "c\r\n"})
    with laid_out(trace) as (root, file):
        assert file.read_text() == "x = \n"
        assert (root / "src" / "c.py").read_bytes() == b"c\r\n"
        assert sorted(path.name for path in root.rglob("*")) == ["a.py", "b.py", "c.py", "link.py", "src"]
    assert not root.exists()
    assert not (tmp_path / "outside.py").exists()


@pytest.mark.parametrize(
    ("row", "text", "cursor", "typed"),
    [
        (("def f():\n", "    return 1\n", "x\n"), "def f():\nx\n", 8, "\n    return 1"),
        (("", "import os\n", "x\n"), "\nx\n", 0, "import os"),
        (("x = f(", "1, 2", ")\n"), "x = f()\n", 6, "1, 2"),
        (("def f():\n", "    a = 1\n    return a\n", ""), "def f():\n", 8, "\n    a = 1\n    return a"),
    ],
)
def test_a_hole_becomes_a_trace(row: tuple[str, str, str], text: str, cursor: int, typed: str) -> None:
    prefix, middle, suffix = row
    trace = of_row(Row("r", "py", prefix, suffix, middle), 180, 7, 400)
    assert trace is not None
    assert (trace.text, trace.cursor) == (text, cursor)
    assert "".join(edit.text for edit in trace.edits) == typed
    assert trace.final_text == prefix + middle + suffix


def test_a_hole_that_is_too_long_is_typed_up_to_a_line_end_or_left_out() -> None:
    row = Row("r", "py", "def f():\n", "", "    a = 1\n    return a\n")
    trace = of_row(row, 180, 7, 12)
    assert trace is not None
    assert trace.final_text == "def f():\n    a = 1\n"
    assert of_row(row, 180, 7, 5) is None


def test_cutting_keeps_whole_lines() -> None:
    assert [cut_lines("ab\ncd\nef", size) for size in (1, 2, 4, 5, 8)] == [
        "",
        "ab",
        "ab",
        "ab\ncd",
        "ab\ncd\nef",
    ]


def test_retiming_changes_times_only() -> None:
    trace = of_row(Row("r", "py", "x = f(", ")\n", "1, 2"), 180, 7, 400)
    assert trace is not None
    fast = retimed(trace, 60, 7)
    assert [(edit.start, edit.text) for edit in fast.edits] == [
        (edit.start, edit.text) for edit in trace.edits
    ]
    assert fast.edits[-1].at_ms < trace.edits[-1].at_ms
    assert retimed(trace, 180, 7) == trace


def test_our_own_traces_are_sound_and_hold_typing_in_three_languages() -> None:
    found = [trace for file in sorted(OWN.glob("*.jsonl")) for trace in read(file)]
    assert len({trace.id for trace in found}) == len(found) == 8
    assert {trace.language for trace in found} == {"python", "typescript"}
    assert any("学" in edit.text for trace in found for edit in trace.edits)
    for trace in found:
        assert 60 <= len(trace.edits) <= 170
        assert trace.edits[0].at_ms == LEAD_MS
        with laid_out(trace) as (_, file):
            assert file.read_text("utf-8") == trace.text != trace.final_text


# --- git -------------------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


BEFORE = 'def first(a, b):\n    return a + b\n\n\ndef last(a, b):\n    """Last."""\n    return b\n'
AFTER = (
    "import functools\nimport operator\n\n\n"
    "def first(a, b):\n    return operator.add(a, b)  # not a + b\n\n\n"
    "def middle(a, b, c):\n    return functools.reduce(operator.add, (a, b, c))\n\n\n"
    'def last(a, b):\n    """Last."""\n    return b\n'
)
# What the second hunk adds; its first line replaces one.
ADDED = (
    "\n    return operator.add(a, b)  # not a + b\n\n\n"
    "def middle(a, b, c):\n    return functools.reduce(operator.add, (a, b, c))"
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "stranger's"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "src").mkdir()
    (folder / "src" / "sums.py").write_text(BEFORE)
    (folder / "src" / "other.py").write_text("OTHER = 1\n")
    (folder / "note.md").write_text("# Note\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    (folder / "src" / "sums.py").write_text(AFTER)
    (folder / "src" / "other.py").write_text("OTHER = 2\n")
    (folder / "note.md").write_text("# Note\n\nA sentence that is long enough to be typed.\n")
    (folder / "data.bin").write_bytes(b"\xff\x00\xfe" * 20)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "two")
    return folder


def recorded(folder: Path, *commits: str, max_chars: int = 400, max_traces: int = 50) -> list[Trace]:
    return record(folder, commits, key_ms=180, seed=7, max_chars=max_chars, max_traces=max_traces)


def test_hunks_are_read_from_the_headers_alone() -> None:
    patch = "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+@@ -9 +9 @@\n@@ -5 +7 @@ def f\n@@ -8,2 +9,0 @@\n"
    assert hunks(patch) == [Hunk(0, 0, 0, 2), Hunk(4, 1, 6, 1), Hunk(7, 2, 9, 0)]


def test_each_hunk_of_a_commit_is_typed_on_top_of_the_earlier_ones(repository: Path) -> None:
    first, second = recorded(repository, "HEAD")
    assert {first.path, second.path} == {"src/sums.py"}
    assert "".join(edit.text for edit in first.edits) == "import functools\nimport operator\n"
    assert first.cursor == 0
    assert first.final_text == "import functools\nimport operator\n" + BEFORE
    assert second.text == AFTER.replace(ADDED, "")
    assert "".join(edit.text for edit in second.edits) == ADDED
    assert second.final_text == AFTER
    assert second.files == {"src/other.py": "OTHER = 1\n"}
    assert second.visited == ("src/other.py",)


def test_a_range_a_root_commit_and_the_bounds(repository: Path) -> None:
    assert recorded(repository, "HEAD~1..HEAD") == recorded(repository, "HEAD")
    assert len(recorded(repository, "HEAD", max_traces=1)) == 1
    root = recorded(repository, "HEAD~1", max_chars=40)
    assert [trace.final_text for trace in root] == ["def first(a, b):\n    return a + b\n"]


@pytest.mark.parametrize("commit", ["no-such", "--output=x", "HEAD~9"])
def test_commits_that_git_does_not_know(repository: Path, commit: str) -> None:
    with pytest.raises(InputError):
        recorded(repository, commit)
    assert not (repository / "x").exists()


def test_a_commit_without_code_has_nothing_to_type(repository: Path) -> None:
    (repository / "note.md").write_text("# Another note\n\nWith another sentence, which is no code.\n")
    git(repository, "commit", "-q", "-a", "-m", "three")
    with pytest.raises(InputError, match="no source file got"):
        recorded(repository, "HEAD")


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        recorded(tmp_path, "HEAD")


def test_recording_from_the_command_line(repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    arguments = ["--record", str(repository), "HEAD~1", "HEAD", "--out", str(out), "--max-chars", "60"]
    done = CliRunner().invoke(cli_bench.replay, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert done.output.startswith(f"{len(read(out))} traces in ")
    assert all(len("".join(edit.text for edit in trace.edits)) <= 61 for trace in read(out))


@pytest.mark.parametrize("arguments", [["HEAD"], ["--record", "."], ["--record", ".", "HEAD"]])
def test_recording_asks_for_all_it_needs(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli_bench.replay, arguments).exit_code == 2


def test_the_nearest_files_come_along(repository: Path) -> None:
    assert recording._distance("a/b/x.py", "a/b/y.py") == 0
    assert recording._distance("a/x.py", "a/b/y.py") == 1
    assert recording._distance("x.py", "a/b/y.py") == 2
    assert recording._distance("c/x.py", "a/b/y.py") == 3
