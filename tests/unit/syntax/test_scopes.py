"""Names that are used where no declaration of theirs reaches."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import code, scopes
from qwen_lsp.syntax.languages import find

ROWS = [
    ("javascript", "function f(p) { try { const d = g(p) } catch (e) { throw e } return d.x }", {"d"}),
    ("javascript", "function f(p) { let d; try { d = g(p) } catch (e) { throw e } return d.x }", set()),
    ("javascript", "function f(p) { if (p) { var d = g(p) } return d.x }", set()),
    ("javascript", "import e from 'e'; function f() { return h(e) } function h(n) { return n }", set()),
    ("javascript", "for (const a of b) c(a)\nd(a)", {"a"}),
    ("typescript", "function f({ a, b: c }: T): void { g(a, c); } const x = (a: T) => a;", set()),
    ("java", "class A { int n; int f() { try { int d = g(n); } catch (E e) { h(e); } return d; } }", {"d"}),
    ("java", "class A { int f() { int d; try { d = g(1); } finally { h(); } return d; } }", set()),
    ("java", "class A { int f() { for (int i : g()) { h(i); } return i(); } }", set()),
    ("go", "package a\nfunc f() { if d, err := g(); err != nil { h(d) }\n k(d) }", {"d"}),
    ("go", "package a\nfunc f() { d, err := g(); if err != nil { h(d) }\n k(T{d: d}) }", set()),
    ("go", "package a\nfunc f() { for i := range g() { h(i) }\n k(T{i: 1}) }", set()),
    ("csharp", "class A { int F() { try { var d = G(); } catch (E e) { H(e); } return d; } }", {"d"}),
    ("python", "def f(p):\n    if p:\n        d = 1\n    return d\n", set()),
]


@pytest.mark.parametrize(("language", "text", "expected"), ROWS)
def test_what_no_declaration_reaches(language: str, text: str, expected: set[str]) -> None:
    source = code.parse(text, find(language, None))
    assert source is not None
    assert scopes.unreachable(source) == expected
