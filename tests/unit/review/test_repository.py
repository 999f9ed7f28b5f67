"""What a review learns from the index: signatures of what a changed line calls, and which names exist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from qwen_lsp.index import building
from qwen_lsp.review.change.change import ChangedFile, compare
from qwen_lsp.review.change.units import units
from qwen_lsp.review.find import repository
from qwen_lsp.review.find.surroundings import hole

HERE = "from shop import total\n\n\ndef f(a):\n    return total(a, 3) + f(a) + len(a)\n"


def test_signatures_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "shop.py").write_text("def total(items, tax):\n    return sum(items) * tax\n")
    (root / "main.py").write_text(HERE)
    monkeypatch.setenv("QWEN_LSP_INDEX", str(tmp_path / "index"))
    building.update(root)
    known = repository.at(root)
    assert known.has("total")
    assert not known.has("nothing_of_that_name")
    (unit,) = units(ChangedFile(compare("main.py", "", HERE), "", HERE))[-1:]
    informed = known.enrich(replace(unit, changed=frozenset({5})))
    assert informed.signatures == ("def total(items, tax)",)
    assert "# def total(items, tax)\n" in hole(informed, 5).before
    assert informed.key != replace(informed, signatures=()).key


def test_without_an_index_nothing_is_known(tmp_path: Path) -> None:
    for known in (repository.at(None), repository.at(tmp_path)):
        assert not known.has("total")
        (unit,) = units(ChangedFile(compare("main.py", None, HERE), None, HERE))[-1:]
        assert known.enrich(unit) is unit
