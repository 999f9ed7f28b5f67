"""The protocol's types work as before when they have lost what only debuggers read."""

from __future__ import annotations

import linecache

import attrs
import pytest
from lsprotocol import types

from qwen_lsp.lsp import lean_types
from qwen_lsp.lsp.tolerance import converter


@pytest.fixture(autouse=True)
def lightened() -> None:
    lean_types.lighten()


def test_methods_know_the_names_that_they_use_and_no_more() -> None:
    classes = [one for one in vars(types).values() if isinstance(one, type) and attrs.has(one)]
    assert len(classes) > 500
    assert max(len(one.__init__.__globals__) for one in classes) < 100
    assert "Position" not in types.CodeAction.__init__.__globals__
    assert not [file for file in linecache.cache if file.startswith("<attrs generated")]


def test_values_are_made_checked_compared_and_written() -> None:
    range_ = types.Range(types.Position(1, 2), types.Position(1, 4))
    assert range_ == types.Range(types.Position(1, 2), types.Position(1, 4))
    assert range_ != types.Range(types.Position(1, 2), types.Position(1, 5))
    assert repr(types.CodeAction("Do it")).startswith("CodeAction(title='Do it'")
    with pytest.raises(TypeError):
        types.CodeAction(title=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="in range"):
        types.Position(-1, 0)
    both = converter()
    action = types.CodeAction("Do it", kind=types.CodeActionKind.QuickFix, is_preferred=True)
    assert both.structure(both.unstructure(action), types.CodeAction) == action
