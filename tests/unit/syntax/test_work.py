"""Figures of code, by which one version is simpler than another or does less."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import code, work
from qwen_lsp.syntax.languages import find
from qwen_lsp.syntax.work import Work


def of(text: str, language: str = "python") -> Work:
    source = code.parse(text, find(language, ""))
    assert source is not None
    return work.of(source)


@pytest.mark.parametrize(
    ("language", "text", "complexity"),
    [
        ("python", "def f(a):\n    return a\n", 0),
        ("python", "def f(a):\n    if a:\n        return 1\n    elif b:\n        return 2\n    else:\n        return 3\n", 3),
        ("python", "def f(a):\n    for b in a:\n        if b:\n            g(b)\n", 3),
        ("javascript", "function f(a) { if (a) { return 1 } else if (b) { return 2 } else { return 3 } }", 3),
        ("java", "class A { int f(int a) { if (a > 1) { return 1; } else if (a > 2) { return 2; } return 3; } }", 2),
        ("go", "package a\nfunc f() {\n\tfor {\n\t\tif g() {\n\t\t\treturn\n\t\t}\n\t}\n}\n", 3),
    ],
)  # fmt: skip
def test_complexity(language: str, text: str, complexity: int) -> None:
    assert of(text, language).complexity == complexity


LOOP = "def f(a):\n    b = []\n    for c in a:\n        if c:\n            b.append(g(c))\n    return b\n"


@pytest.mark.parametrize(
    ("before", "after", "is_simpler"),
    [
        (LOOP, "def f(a):\n    return [g(c) for c in a if c]\n", True),
        (LOOP, LOOP.replace("if c:", "if c is not None and c != 0:"), False),
        (LOOP, LOOP, False),
        ("def f(a):\n    b = a.c()\n    return b\n", "def f(a):\n    return a.c()\n", True),
        ("def f(a):\n    if a:\n        return 1\n    return 2\n", "def f(a):\n    return (lambda b, c: b if a else c)(1, 2)\n", False),
    ],
)  # fmt: skip
def test_simpler(before: str, after: str, *, is_simpler: bool) -> None:
    assert of(after).is_simpler(of(before)) == is_simpler


@pytest.mark.parametrize(
    ("before", "after", "is_less"),
    [
        ("for a in b:\n    g(len(b))\n", "n = len(b)\nfor a in b:\n    g(n)\n", True),
        ("for a in b:\n    g(a)\n", "for a in b:\n    c = a\n    g(c)\n", False),
        ("for a in b:\n    for c in d:\n        g(c)\n", "for c in d:\n    g(c)\n", True),
        ("g(f(a), f(a))\n", "b = f(a)\ng(b, b)\n", True),
        ("g(a)\n", "b = a\ng(b)\n", False),
        ("for a in b:\n    g(a)\n", "c = h(b)\nd = h(c)\ne = h(d)\nfor a in b:\n    a()\n", False),
    ],
)
def test_less(before: str, after: str, *, is_less: bool) -> None:
    assert of(after).is_less(of(before)) == is_less
