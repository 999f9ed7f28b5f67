"""The map: what the others lean on comes first, within its budget."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_lsp.cli.main import main
from qwen_lsp.errors import InputError
from qwen_lsp.index import building
from qwen_lsp.index.map import as_text, repository_map
from qwen_lsp.index.reader import Index
from tests.support.places import REPOSITORY
from tests.support.workspace import Write

USED = "class Ledger:\n    def post(self) -> None: ...\n\n\ndef lonely() -> None: ...\n"


def users(count: int) -> dict[str, str | bytes]:
    return {
        f"user{n}.py": f"from ledger import Ledger\n\n\ndef use{n}() -> None:\n    Ledger().post()\n"
        for n in range(count)
    }


@pytest.fixture
def root(write: Write) -> Path:
    return write({"ledger.py": USED, **users(5)})


def test_what_is_used_comes_first(root: Path) -> None:
    building.update(root, with_ranks=True)
    index = Index(root)
    files = repository_map(index, budget_tokens=500)
    assert files[0].path == "ledger.py"
    assert files[0].rank > 1
    assert [(entry.name, entry.users) for entry in files[0].entries] == [("Ledger", 5), ("post", 5)]
    assert as_text(files).splitlines()[:3] == [
        "ledger.py:",
        "  class Ledger",
        "    def post(self) -> None",
    ]
    index.close()


def test_names_of_another_language_are_others(write: Write) -> None:
    root = write({"ledger.go": "package a\n\ntype Ledger struct{}\n", **users(5)})
    building.update(root, with_ranks=True)
    index = Index(root)
    assert repository_map(index, budget_tokens=500) == []
    index.close()


def test_the_budget_holds(root: Path) -> None:
    building.update(root, with_ranks=True)
    index = Index(root)
    for tokens in (5, 10, 20, 100):
        assert len(as_text(repository_map(index, budget_tokens=tokens))) <= tokens * 4
    index.close()


def test_the_map_command_follows_changes(root: Path) -> None:
    assert "class Ledger" in CliRunner().invoke(main, ["map", str(root)]).output
    (root / "ledger.py").write_text(USED.replace("Ledger", "Journal"))
    for file in root.glob("user*.py"):
        file.write_text(file.read_text("utf-8").replace("Ledger", "Journal"))
    answer = CliRunner().invoke(main, ["map", str(root), "--json"])
    first = json.loads(answer.output)[0]
    assert first["path"] == "ledger.py"
    assert first["entries"][0]["name"] == "Journal"


def test_the_index_command_says_what_it_did(root: Path, tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "LICENSE", root)
    values = json.loads(CliRunner().invoke(main, ["index", str(root), "--json"]).output)
    assert (values["files"], values["skipped"], values["changed"]) == (6, {"language": 1}, 7)
    assert Path(values["file"]).stat().st_size == values["indexBytes"]
    Path(values["file"]).write_bytes(b"nonsense")
    answer = CliRunner().invoke(main, ["index", str(root)])
    assert "6  files indexed" in answer.output
    assert "1  left out: no language we know" in answer.output
    assert "rebuilt: its bytes are not those that were written" in answer.output
    CliRunner().invoke(main, ["index", str(root), "--delete"])
    assert list((tmp_path / "index").iterdir()) == []


def test_the_index_command_refuses_a_home(home: Path) -> None:
    answer = CliRunner().invoke(main, ["index", str(home)])
    assert isinstance(answer.exception, InputError)
    assert "home folder" in str(answer.exception)
