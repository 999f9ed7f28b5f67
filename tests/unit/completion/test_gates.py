"""Whether an answer may be shown: it must not break what is whole, nor hide behind what is broken already."""

from __future__ import annotations

import pytest

from qwen_lsp.completion import gates
from qwen_lsp.syntax import languages
from tests.support.places import split


def held_back(marked: str, text: str, language: str) -> bool:
    before, after = split(marked)
    return gates.syntax(before, text, after, languages.find(language, None)) is not None


@pytest.mark.parametrize(
    ("language", "marked", "text"),
    [
        ("javascript", "function f(t) {\n  return [...t].║;\n}\n", "reduce((acc, char) => {"),
        ("javascript", "function f(t) {\n  return t.║;\n}\n", "map((x) => x"),
        ("python", "def f(x):\n    y = x.║\n    return y\n", "get(1, [2"),
        ("go", "package a\n\nfunc f(t string) string {\n\treturn g(t, ║, -1)\n}\n", '" ", "")'),
        ("go", "package a\n\nfunc f() error {\n\terr := g()\n\t║\n\treturn nil\n}\n", "if err !="),
        (
            "java",
            "class A {\n  int f(int a) {\n    ║\n    return a;\n  }\n}\n",
            "if (a < 0) {\n      return 0;",
        ),
    ],
)
def test_a_new_error_does_not_hide_behind_an_old_one(language: str, marked: str, text: str) -> None:
    assert held_back(marked, text, language)


@pytest.mark.parametrize(
    ("language", "marked", "text"),
    [
        ("javascript", "function f(t) {\n  return [...t].║;\n}\n", "length"),
        ("javascript", "function f(t) {\n  if (t ║\n", "> 1) {\n    return t;\n  }\n}"),
        ("python", "def f(x):\n    y = x.║\n    return y\n", "get(1)"),
        ("python", "def f(x:\n    return 1\n\ndef g(y):\n    ║\n", "return y"),
        (
            "go",
            "package a\n\nfunc f() error {\n\terr := g()\n\t║\n\treturn nil\n}\n",
            "if err != nil {\n\t\treturn err\n\t}",
        ),
        ("klingon", "x ║", "((("),
    ],
)
def test_broken_surroundings_hold_no_good_answer_back(language: str, marked: str, text: str) -> None:
    assert not held_back(marked, text, language)
