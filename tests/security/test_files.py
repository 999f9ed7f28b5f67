"""What lies in a folder of others against our readers; what we keep against other users of the machine."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from statistics import median

import psutil
import pytest
from filelock import FileLock

from qwen_lsp import files, git, globs, logs
from qwen_lsp.completion.stats.database import add, stats_file
from qwen_lsp.errors import ConfigError, InputError
from qwen_lsp.index import building, database
from qwen_lsp.index.building import Builder
from qwen_lsp.index.listing import list_files
from qwen_lsp.index.source import read as read_source
from qwen_lsp.model import speed
from qwen_lsp.model.speed import Speed
from qwen_lsp.review import cache, settings
from qwen_lsp.review.change import change
from tests.support.workspace import commit_all
from tests.support.workspace import git as plain_git

posix = pytest.mark.skipif(os.name == "nt", reason="links, FIFOs and modes are those of POSIX")
CONFIG_FILES = [".qwenignore", ".gitignore", ".gitmodules", ".qwen-lsp.toml", "package.json", "a.py"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    return root


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.py").write_text("SECRET = 'canary'\n")
    return folder


@posix
@pytest.mark.parametrize("kind", ["fifo", "zero", "socket", "folder", "link", "loop", "large"])
@pytest.mark.parametrize("name", CONFIG_FILES)
def test_no_reader_waits_or_reads_without_end(
    name: str, kind: str, root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "TIMEOUT_S", 2.0)  # git itself waits for a FIFO, until we end it
    file = root / name
    if kind == "fifo":
        os.mkfifo(file)
    elif kind == "zero":
        file.symlink_to("/dev/zero")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as one:
            monkeypatch.chdir(root)  # its name may be 100 characters long
            one.bind(name)
    elif kind == "folder":
        file.mkdir()
    elif kind == "link":
        file.symlink_to(outside / "secret.py")
    elif kind == "loop":
        file.symlink_to(file)
    else:
        with file.open("wb") as out:
            out.truncate(3_000_000_000)
    (root / "b.py").write_text("x = 1\n")
    with pytest.raises(OSError, match=r"."):
        files.read_below(root, name, 1_000_000)
    assert "b.py" in list_files(root).paths
    source = read_source(str(root), "a.py")
    assert source is None or (source.skipped and not source.text)
    try:
        loaded = settings.load(root)
    except (InputError, ConfigError):
        loaded = None
    assert loaded is None or loaded.settings == settings.Settings()
    plain_git(root, "init", "-q")
    with contextlib.suppress(InputError) if name.startswith(".git") else contextlib.nullcontext():
        found = change.from_git(root)
        assert "canary" not in str([file.after for file in found.files])


@posix
@pytest.mark.parametrize("way", ["listing", "submodule", "tracked", "walk"])
def test_no_link_leads_out_of_the_root(
    way: str, root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a.py").write_text("x = 1\n")
    if way == "submodule":
        (root / ".gitmodules").write_text('[submodule "x"]\n\tpath = notes\n\turl = x\n')
        (root / "notes").symlink_to(outside)
        commit_all(root)
    elif way == "tracked":  # the index of git has a folder where the disk has a link
        (root / "notes").mkdir()
        (root / "notes" / "secret.py").write_text("x = 1\n")
        commit_all(root)
        (root / "notes" / "secret.py").unlink()
        (root / "notes").rmdir()
        (root / "notes").symlink_to(outside)
    else:
        (root / "notes").symlink_to(outside)
        if way == "walk":
            monkeypatch.setenv("PATH", "")
        else:
            commit_all(root)
    building.update(root)
    with closing(sqlite3.connect(database.index_file(root))) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM names")]
    assert "SECRET" not in names
    with pytest.raises(files.Refused):
        files.read_below(root, "notes/secret.py", 1000)
    with pytest.raises(FileNotFoundError):
        files.read_below(root, "../outside/secret.py", 1000)
    assert not files.is_below(root, "notes")
    assert files.read_below(root, "a.py", 1000) == b"x = 1\n"


def test_a_file_is_read_up_to_its_limit(root: Path) -> None:
    (root / "a").write_bytes(b"x" * 100)
    assert files.read_below(root, "a", 100) == files.read(root / "a", 100) == b"x" * 100
    with pytest.raises(files.Refused, match="99") as caught:
        files.read_below(root, "a", 99)
    assert caught.value.reason == "large"
    with pytest.raises(files.Refused, match="99"):
        files.read(root / "a", 99)


@posix
def test_writing_is_all_or_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = root / "a"
    file.write_text("old")
    file.chmod(0o640)
    files.write(file, b"new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", 0o640)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(file, b"half")
    assert file.read_text() == "new"
    assert [path.name for path in root.iterdir()] == ["a"]


def use_everything(root: Path, home: Path) -> None:
    """Write all that we keep."""
    (root / "a.py").write_text("secret_name = 1\n")
    with closing(Builder(root)) as builder:
        builder.update()
    add({("2026-01-01", "python", "shown"): 1}, stats_file())
    speed.save("model", Speed())
    memory = cache.Cache(cache.default_file())
    memory.put("key", [])
    memory.close()
    try:
        raise ValueError("crash")
    except ValueError:
        logs.record_crash()


def open_to_others(folder: Path) -> list[str]:
    """Walk what another user can reach below a folder; return what there is for them to read."""
    found: list[str] = []
    for one in folder.iterdir():
        status = one.lstat()
        if stat.S_IMODE(status.st_mode) & 0o077:
            if stat.S_ISREG(status.st_mode):
                found.append(one.name)
            elif stat.S_ISDIR(status.st_mode):
                found += open_to_others(one)
    return found


@posix
@pytest.mark.parametrize("umask", [0o022, 0o000])
def test_nothing_that_we_keep_is_for_others(root: Path, settings_file: Path, umask: int) -> None:
    home = settings_file.parent
    before = os.umask(umask)
    try:
        use_everything(root, home)
    finally:
        os.umask(before)
    written = [path for path in home.rglob("*") if path.is_file()]
    assert len(written) >= 5
    assert open_to_others(home) == []
    for path in written:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@posix
def test_what_an_older_version_left_open_is_closed(root: Path, settings_file: Path) -> None:
    use_everything(root, settings_file.parent)
    for path in settings_file.parent.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    use_everything(root, settings_file.parent)
    assert [name for name in open_to_others(settings_file.parent) if not name.endswith(".lock")] == []


@posix
def test_a_folder_that_the_user_named_keeps_its_permissions(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    files.write_private(shared / "file", b"x")
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert stat.S_IMODE((shared / "file").stat().st_mode) == 0o600


def fill(root: Path, count: int) -> None:
    for number in range(count):
        (root / f"m{number}.py").write_text(f"def function_{number}(): ...\n")


def test_a_full_disk_or_a_lock_costs_no_index(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with the circumstances is no reason to throw away what was indexed."""
    fill(root, 5)
    building.update(root)
    file = database.index_file(root)
    connect = database._connect

    def limited(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")  # the disk is full
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(database, "_connect", limited)
        fill(root, 400)
        with pytest.raises(sqlite3.OperationalError) as caught, closing(Builder(root)) as builder:
            builder.update()
        assert not database.is_damage(caught.value)
        assert not psutil.Process().children(recursive=True), "the parsers end with the failure"
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM files").fetchone()[0] == 5
    report = building.update(root)
    assert (report.files, report.rebuilt) == (400, "")

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(database, "_BUSY_S", 0.1)
        (root / "more.py").write_text("x = 1\n")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            building.update(root)
        other.execute("COMMIT")
    report = building.update(root)
    assert (report.files, report.rebuilt) == (401, "")


def test_a_damaged_index_is_rebuilt(root: Path) -> None:
    """The reverse case."""
    fill(root, 5)
    building.update(root)
    database.index_file(root).write_bytes(b"no database at all" * 1000)
    assert building.update(root).rebuilt


def test_locks_can_be_taken_by_the_same_user_again(root: Path) -> None:
    fill(root, 1)
    building.update(root)
    with FileLock(database.lock_file(database.index_file(root)), timeout=1):
        pass


@pytest.mark.parametrize(
    ("pattern", "matches", "leaves"),
    [
        ("*a*b*c", ["xaybzc", "d/abc", "aabbcc"], ["acb", "a/b/c"]),
        ("a*?b*[cd]", ["axbc", "axbxd", "aabbbd"], ["abc", "axb"]),
        ("**/x*y*z/", ["xyz/f", "d/xAyBz/f"], ["xyz"]),
        ("*.*.py", ["a.b.py"], ["a.py"]),
        ("/foo*/**/b*r", ["foo1/bar", "foo/x/y/bzr"], ["x/foo/bar"]),
        ("*aab*b", ["aaabb", "aaaabxb"], ["aaab"]),
    ],
)
def test_patterns_mean_what_they_meant(pattern: str, matches: list[str], leaves: list[str]) -> None:
    found, left_out = globs.spec([pattern])
    assert not left_out
    assert [path for path in matches if not found.match_file(path)] == []
    assert [path for path in leaves if found.match_file(path)] == []


@pytest.mark.parametrize("stars", ["*a", "*a?", "*[ab]", "a*", "**/a/"])
def test_patterns_take_time_as_long_as_the_path(stars: str) -> None:
    """Double the path, at most 2.3 times the time: with a pattern that doubled each step before."""
    found, _ = globs.spec([stars * count + "x" for count in (2, 4, 20, 60)])

    def cost(length: int) -> float:
        path, taken = "a" * length, []
        for _ in range(7):
            started = time.perf_counter()
            for _ in range(20):
                found.check_file(path)
            taken.append(time.perf_counter() - started)
        return median(taken)

    assert any(cost(8000) <= 2.3 * cost(4000) for _ in range(5))


def test_a_pattern_that_cannot_be_bounded_is_named(root: Path) -> None:
    (root / "a.py").write_text("")
    (root / ".qwenignore").write_text("**/a" * 9 + "\nb.py\n")
    (root / "b.py").write_text("")
    listing = list_files(root)
    assert listing.paths == [".qwenignore", "a.py"]
    assert any("too long" in problem for problem in listing.problems)
