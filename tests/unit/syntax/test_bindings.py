"""The names alive at a place, and the types that the syntax shows for them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_lsp.syntax import languages
from qwen_lsp.syntax.bindings import bindings, type_name
from qwen_lsp.syntax.tree import parse
from tests.support.places import REPOSITORY, split
from tests.unit.syntax import golden

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = REPOSITORY / "fixtures" / "syntax" / "bindings"
CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}-{number}")
    for path in sorted(FOLDER.glob("*.toml"))
    for number, case in enumerate(tomllib.loads(path.read_text("utf-8"))["case"], 1)
]


@pytest.mark.parametrize(("language_id", "case"), CASES)
def test_what_is_bound(language_id: str, case: dict[str, str]) -> None:
    before, after = split(case["text"])
    tree = parse(before + after, languages.find(language_id, None))
    assert tree is not None
    found = bindings(tree, len(before))
    assert (
        " ".join(f"{entry.name}:{entry.type}" if entry.type else entry.name for entry in found)
        == case["bound"]
    )
    assert all(tree.text.startswith(entry.name, entry.offset) for entry in found)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Order", "Order"),
        ("'Order'", "Order"),
        ("Optional[models.Order]", "models.Order"),
        ("None | Order", "Order"),
        ("Order | None", "Order"),
        ("list[Order]", "list"),
        ("Promise<Order | undefined>", "Order"),
        ("&'a mut Order<'a>", "Order"),
        ("*pkg.Order", "pkg.Order"),
        ("[]*Order", "Order"),
        ("Option<Rc<RefCell<Node>>>", "Node"),
        ("const std::vector<Item>&", "std::vector"),
        ("订单", "订单"),
        ("var", None),
        ("", None),
        ("()", None),
        ("Optional[" * 50, None),
    ],
)
def test_the_name_of_a_type(written: str, name: str | None) -> None:
    assert type_name(written) == name


@given(st.sampled_from(golden.SOURCES), st.data())
@settings(max_examples=200, deadline=None)
def test_any_place(path: Path, data: st.DataObject) -> None:
    text = golden.read(path)
    cut = data.draw(st.integers(0, len(text)))
    text = text[:cut] + text[data.draw(st.integers(cut, min(len(text), cut + 100))) :]
    tree = parse(text, languages.find("", path.name))
    assert tree is not None
    place = data.draw(st.integers(0, len(text)))
    found = bindings(tree, place)
    assert all(0 <= entry.offset < place for entry in found)
    assert len({entry.name for entry in found}) == len(found)
