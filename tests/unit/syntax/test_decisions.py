"""Two versions of a function: the same decisions or others."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import code, decisions, languages
from qwen_lsp.syntax.decisions import Decisions

JAVA = "class A { int f(Object a, Object b) { %s } }"
NULLS = "if (a == null && b == null) { return 0; } else if (a == null) { return -1; } return 1;"
SAME = [
    ("java", JAVA % NULLS, JAVA % "if (a == null) { if (b == null) { return 0; } return -1; } return 1;"),
    ("java", JAVA % NULLS, JAVA % "if (a != null) { return 1; } return null == b ? 0 : -1;"),
    ("go", "package a\nfunc F(a, b bool) int {\n\tif !a && !b {\n\t\treturn 1\n\t}\n\treturn 2\n}\n",
     "package a\nfunc F(a, b bool) int {\n\tif !(a || b) {\n\t\treturn 1\n\t}\n\treturn 2\n}\n"),
    ("python", "def f(a):\n    if a == 1:\n        return True\n    else:\n        return False\n",
     "def f(a):\n    # short\n    return a == 1\n"),
    ("python", "def f(a, b):\n    if a > b:\n        x()\n        return 1\n    elif not a:\n        return 2\n    y()\n",
     "def f(a, b):\n    if a <= b:\n        if not a:\n            return 2\n        y()\n        return\n    x()\n    return 1\n"),
    ("typescript", "function f(a: number) { if (!a) { return 1 } else { return 2 } }",
     "const f = (a: number) => { return a ? 2 : 1 }"),
]  # fmt: skip
OTHER = [
    ("java", JAVA % NULLS, JAVA % "if (a == null) { return -1; } return 1;"),
    ("java", JAVA % "if (!a && !b) { x(); }", JAVA % "if (!(a && b)) { x(); }"),
    (
        "python",
        "def f(a):\n    if a:\n        x()\n    y()\n",
        "def f(a):\n    y()\n    if a:\n        x()\n",
    ),
    ("python", "def f(a, b):\n    return a < b\n", "def f(a, b):\n    return a <= b\n"),
]


def read(language: str, text: str) -> Decisions:
    source = code.parse(text, languages.find(language, ""))
    assert source is not None
    found = decisions.of(source)
    assert found is not None
    return found


def agree(one: Decisions, other: Decisions) -> bool:
    table = list(decisions.rows(one.atoms | other.atoms))
    assert table

    def plain(trace: tuple[str, ...]) -> tuple[str, ...]:
        return trace[:-1] if trace[-1:] == ("return",) else trace

    return all(plain(one.outcome(row)) == plain(other.outcome(row)) for row in table)


@pytest.mark.parametrize(("language", "before", "after"), SAME)
def test_the_same(language: str, before: str, after: str) -> None:
    assert agree(read(language, before), read(language, after))


@pytest.mark.parametrize(("language", "before", "after"), OTHER)
def test_others(language: str, before: str, after: str) -> None:
    assert not agree(read(language, before), read(language, after))


@pytest.mark.parametrize(
    ("before", "after", "is_equal", "is_negated"),
    [
        ("not a and not b", "not (a or b)", True, False),
        ("a and b", "a or b", False, False),
        ("a", "not a", True, True),
    ],
)
def test_conditions(before: str, after: str, is_equal: bool, is_negated: bool) -> None:
    one, other = (
        read("python", f"def f(a, b):\n    if {text}:\n        x()\n").conditions[0]
        for text in (before, after)
    )
    assert one.equals(other, negated=is_negated) == is_equal


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "x = 1\n"),
        ("go", "package a\nfunc F() {\n\tif x, ok := m[1]; ok {\n\t\tuse(x)\n\t}\n}\n"),
        ("python", "def f():\n" + "".join(f"    if a{n}:\n        x()\n" for n in range(11))),
    ],
)
def test_no_table(language: str, text: str) -> None:
    source = code.parse(text, languages.find(language, ""))
    assert source is not None
    assert decisions.of(source) is None
