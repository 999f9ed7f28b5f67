"""The protocol's types work as before when they have lost what only debuggers read."""

from __future__ import annotations

import linecache
import subprocess
import sys

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
    assert len({one.__repr__ for one in classes}) < 10
    assert len({one.__eq__ for one in classes}) < 10
    assert len({type(attrs.fields(one)) for one in classes}) == 1
    assert "Position" not in types.CodeAction.__init__.__globals__
    assert not [file for file in linecache.cache if file.startswith("<attrs generated")]


def test_values_are_made_checked_compared_and_written() -> None:
    range_ = types.Range(types.Position(1, 2), types.Position(1, 4))
    assert range_ == types.Range(types.Position(1, 2), types.Position(1, 4))
    assert range_ != types.Range(types.Position(1, 2), types.Position(1, 5))
    assert repr(types.CodeAction("Do it")).startswith("CodeAction(title='Do it', kind=None")
    assert range_ != types.Location("a", range_)
    assert attrs.fields(types.CodeAction).kind.name == "kind"
    assert not hasattr(attrs.fields(types.CodeAction), "nothing")
    with pytest.raises(TypeError):
        types.CodeAction(title=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="in range"):
        types.Position(-1, 0)
    both = converter()
    action = types.CodeAction("Do it", kind=types.CodeActionKind.QuickFix, is_preferred=True)
    assert both.structure(both.unstructure(action), types.CodeAction) == action


def test_each_is_light_before_the_next_one_is_made() -> None:
    """So its memory is used again: the most that is ever needed is little more than what is kept."""
    code = (
        "import tracemalloc, attrs, cattrs; tracemalloc.start()\n"
        "from qwen_lsp.lsp import lean_types; lean_types.lighten()\n"
        "print(*tracemalloc.get_traced_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kept, most = map(int, done.stdout.split())
    assert most < 1.5 * kept
