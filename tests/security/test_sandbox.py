"""Children that read the files of others: even code that ran in them could neither write nor connect."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_lsp import git, sandbox
from tests.support.workspace import commit_all

pytestmark = pytest.mark.skipif(
    not any("Landlock" in one for one in sandbox.available()), reason="the kernel has no Landlock"
)

# Tries what planted code would do, and says what worked.
TRY = """
import os, socket, subprocess, sys
from pathlib import Path
from qwen_lsp import sandbox

allowed, elsewhere = Path(sys.argv[1]), Path(sys.argv[2])
{restrict}
worked = []

def attempt(name, work):
    try:
        work()
        worked.append(name)
    except OSError:
        pass

attempt("inside", lambda: (allowed / "new").write_text("x"))
attempt("outside", lambda: (elsewhere / "new").write_text("x"))
attempt("overwrite", lambda: (elsewhere / "old").write_text("x"))
attempt("remove", lambda: (elsewhere / "old").unlink())
attempt("folder", lambda: (elsewhere / "folder").mkdir())
attempt("link", lambda: (elsewhere / "link").symlink_to("old"))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), 5).close())
def by_child():
    if subprocess.run(["touch", str(elsewhere / "by-child")], capture_output=True).returncode:
        raise OSError

attempt("child", by_child)
attempt("read", lambda: os.listdir(elsewhere))
print(*worked)
"""


@pytest.mark.parametrize("is_restricted", [True, False])
def test_only_the_named_folder_is_written(tmp_path: Path, is_restricted: bool) -> None:
    import socket

    allowed, elsewhere = tmp_path / "allowed", tmp_path / "elsewhere"
    for folder in (allowed, elsewhere):
        folder.mkdir()
    (elsewhere / "old").write_text("old")
    code = TRY.format(restrict="assert sandbox.read_only([allowed])" if is_restricted else "")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        ran = subprocess.run(
            [sys.executable, "-c", code, str(allowed), str(elsewhere), port],
            capture_output=True,
            text=True,
            check=True,
        )
    worked = set(ran.stdout.split())
    everything = {"inside", "outside", "overwrite", "remove", "folder", "link", "child", "read", "connect"}
    if not is_restricted:  # the reverse case
        assert worked == everything
        return
    assert worked - {"connect"} == {"inside", "read"}
    if "no TCP" in str(sandbox.available()):
        assert "connect" not in worked


def test_git_writes_nothing_and_leaves_us_free(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "a.py").write_text("x = 1\n")
    commit_all(root)
    done = git.run(root, "hash-object", "-w", "--stdin", stdin=b"new object")
    assert done.code != 0
    done = git.run(root, "hash-object", "-w", "--stdin", stdin=b"new object", may_write=True)
    assert done.code == 0
    (tmp_path / "ours").write_text("the caller may still write")


def test_a_parser_that_never_ends_is_ended() -> None:
    code = "from qwen_lsp import sandbox; sandbox.limit_cpu(0)\nwhile True: pass"
    ran = subprocess.run([sys.executable, "-c", code], check=False, timeout=120)
    assert ran.returncode != 0


def test_a_parser_that_wants_everything_gets_an_error() -> None:
    code = (
        "from qwen_lsp import sandbox; sandbox.limit_memory(1 << 30)\n"
        "try: bytearray(3 << 30)\nexcept MemoryError: print('refused')"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "refused"
    assert os.name == "posix"
