"""What an index tells an action: meanings of names in other files, and how they are brought in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen_lsp.actions import repository
from qwen_lsp.actions.task import RepositoryContext
from qwen_lsp.index import building
from qwen_lsp.index.reader import Index
from qwen_lsp.text import Document, Span
from tests.support.isolation import isolate_user

FILES = {
    "shop/__init__.py": "",
    "shop/store.py": (
        "class Store:\n    def __init__(self, path: str) -> None:\n        self.path = path\n\n"
        "    def load(self, name: str, strict: bool = True) -> list[str]:\n        return []\n"
    ),
    "shop/money.py": (
        "def round_money(amount: float) -> float:\n    return amount\n\n\ndef twice(a):\n    return a\n"
    ),
    "shop/other.py": "def twice(a):\n    return a\n",
}
USE = (
    "from shop.money import round_money\nfrom shop.store import Store\n\n\n"
    "def own(a):\n    return a\n\n\n"
    "def use(store: Store):\n    names = store.load('x')\n    return round_money(own(len(names)))\n"
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    isolate_user(monkeypatch, tmp_path / "home")
    root = tmp_path / "root"
    for name, text in {**FILES, "shop/use.py": USE}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    building.update(root)
    index = Index(root)
    yield index
    index.close()


def test_what_names_mean_elsewhere(index: Index) -> None:
    document = Document("file:///use.py", USE, 1, "python")
    region = Span(USE.index("def use"), len(USE) - 1)
    found = repository.used(index, "shop/use.py", document, region, {"Store", "round_money", "own", "len"})
    assert "def round_money(amount: float) -> float" in found
    store = next(i for i, line in enumerate(found) if line.startswith("class Store"))
    assert any(
        "def load(self, name: str, strict: bool = True) -> list[str]" in line for line in found[store:]
    )
    assert not any("own" in line for line in found), "the document itself is shown already"


def test_how_names_are_brought_in(index: Index) -> None:
    assert repository.import_of(index, "shop/use.py", "Store") == "from shop.store import Store"
    assert repository.import_of(index, "shop/use.py", "twice") == "", "two modules have one"
    assert repository.import_of(index, "shop/use.py", "own") == "", "it is the file's own"
    assert repository.import_of(index, "shop/use.py", "nowhere") == ""
    assert repository.import_of(index, "shop/use.ts", "Store") == ""
    known = repository.enrich(RepositoryContext(), index, "shop/use.py")
    assert known.is_known("Store")
    assert not known.is_known("twice")
