"""The index after every kind of change and of damage: always what the files say."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

from qwen_lsp.index import building, database
from qwen_lsp.index import parse_pool as taking
from qwen_lsp.index.building import Builder
from qwen_lsp.index.orders import Report
from qwen_lsp.index.reader import Index
from tests.support.places import REPOSITORY
from tests.support.workspace import Write, commit_all, git

# A writer of its own: argument 1 is the root.
INDEX = """
import sys
from pathlib import Path
from qwen_lsp.index import building
building.update(Path(sys.argv[1]))
"""
FIXTURES = REPOSITORY / "fixtures" / "repos"


def module(number: int) -> str:
    """A file that defines one function and uses that of the one before."""
    before = number - 1
    return (
        f"from pkg.part_{before} import step_{before}\n\n\n"
        f'def step_{number}(rows: list[int]) -> int:\n    """Add the rows of part {number}."""\n'
        f"    return step_{before}(rows) + {number}\n"
    )


def modules(count: int) -> dict[str, str | bytes]:
    return {f"pkg/part_{number}.py": module(number) for number in range(count)}


def contents(root: Path) -> dict[str, list[str]]:
    """What the index says of every file."""
    index = Index(root)
    paths = [row[0] for row in index._rows("SELECT path FROM files WHERE skipped = ''")]
    with_rows = Counter(chunk.path for chunk in index.search(["rows"], limit=10_000))
    found = {
        path: [d.signature for d in index.definitions_in(path)]
        + [str(i.module) for i in index.imports_of(path)]
        + [f"{with_rows[path]} with rows"]
        for path in sorted(paths)
    }
    index.close()
    return found


def fresh(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, list[str]]:
    """What an index made from nothing says."""
    with monkeypatch.context() as patch:
        patch.setenv("QWEN_LSP_INDEX", str(tmp_path / "fresh"))
        shutil.rmtree(tmp_path / "fresh", ignore_errors=True)
        building.update(root)
        return contents(root)


@pytest.fixture
def root(write: Write) -> Path:
    return write(modules(12))


def test_a_real_repository_is_read(tmp_path: Path) -> None:
    root = tmp_path / "inventory"
    shutil.copytree(FIXTURES / "inventory-py", root)
    report = building.update(root)
    assert report.files == 9
    assert report.skipped == {}
    assert report.problems == []
    assert report.index_bytes == database.index_file(root).stat().st_size


def test_nothing_is_parsed_again(root: Path) -> None:
    assert building.update(root).changed == 12
    assert building.update(root).changed == 0
    for file in root.rglob("*.py"):  # other times, the same bytes
        os.utime(file, (1, 1))
    assert building.update(root).changed == 0
    assert building.update(root, must_rebuild="because").changed == 12


def test_changed_new_and_deleted_files(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    building.update(root)
    (root / "pkg/part_3.py").write_text("def other(): ...\n")
    (root / "pkg/new.py").write_text("def newer(): ...\n")
    (root / "pkg/part_4.py").unlink()
    report = building.update(root)
    assert (report.changed, report.removed) == (2, 1)
    assert contents(root) == fresh(root, monkeypatch, tmp_path)


def test_named_files_only(root: Path) -> None:
    with closing(Builder(root)) as builder:
        builder.update()
        for number in (1, 2):
            (root / f"pkg/part_{number}.py").write_text("def other(): ...\n")
        assert builder.update(["pkg/part_1.py"]).changed == 1
        (root / "pkg/new.py").write_text("")
        assert builder.update(["pkg/new.py"]).changed == 2  # a new file: all were listed
        (root / ".gitignore").write_text("more.py\n")
        (root / "pkg/more.py").write_text("")
        assert builder.update(["pkg/more.py", "pkg/gone.py"]).files == 13


def test_an_ignored_file_leaves_the_index(root: Path) -> None:
    building.update(root)
    (root / ".qwenignore").write_text("part_1*.py\n")
    assert building.update(root).removed == 3


@pytest.mark.parametrize("n", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_branch_switch_of_many_files(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, n: int
) -> None:
    root = write(modules(n))
    commit_all(root)
    git(root, "checkout", "-q", "-b", "other")
    for number in range(n):
        (root / f"pkg/part_{number}.py").write_text(module(number).replace("rows", "lines"))
    commit_all(root)
    building.update(root)
    git(root, "checkout", "-q", "main")
    report = building.update(root)
    assert (report.changed, report.files) == (n, n)
    assert contents(root) == fresh(root, monkeypatch, tmp_path)


def _delete(file: Path) -> None:
    file.unlink()


def _truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _other_text(file: Path) -> None:
    file.write_bytes(b"this is no database at all\n" * 100)


def _older(file: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 0")
    connection.close()


def _folder_of_it(file: Path) -> None:
    shutil.rmtree(file.parent)


@pytest.mark.parametrize("harm", [_delete, _truncate, _empty, _other_text, _older, _folder_of_it])
@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "unsealed"])
def test_a_damaged_index_is_rebuilt(root: Path, harm: object, sealed: bool) -> None:
    building.update(root)
    expected = contents(root)
    file = database.index_file(root)
    if not sealed:  # as after a writer that was killed
        file.with_suffix(".crc").unlink()
    assert callable(harm)
    harm(file)
    index = Index(root)
    index.definitions_named(["step_3"])  # whatever it answers, it answers
    report = building.update(root)
    assert report.changed == 12
    assert bool(report.rebuilt) == (harm not in (_delete, _folder_of_it))
    assert contents(root) == expected
    assert [found.path for found in index.definitions_named(["step_3"])] == ["pkg/part_3.py"]
    index.close()


def test_flipped_bytes_are_noticed(root: Path) -> None:
    building.update(root)
    expected = contents(root)
    file = database.index_file(root)
    dice = random.Random(5)
    for _ in range(12):
        data = bytearray(file.read_bytes())
        at = dice.randrange(len(data))
        data[at] ^= 1 << dice.randrange(8)
        file.write_bytes(data)
        assert contents(root) is not None  # a reader survives it
        assert building.update(root).rebuilt
        assert contents(root) == expected


def test_an_index_damaged_in_use_is_rebuilt(root: Path) -> None:
    """A reader has it open and says so; its questions are answered again afterwards."""
    building.update(root)
    index = Index(root)
    assert index.definitions_named(["step_3"])
    file = database.index_file(root)
    file.with_suffix(".crc").unlink()
    with file.open("r+b") as stream:
        stream.seek(4096)
        stream.write(os.urandom(file.stat().st_size - 4096))
    index.search(["rows"])
    assert index.definitions_in("pkg/part_3.py") == []
    assert index.problem
    building.update(root)
    assert index.definitions_in("pkg/part_3.py")
    assert index.problem == ""
    index.close()


def test_an_index_that_something_else_holds_is_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3

    building.update(root)
    index = Index(root)
    holder = sqlite3.connect(database.index_file(root), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    holder.execute("UPDATE meta SET value = 1 WHERE key = 'epoch'")
    (root / "pkg/part_3.py").write_text("def three(): ...\n")
    assert index.definitions_named(["step_3"]), "a reader never waits"
    monkeypatch.setattr(database, "_BUSY_S", 0.1)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        building.update(root)
    holder.execute("ROLLBACK")
    holder.close()
    report = building.update(root)
    assert (report.changed, report.rebuilt) == (1, "")
    assert index.definitions_named(["three"])
    index.close()


def test_who_waits_for_another_writer_is_told(root: Path) -> None:
    file = database.index_file(root)
    building.update(root)
    assert not database.is_written(file)
    with FileLock(database.lock_file(file)):
        program = "import sys; from pathlib import Path; from qwen_lsp.index import database; "
        ask = f"{program}print(database.is_written(Path(sys.argv[1])))"
        said = subprocess.run(
            [sys.executable, "-c", ask, str(file)], capture_output=True, text=True, check=True
        )
    assert said.stdout.strip() == "True"


def test_an_indexer_killed_anywhere_loses_nothing(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = write(modules(400))
    dice = random.Random(3)
    file = database.index_file(root)
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", INDEX, str(root)])
        started = time.monotonic()
        while process.poll() is None and not file.exists() and time.monotonic() - started < 60:
            time.sleep(0.01)
        time.sleep(dice.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        (root / f"pkg/part_{dice.randrange(400)}.py").write_text(
            f"def late_{dice.random():.6f}(): ...\n".replace(".", "")
        )
    report = building.update(root)
    assert report.files == 400
    assert contents(root) == fresh(root, monkeypatch, tmp_path)


def test_two_writers_share_one_index(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = write(modules(200))
    processes = [subprocess.Popen([sys.executable, "-c", INDEX, str(root)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    with closing(Builder(root)) as one, closing(Builder(root)) as other:
        assert one.update().changed == 0
        (root / "pkg/part_5.py").write_text("def five(): ...\n")
        assert other.update(["pkg/part_5.py"]).changed == 1
        assert one.update(["pkg/part_5.py"]).changed == 0
        assert one.update(must_rebuild="because").changed == 200
        (root / "pkg/part_6.py").write_text("def six(): ...\n")
        assert other.update(["pkg/part_6.py"]).changed == 1
    assert contents(root) == fresh(root, monkeypatch, tmp_path)


def test_strange_files_are_left_out_with_a_reason(write: Write) -> None:
    root = write(
        {
            "good.py": "def good(): ...\n",
            "bundle.js": b"var a=[" + b"0," * 2_500_000 + b"0];",
            "deep.py": "x = " + "(" * 10_000 + ")" * 10_000 + "\n",
            "deep.json": "[" * 10_000 + "]" * 10_000,
            "broken.py": "def broken(:\n  class ((\n",
            "empty.py": "",
            "image.py": b"\x89PNG\0\0",
        }
    )
    os.mkfifo(root / "pipe.py")
    report = building.update(root)
    assert report.skipped["large"] == 1
    assert report.skipped["special"] == 1
    assert report.skipped["binary"] == 1
    index = Index(root)
    assert [found.path for found in index.definitions_named(["good"])] == ["good.py"]
    index.close()


def test_a_file_that_kills_the_parser_costs_only_itself(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a fault in a grammar would: the child process dies on one file."""
    root = write({**modules(20), "pkg/bad.py": "def bad(): ...\n"})
    program = tmp_path / "python"
    program.write_text(
        "#!/bin/sh\nfor parent; do :; done\n"
        f"exec {sys.executable} -c 'import os\n"
        "from qwen_lsp.index import parse_pool as taking\n"
        "take = taking.take\n"
        'taking.take = lambda root, one: os._exit(139) if one.path == "pkg/bad.py" else take(root, one)\n'
        "taking.main()' $parent\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(taking, "MANY_FILES", 1)
    with closing(Builder(root)) as builder:
        report = builder.update()
    assert report.files == 20
    assert report.skipped == {"crash": 1}
    assert report.problems == ["pkg/bad.py: crash"]


def test_an_index_folder_that_cannot_be_written_is_an_error_with_a_name(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QWEN_LSP_INDEX", str(tmp_path / "file"))
    with pytest.raises(OSError, match="file"):
        building.update(root)


def test_an_index_of_dead_words_is_rebuilt(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "_DEAD_MATTERS", 30)
    reports: list[Report] = []
    for round_ in range(8):
        for number in range(12):
            (root / f"pkg/part_{number}.py").write_text(module(number) + f"# {round_}\n")
        reports.append(building.update(root))
    assert any(report.rebuilt for report in reports)
    assert len(contents(root)) == 12
