"""The boundary to a repository that nobody has checked: hundreds of broken and hostile ones, from seeds.

Each goes through the commands. What must hold: no traceback, no wait without end, an exit code that is
documented, no plant that runs, no text from outside of the folder, and not a byte of the folder changed.
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qwen_lsp import git
from qwen_lsp.cli.main import main
from qwen_lsp.errors import QwenLspError
from tests.security.hostile_git import DAMAGES, damages, spoiled, template
from tests.security.plants import OUTSIDE

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the plants are scripts with a `#!` line"),
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not on PATH"),
]
COMMANDS = (
    ("review", "--no-model-pass", "--no-cache", "--format", "json"),
    ("review", "--no-model-pass", "--no-cache", "HEAD~1..HEAD"),
    ("review", "--no-model-pass", "--no-cache", "--ci", "--base", "other", "--fail-on", "error"),
    ("review", "--no-model-pass", "--no-cache", "--staged", "--format", "markdown"),
    ("context", "a.py:5:5"),
    ("index",),
    ("map",),
    ("commit-message",),
    ("doctor", "--no-engine"),
)
_QUICK = 24  # repositories; each goes through two of the commands
_THOROUGH = 300  # each goes through four
_PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "repo"
    template(folder)
    return folder


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QWEN_LSP_INDEX", str(tmp_path / "index"))
    # Git itself waits for a FIFO, until we end it.
    monkeypatch.setattr(git, "TIMEOUT_S", 4.0)
    folder = tmp_path / "outside"
    folder.mkdir()
    file = folder / "secret.py"
    file.write_text(f"{OUTSIDE} = 1\n")
    return file


def attacked(
    seed: int, commands: tuple[tuple[str, ...], ...], made: Path, outside: Path, canary: Path
) -> None:
    root = outside.parents[1] / f"repo-{seed}"
    done = spoiled(seed, made, root, canary, outside)
    before = state(root)
    for arguments in commands:
        where = f"seed {seed}, {' '.join(arguments)}, after damage to: {', '.join(done)}"
        result = run(root, arguments, where)
        error = result.exception
        if isinstance(error, QwenLspError):
            assert str(error).strip(), where
        elif error is not None and not isinstance(error, SystemExit):
            raise AssertionError(where) from error
        assert isinstance(error, QwenLspError) or result.exit_code in (0, 1, 2), where
        assert "Traceback" not in result.output, where
        assert OUTSIDE not in result.output, where
        assert [path.name for path in canary.iterdir()] == [], where
    assert state(root) == before, f"seed {seed}: the folder was changed"
    shutil.rmtree(root)


def run(root: Path, arguments: tuple[str, ...], where: str) -> Result:
    """Run a command in a folder, in a thread that may not come back."""
    results: list[Result] = []
    before = Path.cwd()
    os.chdir(root)
    try:
        thread = threading.Thread(
            target=lambda: results.append(CliRunner().invoke(main, arguments)), daemon=True
        )
        thread.start()
        thread.join(_PATIENCE_S)
    finally:
        os.chdir(before)
    assert results, f"no end: {where}"
    return results[0]


def state(root: Path) -> dict[bytes, tuple[int, int, int]]:
    """Return what a change of any file below a folder would change."""
    found = {}
    for folder, folders, names in os.walk(os.fsencode(root)):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            found[path] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def test_every_damage_is_done_by_some_seed() -> None:
    assert {name for seed in range(_QUICK) for name in damages(seed)} == set(DAMAGES)


@pytest.mark.parametrize("part", range(4))
def test_some_repositories(part: int, made: Path, outside: Path, canary: Path) -> None:
    for seed in range(part, _QUICK, 4):
        first = seed % len(COMMANDS)
        attacked(seed, (COMMANDS[first], COMMANDS[(first + 4) % len(COMMANDS)]), made, outside, canary)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_many_repositories(part: int, made: Path, outside: Path, canary: Path) -> None:
    for seed in range(1_000 + part, 1_000 + _THOROUGH, 20):
        chosen = tuple(COMMANDS[(seed + step) % len(COMMANDS)] for step in (0, 2, 4, 6))
        attacked(seed, chosen, made, outside, canary)
