"""What a file defines, uses and imports: golden files of every language, and what no text may break."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_lsp.syntax import languages
from qwen_lsp.syntax.languages import LANGUAGES, Language
from qwen_lsp.syntax.outline import Outline, enclosing, outline
from tests.support.places import split
from tests.unit.syntax import golden

PYTHON = languages.find("python", None)
WHOLE = [path for path in golden.SOURCES if not path.name.lower().startswith("broken")]


@pytest.mark.parametrize("path", golden.SOURCES, ids=lambda path: path.name)
def test_golden(path: Path) -> None:
    expected = json.loads(path.with_name(path.name + golden.SUFFIX).read_text("utf-8"))
    assert golden.described(path) == expected


def test_every_language_has_a_golden_file() -> None:
    covered = {languages.find("", path.name) for path in WHOLE}
    assert {language.id for language in LANGUAGES if language not in covered} == set()


@pytest.mark.parametrize("path", golden.SOURCES, ids=lambda path: path.name)
def test_spans_show_what_they_name(path: Path) -> None:
    text = golden.read(path)
    found = golden.of(path)
    assert [
        entry.name for entry in found.definitions if entry.name not in show(text, found, entry.name)
    ] == []
    assert all(text.startswith(entry.name, entry.offset) for entry in found.references)
    assert sorted(entry.offset for entry in found.references) == [entry.offset for entry in found.references]
    assert all(0 <= entry.offset < len(text) for entry in found.imports)


def show(text: str, found: Outline, name: str) -> str:
    shown = [text[entry.span.start : entry.span.end] for entry in found.definitions if entry.name == name]
    return " ".join("\n".join(shown).split())


@pytest.mark.parametrize("path", golden.SOURCES, ids=lambda path: path.name)
def test_distinct_references_are_the_counted_ones(path: Path) -> None:
    text, language = golden.read(path), languages.find("", path.name)
    every = outline(text, language).references
    distinct = outline(text, language, references="distinct").references
    assert {entry.name: entry.uses for entry in distinct} == Counter(entry.name for entry in every)
    first = {entry.name: entry.offset for entry in reversed(every)}
    assert {entry.name: entry.offset for entry in distinct} == first


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name)
def test_line_ends_change_nothing_but_offsets(path: Path) -> None:
    text, language = golden.read(path), languages.find("", path.name)
    unix = outline(text, language)
    dos = outline(text.replace("\n", "\r\n"), language)
    assert [(e.name, e.kind, e.container, e.signature, e.doc) for e in dos.definitions] == [
        (e.name, e.kind, e.container, e.signature, e.doc) for e in unix.definitions
    ]
    assert [e.name for e in dos.references] == [e.name for e in unix.references]
    assert [(e.module, e.name, e.alias) for e in dos.imports] == [
        (e.module, e.name, e.alias) for e in unix.imports
    ]


@pytest.mark.parametrize(
    ("language_id", "marked", "names"),
    [
        ("python", "class A:\n    def f(self):\n        x = 1║\n", "A.f"),
        ("python", "class A:\n    def f(self):\n        x = 1\n        ║\n", "A.f"),
        ("python", "class A:\n    def f(self):\n        x = 1\n\n    ║\n", "A"),
        ("python", "class A:\n    def f(self):\n        x = 1\n\n║\n", ""),
        ("python", "class A:\n    def f(self):\n        ║\n\n    def g(self):\n        pass\n", "A.f"),
        ("python", "class A:\n    def f(self, o):\n        total = o.║\n\n    def g(self): ...\n", "A.f"),
        ("python", "def f():\n    def g():\n        return 1║\n    return g\n", "f.g"),
        ("typescript", "class A {\n  f(o: B) {\n    const t = o.║\n  }\n  g() {}\n}\n", "A.f"),
        ("typescript", "class A {\n  f() {}\n║\n  g() {}\n}\n", "A"),
        ("java", "class A {\n  int f(B o) {\n    int t = o.║\n  }\n  int g() { return 1; }\n}\n", "A.f"),
        ("java", "class A {\n  int f() { return 1; }\n}\n║\n", ""),
        ("java", "class A {\n  int f(B o) {\n    if (o.is(║\n  }\n}\n", "A"),
        ("go", "package a\n\nfunc F(o *B) int {\n\tt := o.║\n}\n", "F"),
        ("markdown", "# A\n\n## B\n\ntext║\n\n## C\n", "A.B"),
    ],
)
def test_what_is_around_a_place(language_id: str, marked: str, names: str) -> None:
    before, after = split(marked)
    text = before + after
    found = outline(text, languages.find(language_id, None))
    assert ".".join(entry.name for entry in enclosing(found, len(before), text)) == names


def test_a_definition_can_hold_thousands() -> None:
    """The cost is linear: ten times the methods take about ten times as long, not a hundred."""
    text = "class A:\n" + "".join(
        f"    def f{number}(self, x: int) -> int: return x\n" for number in range(5000)
    )
    found = outline(text, PYTHON, deadline_ms=60_000)
    assert len(found.definitions) == 5001
    assert found.problem is None
    assert found.definitions[-1].container == "A"


DEEP: dict[str, tuple[str, Callable[[int], str]]] = {
    "python": (
        "class A:\n",
        lambda depth: "".join(f"{' ' * level}class A{level}:\n" for level in range(depth)),
    ),
    "javascript": ("", lambda depth: "function f(){" * depth + "}" * depth),
    "java": ("", lambda depth: "class A{" * depth + "}" * depth),
    "json": ("", lambda depth: '{"a":' * depth + "1" + "}" * depth),
    "rust": ("", lambda depth: "mod a{" * depth + "}" * depth),
    "cpp": ("", lambda depth: "namespace a{" * depth + "}" * depth),
    "css": ("", lambda depth: "a{" * depth + "}" * depth),
    "html": ("", lambda depth: "<div id='a'>" * depth),
    "go": ("package a\n", lambda depth: "var x = " + "(" * depth + ")" * depth),
    "yaml": ("", lambda depth: "[" * depth),
    "markdown": ("", lambda depth: "> " * depth + "a"),
}


@pytest.mark.parametrize("language_id", sorted(DEEP))
def test_nesting_of_any_depth(language_id: str) -> None:
    head, body = DEEP[language_id]
    depth = 1000 if language_id == "python" else 10_000  # Python's own text grows with the square
    text = head + body(depth)
    found = outline(text, languages.find(language_id, None), deadline_ms=20_000)
    assert found.problem in (None, "too deep", "too slow")
    assert all(entry.container.count(".") < 40 for entry in found.definitions)


def test_a_file_that_takes_too_long_is_cut_off() -> None:
    text = "def f(x):\n    return x + 1\n" * 50_000
    assert outline(text, PYTHON, deadline_ms=1).problem == "too slow"
    assert outline(text, PYTHON, deadline_ms=1).definitions == ()


def test_pieces_of_a_large_text_add_up() -> None:
    """Large texts are queried piece by piece; nothing is lost or found twice where they meet."""
    body = "".join(
        f"    def 方法{number}(self, x: int):\n        return x + self.a{number}\n" for number in range(8000)
    )
    found = outline(f"class A:\n{body}", PYTHON, deadline_ms=60_000)
    assert len(found.definitions) == 8001
    assert {entry.container for entry in found.definitions} == {"", "A"}
    assert len(found.references) == 8000 * 6


@pytest.mark.parametrize(
    ("language", "problem"),
    [(None, "no language"), (Language(("none",), (), "#", "tree_sitter_of_nothing:language"), "no grammar")],
)
def test_without_a_grammar_there_is_nothing(language: Language | None, problem: str) -> None:
    assert outline("def f(): pass\n", language) == Outline(problem=problem)  # type: ignore[arg-type]


def check(text: str, language: Language) -> None:
    found = outline(text, language, deadline_ms=5000)
    assert found == outline(text, language, deadline_ms=5000)
    for entry in found.definitions:
        assert 0 <= entry.span.start <= entry.span.end <= len(text)
        assert entry.name
        assert "\n" not in entry.signature + entry.doc
    for used in found.references:
        assert 0 <= used.offset < len(text)
    for entry in found.definitions[:20]:
        assert entry.kind == "module" or enclosing(found, entry.span.start, text) is not None


STRANGE = st.text(alphabet=st.characters(codec=None), max_size=80)


@given(
    st.sampled_from(LANGUAGES),
    st.one_of(STRANGE, st.text("(){}[]<>;:,.=\"'`#/*@!-+ \n\r\t\0aA_1中😀", max_size=120)),
)
@settings(max_examples=400, deadline=None)
def test_any_text_at_all(language: Language, text: str) -> None:
    check(text, language)


@given(st.sampled_from(golden.SOURCES), st.data())
@settings(max_examples=300, deadline=None)
def test_real_code_with_a_hole_in_it(path: Path, data: st.DataObject) -> None:
    text = golden.read(path)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 200)))
    between = data.draw(
        st.one_of(st.just(""), st.sampled_from(["\0", "\ud800", "{", "(", '"', "'", "/*", "😀", "\r"]))
    )
    language = languages.find("", path.name)
    assert language is not None
    check(text[:start] + between + text[end:], language)
