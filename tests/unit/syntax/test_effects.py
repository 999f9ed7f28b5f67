"""What code does to things that outlive it, in several languages."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import code, effects
from qwen_lsp.syntax.languages import find

ROWS: list[tuple[str, str, set[tuple[str, str]]]] = [
    ("a.py", "def f(self):\n    self.n += 1\n", {("assign", "self.n")}),
    ("a.py", "def f(self):\n    del self.dead[:]\n", {("delete", "self.dead[:]")}),
    ("a.py", "def f(self):\n    del self.dead\n", {("delete", "self.dead")}),
    ("a.py", "def f(a):\n    found = []\n    found.append(a)\n    found[0] = 1\n    return found\n", set()),
    ("a.py", "def f(a):\n    a.append(1)\n    a[0] = 2\n", {("call", "a.append"), ("assign", "a[0]")}),
    ("a.py", "def f(a):\n    for item in a:\n        item.save()\n", {("call", "item.save")}),
    (
        "a.py",
        "def f(self):\n    a, b = self.a, self.b\n    a[0] = b\n    del a[1:]\n",
        {("assign", "a[0]"), ("delete", "a[1:]")},
    ),
    (
        "a.py",
        "def f(a):\n    print(a)\n    raise ValueError(a)\n",
        {("call", "print"), ("raise", "ValueError")},
    ),
    ("a.py", "async def f(a):\n    await a.close()\n", {("call", "a.close")}),
    ("a.py", "def f(a):\n    return a.close()\n", set()),
    ("a.js", "function f(a) {\n  this.n = a\n  delete_(a)\n}\n", {("assign", "this.n"), ("call", "delete_")}),
    ("a.js", "function f(a) {\n  const b = []\n  b.push(a)\n  return b\n}\n", set()),
    ("a.js", "function f(a) {\n  a.n++\n  throw new Error(a)\n}\n", {("assign", "a.n"), ("raise", "Error")}),
    (
        "a.js",
        "function f(a) {\n  const b = []\n  a.forEach((c) => {\n    b.push(c.n)\n  })\n  return b\n}\n",
        set(),
    ),
    ("a.ts", "function f(a: A) {\n  a.items[0] = 1\n}\n", {("assign", "a.items[0]")}),
    (
        "a.go",
        "package a\n\nfunc f(a *A) {\n\ta.n = 1\n\ta.mu.Lock()\n}\n",
        {("assign", "a.n"), ("call", "a.mu.Lock")},
    ),
    ("a.go", 'package a\n\nfunc f() {\n\tb := map[string]int{}\n\tb["x"] = 1\n}\n', set()),
    (
        "A.java",
        "class A {\n  void f() {\n    this.n = 1;\n    log(n);\n  }\n}\n",
        {("assign", "this.n"), ("call", "log")},
    ),
    (
        "A.java",
        "class A {\n  void f() {\n    List<A> b = new ArrayList<>();\n    b.add(this);\n  }\n}\n",
        set(),
    ),
]


@pytest.mark.parametrize(("path", "text", "expected"), ROWS)
def test_what_code_does(path: str, text: str, expected: set[tuple[str, str]]) -> None:
    source = code.parse(text, find("", path))
    assert source is not None
    assert effects.of(source) == expected
