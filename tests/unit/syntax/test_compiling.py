"""What a compiler would say against code that the grammar takes."""

from __future__ import annotations

import pytest

from qwen_lsp.syntax import code, compiling
from qwen_lsp.syntax.languages import find

GO = [
    ("func f() string { return g() }", set()),
    ('func f() string { return "", err }', {'return "", err'}),
    ("func f() string { return nil }", {"return nil"}),
    ("func f() (string, error) { return nil, err }", {"return nil, err"}),
    ('func f() (string, error) { return "", nil }', set()),
    ("func f() (string, error) { return g() }", set()),
    ("func f() (string, error) { return g(), h() }", set()),
    ("func f() (s string, err error) { return }", set()),
    ("func f() (a, b int, err error) { return 1, 2, nil }", set()),
    ("func f() string { return }", {"return"}),
    ("func f() { return err }", {"return err"}),
    ("func f() { g(func() error { return err }); return }", set()),
    ("func (a *A) f() *A { return nil }", set()),
]
JAVA = [
    ('void f() { throw new IOException("x"); }', {'throw new IOException("x");'}),
    ('void f() throws IOException { throw new FileNotFoundException("x"); }', set()),
    ('void f() { throw new IllegalStateException("x"); }', set()),
    ('void f() { throw new OwnException("x"); }', set()),
    ('void f() { try { throw new IOException("x"); } catch (IOException e) { g(); } }', set()),
    (
        'void f() { try { g(); } catch (IOException e) { throw new Exception("x", e); } }',
        {'throw new Exception("x", e);'},
    ),
    ('void f() { g(() -> { throw new IOException("x"); }); }', set()),
    ("void f() { throw e; }", set()),
]


@pytest.mark.parametrize(("text", "expected"), GO)
def test_results_of_go(text: str, expected: set[str]) -> None:
    source = code.parse(f"package a\n\n{text}\n", find("go", None))
    assert source is not None
    assert source.error_count() == 0
    assert compiling.faults(source) == expected


@pytest.mark.parametrize(("text", "expected"), JAVA)
def test_checked_exceptions_of_java(text: str, expected: set[str]) -> None:
    source = code.parse(f"class A {{ {text} }}\n", find("java", None))
    assert source is not None
    assert compiling.faults(source) == expected


def test_other_languages_have_no_such_faults() -> None:
    source = code.parse("def f():\n    return 1, 2\n", find("python", None))
    assert source is not None
    assert compiling.faults(source) == set()
