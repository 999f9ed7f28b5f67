"""Types of headers: what syntax says of each hole, and which types may stand in a file."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import code, python_types, typescript_types
from qwen_lsp.syntax.annotations import holes
from qwen_lsp.syntax.languages import Language, find


def language(name: str) -> Language:
    found = find(name, None)
    assert found is not None
    return found


def shapes(text: str, name: str = "python") -> dict[str, str]:
    source = code.parse(text, language(name))
    assert source is not None
    (function, *_) = [one for one in source.definitions() if one.is_function]
    return {
        one.name: " or ".join(one.shapes) + (" or None" if one.takes_none else "")
        for one in holes(source, function)
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(a, b: int, c=True, *d, e='x', **g):\n    pass\n", "a=…, c=bool, d=…, e=str, g=…, =…"),
        ("class A:\n    def f(self, a=None):\n        print(a)\n", "a=… or None, =None"),
        ("class A:\n    @staticmethod\n    def f(a=-1): ...\n", "a=int or float, =…"),
        ("class A:\n    def __len__(self): return self.n\n", "=int"),
        ("class A:\n    def f(self):\n        return self\n", "=A"),
        ("def f(a=[], b={}, c=(), d=b'', e=not 1):\n    yield 1\n",
         "a=list[…], b=dict[…, …], c=…, d=bytes, e=…, =Iterator[…]"),
        ("async def f():\n    yield 1\n", "=AsyncIterator[…]"),
        ("def f():\n    yield 1\n    return 2\n", ""),
        ("def f():\n    if x:\n        return 'a'\n", "=str or None"),
        ("def f():\n    if x:\n        return True\n    return False\n", "=bool"),
        ("def f():\n    def g():\n        return 1\n    g()\n", "=None"),
        ("def f() -> int:\n    return 1\n", ""),
        ("def f(a, b):\n    def g(c):\n        c[a] = b[a]\n    g({})\n", "b=…, =None"),
        ("def f():\n    raise NotImplementedError\n", "=…"),
    ],
)  # fmt: skip
def test_what_python_says(text: str, found: str) -> None:
    assert ", ".join(f"{name}={shape}" for name, shape in shapes(text).items()) == found


A_FIELD = "class A { at: Path = []; get path() { if (this.b) { g(); } return this.at; } }"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("function f(a, b?, c: string, d = 1, ...e) { g(); }", "a=…, b=…, e=…[], =void"),
        ("async function f(a) { return a; }", "a=…, =Promise<…>"),
        ("async function f() { g(); }", "=Promise<void>"),
        ("function* f() { yield 1; }", ""),
        ("class A { constructor(a) { this.a = a; } }", "a=…"),
        ("const f = (a) => a * 2;", "a=…"),
        ("function f() { if (x) { return `a`; } return 'b'; }", "=string"),
        ("function f(x) { if (x) { return true; } }", "x=…"),
        ("function f(x) { if (x) { return true; } return false; }", "x=…, =boolean"),
        ("function f({ a }, b) { throw a; }", "b=…"),
        (A_FIELD, "=Path"),
        (A_FIELD.replace("Path = []", "Path | null = null"), ""),
        (A_FIELD.replace("this.at;", "[...this.at];"), ""),
        ("function f(a: A) { return a.b === 1; }", "=boolean"),
    ],
)
def test_what_typescript_says(text: str, found: str) -> None:
    assert ", ".join(f"{name}={shape}" for name, shape in shapes(text, "typescript").items()) == found


HEAD = """import re
import typing as t
import numpy as np
from pathlib import Path

Pair = tuple[int, int]
x: "int" = np.float64(1)


def helper(): ...


class Shop:
    def list(self): ...

    def f(self, a): ...


class Later: ...
"""


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("int", "int"),
        ("Path | None", "t.Optional[Path]"),
        ("Optional[Union[str, bytes]]", "t.Optional[t.Union[str, bytes]]"),
        ("Dict[str, Any]", "dict[str, t.Any]"),
        ("dict[str]", "dict"),
        ("int[str]", "int"),
        ("tuple[int, ...]", "tuple[int, ...]"),
        ("Callable[[int], callable]", "t.Callable[[int], t.Callable]"),
        ("Callable[int]", "t.Callable"),
        ("Shop", '"Shop"'),
        ("set[Later] | None", '"set[Later] | None"'),
        ("Pair", "Pair"),
        ("Match[str]", "re.Match[str]"),
        ("re.Pattern", "re.Pattern"),
        ("re.compile", None),
        ("np.float64", None),  # in the file it is called, which tells no type
        ("np.ndarray", None),
        ("list[int]", None),  # in this class `list` is a method
        ("helper", None),
        ("Unheard", None),
        ("Repo", '"Repo"'),
        ("__import__('os')", None),
        ("lambda: 0", None),
        ("1", None),
        ("'int'", None),
        ("a b", None),
        ("", None),
        ("[" * 500, None),
        ("int = 1", None),
    ],
)
def test_types_of_python(text: str, written: str | None) -> None:
    where = python_types.scope(HEAD, 16)
    assert where is not None
    line = {"Repo": "from pkg.repo import Repo"}
    found = python_types.settled(text, where, takes_none=False, importing=lambda name: line.get(name, ""))
    assert (found.text if found else None) == written
    assert (found.lines if found else frozenset()) == ({line["Repo"]} if text == "Repo" else set())


@pytest.mark.parametrize(
    ("head", "text", "written", "needs"),
    [
        ("", "Iterable[int]", "Optional[Iterable[int]]", {"collections.abc", "typing"}),
        ("from typing import Any\n", "Iterable[int]", "Optional[Iterable[int]]", {"typing"}),
        ("from __future__ import annotations\n", "Shop", "Shop | None", set()),
        ("def g(a: int | None): ...\n", "int", "int | None", set()),
        ("from typing import List, Optional\n", "list[int]", "Optional[List[int]]", set()),
        ("", "Any", "Any", {"typing"}),
    ],
)
def test_the_ways_of_a_file(head: str, text: str, written: str, needs: set[str]) -> None:
    body = "class Shop:\n    def f(self, a=None): ...\n"
    where = python_types.scope(head + body, head.count("\n") + 2)
    assert where is not None
    found = python_types.settled(text, where, takes_none=True, importing=lambda name: "")
    assert found is not None
    assert (found.text, {module for module, _ in found.typing}) == (written, needs)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("number", True),
        ("Promise<Shop[]>", True),
        ("{ a: string; b?: Shop }", True),
        ("(x: number) => void", True),
        ("express.Request", True),
        ("Unheard", False),
        ("other.Request", False),
        ("number; evil()", False),
        ("number /* */", False),
        ("", False),
    ],
)
def test_types_of_typescript(text: str, *, holds: bool) -> None:
    source = code.parse("import Shop from 's';\nimport * as Express from 'e';\n", language("typescript"))
    assert source is not None
    names = typescript_types.known(source) | {"express"}
    assert typescript_types.holds(text, source.language, names) == holds


def test_a_type_may_begin_with_a_sign() -> None:
    source = code.parse("type $Shop = 1;\nconst $till = 1;\n", language("typescript"))
    assert source is not None
    names = typescript_types.known(source)
    assert typescript_types.holds("$Shop", source.language, names)
    assert not typescript_types.holds("$till", source.language, names)
