"""Notebooks: cells, the one source of their code, and damaged files."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.syntax import languages, notebook
from qwen_lsp.syntax.notebook import CellKind
from qwen_lsp.syntax.outline import outline
from tests.support.places import REPOSITORY

TEXT = (REPOSITORY / "fixtures" / "syntax" / "notebooks" / "orders.ipynb").read_text("utf-8")


def test_a_real_one() -> None:
    found = notebook.read(TEXT)
    assert found.problem is None
    assert [(cell.kind, cell.language) for cell in found.cells] == [
        ("markdown", "markdown"),
        ("code", "python"),
        ("code", "python"),
        ("code", "shellscript"),
        ("raw", ""),
        ("code", "python"),
    ]
    assert found.source.splitlines()[:3] == [
        "#matplotlib inline",
        "#pip install pandas",
        "import pandas as pd",
    ]
    assert "ls -l" not in found.source
    compile(found.source, "notebook", "exec")
    outlined = outline(found.source, languages.find(found.language, None))
    assert [entry.name for entry in outlined.definitions] == ["总价", "orders"]
    start = outlined.definitions[0].span.start
    assert found.place(start) == (2, 0)


def test_places_go_both_ways() -> None:
    found = notebook.read(TEXT)
    for number, cell in enumerate(found.cells):
        for offset in range(len(cell.text)):
            at = found.offset(number, offset)
            assert (at is None) == (cell.start is None)
            if at is not None:
                assert found.place(at) == (number, offset)
                assert found.source[at] in (cell.text[offset], "#")


CELL = st.tuples(
    st.sampled_from(["code", "markdown", "raw"]),
    st.sampled_from(["python", "sql"]),
    st.text("a%!?# \n\r中=", max_size=20),
)


@given(st.lists(CELL, max_size=6))
def test_nothing_moves(cells: list[tuple[CellKind, str, str]]) -> None:
    found = notebook.join(cells)
    assert [cell.text for cell in found.cells] == [text for _, _, text in cells]
    for number, cell in enumerate(found.cells):
        if cell.start is not None:
            shown = found.source[cell.start : cell.start + len(cell.text)]
            assert len(shown) == len(cell.text)
            assert all(new in (old, "#") for new, old in zip(shown, cell.text, strict=True))
            assert found.offset(number, 0) == cell.start


def test_the_third_format() -> None:
    text = json.dumps({"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1\n"]}]}]})
    assert notebook.read(text).source == "x = 1\n"


def test_other_languages_have_no_magics() -> None:
    data = {"metadata": {"kernelspec": {"language": "R"}}, "cells": [{"cell_type": "code", "source": "!x"}]}
    found = notebook.read(json.dumps(data))
    assert (found.language, found.source) == ("r", "!x\n")


def test_a_notebook_without_code_has_no_places() -> None:
    with pytest.raises(ValueError, match="without code"):
        notebook.join([("markdown", "markdown", "text")]).place(0)


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "1" * 10_000, "\0", "\ud800", '{"cells": 1}', TEXT[:-40]]
)
def test_a_damaged_one_has_a_problem(text: str) -> None:
    found = notebook.read(text)
    assert found.problem
    assert found.cells == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "cell_type", "source", "metadata", "language_info", "name", "worksheets"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_at_all(data: object) -> None:
    found = notebook.read(json.dumps(data))
    assert isinstance(found.source, str)
    assert all(isinstance(cell.text, str) for cell in found.cells)
