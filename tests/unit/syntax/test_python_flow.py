"""What statements take and give: names, paths, and why some cannot be moved."""

from __future__ import annotations

import textwrap

import pytest

from qwen_lsp.syntax.pieces import Piece, Tied
from qwen_lsp.syntax.python_flow import piece


def looked_at(marked: str) -> Piece | Tied | None:
    """Look at the lines between `#<` and `#>`."""
    lines = textwrap.dedent(marked).strip("\n").split("\n")
    first = next(i for i, line in enumerate(lines) if line.strip() == "#<")
    last = next(i for i, line in enumerate(lines) if line.strip() == "#>") - 1
    kept = [line for line in lines if line.strip() not in ("#<", "#>")]
    return piece("\n".join(kept) + "\n", first + 1, last)


@pytest.mark.parametrize(
    ("marked", "parameters", "results"),
    [
        (
            "def f(a, b):\n    t = 0\n    #<\n    for x in a:\n        t += x * b\n    #>\n    return t",
            "a t b",
            "t",
        ),
        (
            "def f(a):\n    #<\n    t = [y for y in a if y]\n    n = len(t)\n    #>\n    return n + t[0]",
            "a",
            "t n",
        ),
        ("def f(a):\n    #<\n    print(a, limit)\n    #>", "a", ""),
        (
            "def f(q):\n    for i in q:\n        #<\n"
            "        k = i\n        print(k)\n        #>\n    return q",
            "i",
            "",
        ),
        (
            "def f(q):\n    k = 0\n    while k < q:\n        #<\n"
            "        if q:\n            k = k + 1\n        #>\n    ",
            "q k",
            "k",
        ),
        ("def f(a):\n    x = a\n    #<\n    x = x + 1\n    #>\n    x = 2\n    return x", "x", ""),
        ("def f(a):\n    #<\n    def g(y):\n        return y + a\n    #>\n    return g", "a", "g"),
        ("def f(a):\n    #<\n    with a as b, b.c as d:\n        e = d\n    #>\n    return e", "a", "e"),
        (
            "def f(a):\n    #<\n    try:\n        v = int(a)\n"
            "    except ValueError:\n        v = 0\n    #>\n    return v",
            "a",
            "v",
        ),
        ("def f(a):\n    n = a\n    #<\n    n = 1\n    #>\n    return lambda: n", "", "n"),
        ("def f(a):\n    #<\n    if (m := a):\n        print(m)\n    #>\n    return m", "a", "m"),
        ("def f(a):\n    #<\n    import os.path as p\n    b = p.join(a)\n    #>\n    return b", "a", "b"),
    ],
)
def test_what_is_taken_and_given(marked: str, parameters: str, results: str) -> None:
    found = looked_at(marked)
    assert isinstance(found, Piece), found
    assert (found.parameters, found.results) == (tuple(parameters.split()), tuple(results.split()))


@pytest.mark.parametrize(
    ("marked", "tie", "detail"),
    [
        ("#<\nx = 1\n#>", "place", ""),
        ("def f(a):\n    #<\n    if a:\n        b = 1\n    #>\n        c = 2", "place", ""),
        ("def f(a):\n    if a: pass\n    #<\n    else: b = 1\n    #>", "place", ""),
        ("def f(a):\n    for x in a:\n        #<\n        if x:\n            break\n        #>", "flow", ""),
        ("def f(a):\n    #<\n    if a:\n        return 1\n    #>\n    return 2", "flow", ""),
        ("def f(a):\n    if a:\n        b = 1\n    #<\n    elif a:\n        b = 2\n    #>", "place", ""),
        ("def f(a):\n    #<\n    yield a\n    #>", "flow", ""),
        ("def f(a):\n    #<\n    del a\n    #>", "names", "a"),
        ("def f(a):\n    global g\n    #<\n    g = a\n    #>", "names", "g"),
        ("def f(a):\n    if a:\n        x = 1\n    #<\n    if a:\n        print(x)\n    #>", "names", "x"),
        ("def f(a):\n    #<\n    if a:\n        x = 1\n    #>\n    return x", "names", "x"),
        (
            "def f(a):\n    n = 0\n    try:\n        #<\n"
            "        n = a()\n        #>\n    except E:\n        print(n)",
            "names",
            "n",
        ),
        ("def f(a):\n    #<\n    print(locals())\n    #>", "bound", "locals()"),
        (
            "class A:\n    @staticmethod\n    def f(a):\n        #<\n        a.__secret = 1\n        #>",
            "bound",
            "__",
        ),
    ],
)
def test_what_cannot_be_moved(marked: str, tie: str, detail: str) -> None:
    found = looked_at(marked)
    assert isinstance(found, Tied), found
    assert (found.tie, found.detail) == (tie, detail)


def test_returns_at_the_end() -> None:
    found = looked_at(
        "def f(q) -> int:\n    if q:\n        #<\n        if q > 2:\n"
        "            return 3\n        return 4\n        #>\n    return 5"
    )
    assert isinstance(found, Piece)
    assert found.returns
    assert found.return_annotation == "int"
    assert found.results == ()


def test_what_is_awaited_and_what_stands_in_a_string() -> None:
    found = looked_at(
        "async def f(q):\n    #<\n    r = await q.get()\n    t = '''\n a\n'''\n    #>\n    return r + t"
    )
    assert isinstance(found, Piece)
    assert found.is_async
    assert found.kept == {4, 5}


def test_a_method_is_needed_for_self_and_super() -> None:
    code = "class A:\n    def f(self, n: int):\n        #<\n        {}\n        #>"
    by_self, by_super, alone = (
        looked_at(code.format(line)) for line in ("self.n = n", "super().f(n)", "print(n)")
    )
    assert isinstance(by_self, Piece)
    assert isinstance(by_super, Piece)
    assert isinstance(alone, Piece)
    assert (by_self.receiver, by_super.receiver, alone.receiver) == ("self", "self", "")
    assert (by_self.above, alone.above) == (2, 1)
    assert by_self.annotations == ("int",)


def test_a_text_that_does_not_parse() -> None:
    assert piece("def f(:\n    pass\n", 2, 2) is None
