"""What readers get: definitions, imports, references, search, text, open editors."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen_lsp.index import building
from qwen_lsp.index import reader as index_module
from qwen_lsp.index.reader import Index
from qwen_lsp.index.words import words_of
from tests.support.places import REPOSITORY
from tests.support.workspace import Write

REPOS = ("inventory-py", "todo-ts", "xueji-py")


@pytest.fixture
def repos(tmp_path: Path) -> Iterator[dict[str, Index]]:
    """The three small repositories of the fixtures, indexed."""
    indexes = {}
    for name in REPOS:
        shutil.copytree(REPOSITORY / "fixtures" / "repos" / name, tmp_path / name)
        building.update(tmp_path / name)
        indexes[name] = Index(tmp_path / name)
    yield indexes
    for index in indexes.values():
        index.close()


def test_definitions_by_name(repos: dict[str, Index]) -> None:
    (found,) = repos["inventory-py"].definitions_named(["Storage"])
    assert (found.path, found.kind) == ("inventory/storage.py", "class")
    assert found.signature.startswith("class Storage")
    text = repos["inventory-py"].text_of(found.path, found.span)
    assert text is not None
    assert "class Storage" in text
    assert repos["todo-ts"].definitions_named(["nothing", "neither"]) == []


def test_definitions_of_a_file_are_in_its_order(repos: dict[str, Index]) -> None:
    for index in repos.values():
        for path in index.paths_matching("models") or index.paths_matching("types"):
            starts = [found.span.start for found in index.definitions_in(path)]
            assert starts
            assert starts == sorted(starts)


def test_who_imports_and_who_uses(repos: dict[str, Index]) -> None:
    index = repos["inventory-py"]
    importing = index.files_importing("inventory/models.py")
    assert "inventory/storage.py" in importing
    assert "inventory/models.py" not in importing
    using = index.files_referencing("Storage")
    assert "tests/test_service.py" in using
    at = index.first_reference("tests/test_service.py", "Storage")
    text = index.text_of("tests/test_service.py")
    assert at is not None
    assert text is not None
    assert text[at:].startswith("Storage")
    assert repos["todo-ts"].files_importing("src/store.ts")


def test_search_finds_by_parts_of_names_and_by_chinese(repos: dict[str, Index]) -> None:
    chunks = repos["xueji-py"].search(words_of("学生 成绩"), limit=3)
    assert chunks
    assert all(chunks[at].score >= chunks[at + 1].score for at in range(len(chunks) - 1))
    text = repos["xueji-py"].text_of(chunks[0].path, chunks[0].span)
    assert text is not None
    assert "学生" in text
    best = repos["inventory-py"].search(words_of("reorder_point discount"), limit=1)
    assert best


def test_the_nearest_of_many_definitions_come_first(write: Write) -> None:
    root = write({f"p{n:02}/a.py": "def run(): ...\n" for n in range(40)})
    building.update(root)
    index = Index(root)
    near = index.definitions_named(["run"], limit=3, near="p20/a.py")
    assert {found.path for found in near} <= {f"p{n}/a.py" for n in (18, 19, 20, 21, 22)}
    assert near[0].path == "p20/a.py"
    assert len(index.definitions_named(["run"], limit=3)) == 3
    index.close()


def test_an_open_editor_wins_over_the_disk(write: Write) -> None:
    root = write({"a.py": "def old(): ...\n", "b.py": "import a\na.old()\n"})
    building.update(root)
    index = Index(root)
    before = index.epoch
    index.set_overlay("a.py", "def newer(): ...\n", "python")
    assert index.epoch != before
    assert index.definitions_named(["old"]) == []
    (found,) = index.definitions_named(["newer"])
    assert index.text_of("a.py", found.span) == "def newer(): ..."
    assert [chunk.path for chunk in index.search(["newer"])] == ["a.py"]
    assert index.search(["old"])[0].path == "b.py"
    index.set_overlay("c.py", "from a import old\nold()\n", "python")  # a file that is not on the disk yet
    assert index.files_importing("a.py") == ["c.py", "b.py"]
    assert index.files_referencing("old") == ["c.py", "b.py"]
    index.drop_overlay("a.py")
    assert [found.path for found in index.definitions_named(["old"])] == ["a.py"]
    index.close()


def test_text_that_is_no_longer_what_was_indexed_is_not_given(write: Write) -> None:
    root = write({"a.py": "def old(): ...\n"})
    building.update(root)
    index = Index(root)
    assert index.text_of("a.py") == "def old(): ...\n"
    (root / "a.py").write_text("# moved down\ndef old(): ...\n")
    assert index.text_of("a.py") is None
    building.update(root)
    assert index.text_of("a.py") == "# moved down\ndef old(): ...\n"
    index.close()


def test_the_texts_that_are_kept_are_bounded(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_TEXT_CHARS_KEPT", 1000)
    root = write({f"f{number}.py": f"x = {number}\n" + "# text\n" * 50 for number in range(9)})
    (root / "long.py").write_text("# a longer one\n" * 100)
    building.update(root)
    index = Index(root)
    for path in [*(f"f{number}.py" for number in range(9)), "long.py", "f0.py"]:
        assert index.text_of(path) == (root / path).read_text()
        assert sum(len(text) for _, text in index._texts.values()) <= 1000
    index.close()


def test_a_reader_sees_what_a_writer_adds(write: Write) -> None:
    root = write({"a.py": "def one(): ...\n"})
    index = Index(root)
    assert index.definitions_named(["one"]) == []
    assert index.problem == ""
    epochs = [index.epoch]
    building.update(root)
    epochs.append(index.epoch)
    assert index.definitions_named(["one"])
    building.update(root)
    assert index.epoch == epochs[-1]  # nothing has changed
    (root / "a.py").write_text("def two(): ...\n")
    building.update(root)
    epochs.append(index.epoch)
    assert index.definitions_named(["two"])
    building.update(root, must_rebuild="because")
    epochs.append(index.epoch)
    assert index.definitions_named(["two"])
    assert len(set(epochs)) == len(epochs)
    index.close()


def test_the_common_words_do_not_drown_the_rare_one(write: Write) -> None:
    filler = "\n".join(f"value_{line} = total(value)" for line in range(20))
    root = write({f"m{n}.py": f"{filler}\n" for n in range(400)} | {"rare.py": "value = quaternion(total)\n"})
    building.update(root)
    index = Index(root)
    assert [chunk.path for chunk in index.search(["value", "total", "quaternion"], limit=1)] == ["rare.py"]
    index.close()


def test_a_notebook_is_its_code(write: Write) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "source": ["def in_cell(rows):\n", "    return rows\n"], "outputs": []},
    ]
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    root = write({"a.ipynb": json.dumps(notebook), "broken.ipynb": "{"})
    assert building.update(root).skipped == {"binary": 1}
    index = Index(root)
    (found,) = index.definitions_named(["in_cell"])
    assert index.text_of(found.path, found.span) == "def in_cell(rows):\n    return rows"
    index.close()
