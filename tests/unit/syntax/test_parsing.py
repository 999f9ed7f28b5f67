"""What the parser says of a piece of source; it never fails a feature (invariant 6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.syntax import languages, parsing
from qwen_lsp.syntax.languages import Language
from tests.support.places import split

PYTHON = languages.find("python", None)
TYPESCRIPT = languages.find("typescript", None)
UNKNOWN = Language(("none",), (".none",), "#", "tree_sitter_of_nothing:language")


@pytest.mark.parametrize(
    ("text", "has_errors"),
    [
        ("", False),
        ("def f(x):\n    return x\n", False),
        ("价格 = '😀'\r\n", False),
        ("def f(:\n", True),
        ("x = (1\n", True),
    ],
)
def test_errors(text: str, has_errors: bool) -> None:
    count = parsing.error_count(text, PYTHON)
    assert count is not None
    assert (count > 0) == has_errors


@pytest.mark.parametrize(
    ("language", "marked", "kind"),
    [
        (PYTHON, "x = ║\n", "code"),
        (PYTHON, "x = 1  # a no║\n", "comment"),
        (PYTHON, "# 中文注释，说║\n", "comment"),
        (PYTHON, "x = 'te║xt'\n", "string"),
        (PYTHON, 'x = f"{na║me}"\n', "code"),
        (PYTHON, "║", "code"),
        (TYPESCRIPT, "const a = `x${b║}`;\n", "code"),
        (TYPESCRIPT, "/* a ║ */\n", "comment"),
    ],
)
def test_what_the_cursor_stands_in(language: Language, marked: str, kind: str) -> None:
    assert parsing.place_kind(*split(marked), language) == kind


@pytest.mark.parametrize("language", [None, UNKNOWN])
def test_without_a_grammar_nothing_is_known(language: Language | None) -> None:
    assert parsing.error_count("def f(:", language) is None
    assert parsing.place_kind("# a", "", language) == "code"


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from([PYTHON, TYPESCRIPT]))
def test_any_text_at_all(before: str, after: str, language: Language) -> None:
    before, after = (text.encode("utf-8", "replace").decode() for text in (before, after))
    assert parsing.place_kind(before, after, language) in ("code", "string", "comment")
    assert (parsing.error_count(before + after, language) or 0) >= 0
