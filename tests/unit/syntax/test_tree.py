"""Trees: places in bytes and code points, and parsing again after edits."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_lsp.syntax import languages
from qwen_lsp.syntax.outline import outline_tree
from qwen_lsp.syntax.tree import Tree, parse, reparse
from qwen_lsp.text import Edit, Span
from tests.unit.syntax import golden

SOURCES = {path.name: golden.read(path) for path in golden.SOURCES}
MIXED = st.text("ab é中文😀𐍈ߐ\r\n", max_size=40)


def tree_of(text: str, name: str = "a.py") -> Tree:
    tree = parse(text, languages.find("", name))
    assert tree is not None
    return tree


def nodes(tree: Tree) -> list[tuple[str, int, int, bool, bool]]:
    """List every node of a tree."""
    found, pending = [], [tree.syntax.root_node]
    while pending:
        node = pending.pop()
        found.append((node.type, node.start_byte, node.end_byte, node.is_missing, node.has_error))
        pending += reversed(node.children)
    return found


@given(MIXED)
def test_bytes_and_code_points(text: str) -> None:
    tree = tree_of(text)
    for offset in range(len(text) + 1):
        byte = len(text[:offset].encode())
        assert tree.byte(offset) == byte
        assert tree.offset(byte) == offset


def test_a_byte_inside_a_character_belongs_to_it() -> None:
    tree = tree_of("a中😀b")
    assert [tree.offset(byte) for byte in range(9)] == [0, 1, 1, 1, 2, 2, 2, 2, 3]


def test_a_lone_surrogate_keeps_every_offset() -> None:
    tree = tree_of("x = '\ud800'\ny = 1\n")
    assert len(tree.text) == len("x = '\ud800'\ny = 1\n")
    assert [entry.span.start for entry in outline_tree(tree).definitions] == [0, 8]


@st.composite
def edits(draw: st.DrawFn, text: str) -> list[Edit]:
    found = []
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + draw(st.sampled_from([0, 0, 1, 5, 60])))))
        new = draw(
            st.one_of(
                MIXED,
                st.sampled_from(
                    ["", "\n", "\r\n", "    ", "(", "}", "def f():\n    pass\n", "中文", '"', "'''"]
                ),
            )
        )
        found.append(Edit(Span(start, end), new))
        text = text[:start] + new + text[end:]
    return found


@given(st.sampled_from(sorted(SOURCES)), st.booleans(), st.data())
@settings(max_examples=400, deadline=None)
def test_parsing_again_after_edits_is_parsing_afresh(name: str, is_dos: bool, data: st.DataObject) -> None:
    text = SOURCES[name].replace("\n", "\r\n") if is_dos else SOURCES[name]
    before = tree_of(text, name)
    same = nodes(before)
    changes = data.draw(edits(text))
    after = reparse(before, changes)
    for edit in changes:
        text = text[: edit.span.start] + edit.new_text + text[edit.span.end :]
    afresh = tree_of(text, name)
    assert after.text == afresh.text
    assert after.data == afresh.data
    assert (after.bytes_at, after.offsets_at, after.widths) == (
        afresh.bytes_at,
        afresh.offsets_at,
        afresh.widths,
    )
    if not afresh.syntax.root_node.has_error:
        assert nodes(after) == nodes(afresh)
        assert outline_tree(after) == outline_tree(afresh)
    assert nodes(before) == same, "the old tree is as it was"


def test_an_edit_shares_what_it_left_alone() -> None:
    text = "def f(x):\n    return x + 1\n" * 2000
    before = tree_of(text)
    middle = text.index("+ 1", len(text) // 2)
    after = reparse(before, [Edit(Span(middle, middle + 3), "* 20")])

    def parts(tree: Tree) -> set[int]:
        """The identities of the nodes three levels down: those of a tree parsed afresh are all new."""
        level = tree.syntax.root_node.children
        for _ in range(2):
            level = [part for node in level for part in node.children]
        return {node.id for node in level}

    assert len(parts(after) - parts(before)) < 0.6 * len(parts(after))
    assert len(parts(tree_of(after.text)) - parts(before)) == len(parts(after))


def test_a_slow_parse_is_stopped() -> None:
    text = "def f(x):\n    return x + 1\n" * 50_000
    with pytest.raises(TimeoutError):
        parse(text, languages.find("python", None), deadline_ms=1)
    before = tree_of("x = 1\n")
    with pytest.raises(TimeoutError):
        reparse(before, [Edit(Span(0, 0), text)], deadline_ms=1)


def test_without_a_grammar_there_is_no_tree() -> None:
    assert parse("x", None) is None
