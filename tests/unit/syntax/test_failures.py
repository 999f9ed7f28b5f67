"""What can fail in a function and is not handled there."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import code, failures
from qwen_lsp.syntax.code import Source
from qwen_lsp.syntax.languages import find


def parsed(language: str, text: str) -> Source:
    source = code.parse(text, find(language, ""))
    assert source is not None
    return source


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("python", "def f(a):\n    return open(a).read()\n", ["open(a).read()", "open(a)"]),
        ("python", "def f(a):\n    try:\n        return open(a)\n    except OSError:\n        raise\n", []),
        ("python", "def f(a):\n    return int(a) + requests.get(a) + d.get(a)\n", ["int(a)", "requests.get(a)"]),
        ("python", "def f(a):\n    return re.match(a, b) or openness(a) or a.reader()\n", []),
        ("javascript", "async function f(a) { return JSON.parse(await g(a)) }", ["JSON.parse(await g(a))", "await g(a)"]),
        ("java", "class A { int f(String a) { return Integer.parseInt(a) + String.valueOf(a).length(); } }", ["Integer.parseInt(a)"]),
        ("go", "package a\nfunc f() int {\n\tb, _ := g()\n\treturn b\n}\n", ["g()"]),
        ("go", "package a\nfunc f() (int, error) {\n\tb, err := g()\n\treturn b, err\n}\n", []),
    ],
)  # fmt: skip
def test_what_can_fail(language: str, text: str, found: list[str]) -> None:
    assert failures.risks(parsed(language, text)) == found


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("python", "def f(a, b, c=None, *, d: str):\n    return a.x + c.x + d.x\n", ["a"]),
        ("python", "def f(a, b):\n    if a is None:\n        a = g()\n    return a.x + (b and b.x)\n", []),
        (
            "java",
            "class A { int f(String a, B b) { if (b == null) { return 0; } return a.length() + b.c; } }",
            ["a"],
        ),
        ("javascript", "function f (a, b, c) { if (!b) { return } return a.x + b.x + c?.x }", ["a"]),
        ("typescript", "function f(a: A) { return a.x }", []),
    ],
)
def test_parameters_that_nobody_asks_about(language: str, text: str, found: list[str]) -> None:
    source = parsed(language, text)
    function = next(one for one in source.definitions() if one.is_function)
    assert failures.unchecked_parameters(source, function) == found


def test_guards() -> None:
    text = "def f(a):\n    if a  is None:\n        raise ValueError\n    if a:\n        return 1\n    if b:\n        g()\n"
    assert failures.guards(parsed("python", text)) == [("a is None", True), ("a", False)]
