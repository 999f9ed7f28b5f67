"""Every grammar of the table loads with the installed tree-sitter and parses its language."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath

import pytest
import tree_sitter

from qwen_lsp.syntax import languages
from qwen_lsp.syntax.languages import LANGUAGES, MORE, Language

SAMPLES = {
    "python": "def add(a: int) -> int: return a + 1\n",
    "javascript": "const add = (a) => <b>{a + 1}</b>;\n",
    "typescript": "const add = (a: number): number => a + 1;\n",
    "typescriptreact": "const Add = (p: { a: number }) => <b>{p.a}</b>;\n",
    "java": "class A { int add(int a) { return a + 1; } }\n",
    "kotlin": "fun add(a: Int): Int = a + 1\n",
    "go": "package a\n\nfunc Add(a int) int { return a + 1 }\n",
    "rust": "fn add(a: i32) -> i32 { a + 1 }\n",
    "c": "int add(int a) { return a + 1; }\n",
    "cpp": "template <class T> T add(T a) { return a + 1; }\n",
    "csharp": "class A { int Add(int a) => a + 1; }\n",
    "ruby": "def add(a) = a + 1\n",
    "php": "<?php function add(int $a): int { return $a + 1; }\n",
    "swift": "func add(_ a: Int) -> Int { a + 1 }\n",
    "scala": "def add(a: Int): Int = a + 1\n",
    "lua": "local function add(a) return a + 1 end\n",
    "shellscript": 'add() { echo "$(( $1 + 1 ))"; }\n',
    "sql": "SELECT a + 1 FROM t WHERE b = 2;\n",
    "vue": "<template><p>text</p></template>\n",
    "html": "<!DOCTYPE html><p class='a'>text</p>\n",
    "css": ".a { color: red; }\n",
    "json": '{"a": [1, null]}\n',
    "yaml": "a: [1, 2]\nb:\n  - c\n",
    "toml": "[a]\nb = 1\n",
    "markdown": "# Title\n\n- item\n",
}
MORE_SAMPLES = {
    "svelte": "<script>let a;</script>\n{#if a}<p>x</p>{/if}\n",
    "wxml": '<view wx:if="{{a}}"><text>{{b}}</text></view>\n',
    "axml": '<view a:if="{{a}}"><text>{{b}}</text></view>\n',
    "wxss": ".a { width: 10rpx; }\n",
    "wxs": "var a = 1; module.exports = { a: a };\n",
    "dart": "int f(int a) { return a + 1; }\n",
    "dockerfile": "FROM a:1\nRUN x\n",
    "terraform": 'resource "a" "b" {\n  c = 1\n}\n',
    "scss": ".a { &:hover { color: red; } }\n",
    "less": ".a { &:hover { color: red; } }\n",
    "xml": "<a><b/></a>\n",
    "makefile": "a: b\n\tc\n",
    "powershell": "function F($a) { return $a }\n",
    "elixir": "def f(a) do\n  a\nend\n",
    "zig": "fn f(a: i32) i32 { return a; }\n",
    "julia": "function f(a)\n a\nend\n",
    "perl": "sub f { return 1; }\n",
    "objective-c": "@implementation A\n- (int)f { return 1; }\n@end\n",
    "solidity": "contract A { function f() public {} }\n",
}
WITH_GRAMMAR = [language for language in (*LANGUAGES, *MORE) if language.grammar]


def test_every_language_has_a_sample() -> None:
    assert set(SAMPLES) == {language.id for language in LANGUAGES}
    assert set(SAMPLES | MORE_SAMPLES) == {language.id for language in WITH_GRAMMAR}


@pytest.mark.parametrize("language", WITH_GRAMMAR, ids=lambda language: language.id)
def test_the_grammar_parses_its_language(language: Language) -> None:
    grammar = languages.grammar(language)
    assert grammar is not None
    tree = tree_sitter.Parser(grammar).parse((SAMPLES | MORE_SAMPLES)[language.id].encode())
    assert not tree.root_node.has_error
    assert tree.root_node.named_child_count > 0


# In the others nearly everything is well formed.
STRICT = [
    lang for lang in LANGUAGES if lang.id not in ("markdown", "shellscript", "html", "vue", "css", "php")
]


@pytest.mark.parametrize("language", STRICT, ids=lambda language: language.id)
def test_the_grammar_knows_an_error(language: Language) -> None:
    grammar = languages.grammar(language)
    assert grammar is not None
    assert tree_sitter.Parser(grammar).parse(b"}{ ][ )( def class\n").root_node.has_error


ALL = (*LANGUAGES, *MORE)


def test_identifiers_and_extensions_are_unique() -> None:
    ids = Counter(name for language in ALL for name in language.ids)
    extensions = Counter(extension for language in ALL for extension in language.extensions)
    names = Counter(name for language in ALL for name in language.names)
    assert max(ids.values()) == max(names.values()) == 1
    assert all(name == name.lower() for name in names)
    assert max(extensions.values()) == 1
    assert all(extension == extension.lower() and extension.startswith(".") for extension in extensions)


@pytest.mark.parametrize(
    ("language_id", "path", "found"),
    [
        ("python", None, "python"),
        ("python", "/a.ts", "python"),  # the editor knows better than the name
        ("", "/a.ts", "typescript"),
        ("plaintext", "/a.TSX", "typescriptreact"),
        ("tsx", "/a", "typescriptreact"),
        ("", "C:/a b/文.py", "python"),
        ("", "/Makefile", "makefile"),
        ("", "/x/Dockerfile", "dockerfile"),
        ("", "C:\\x\\Dockerfile.dev", "dockerfile"),
        ("plaintext", "/x/CMakeLists.txt", "cmake"),
        ("", "/x/notes.txt", None),
        ("", "/x/App.vue", "vue"),
        ("", "/x/main.tf", "terraform"),
        ("proto3", None, "proto3"),
        ("", "/x/index.wxml", "wxml"),
        ("", "/.py", None),
        ("", None, None),
        ("klingon", "/a.klingon", None),
    ],
)
def test_find(language_id: str, path: str | None, found: str | None) -> None:
    language = languages.find(language_id, path)
    assert (language.id if language else None) == found


def test_a_path_of_every_extension_is_found() -> None:
    for language in ALL:
        for extension in language.extensions:
            assert languages.find("", str(PurePosixPath("/src") / f"file{extension}")) is language


@pytest.mark.parametrize(
    "language", [lang for lang in WITH_GRAMMAR if lang.id != "json"], ids=lambda lang: lang.id
)
def test_a_line_of_comment_is_one(language: Language) -> None:
    """The file's path is written so at the head of a prompt; it must not read as code."""
    grammar = languages.grammar(language)
    assert grammar is not None
    head = "<?php\n" if language.id == "php" else ""
    # A document of XML is not one without an element, nor a script of PowerShell without a statement.
    rest = MORE_SAMPLES[language.id] if language.id in ("xml", "powershell") else ""
    text = f"{head}{language.comment_line('src/a b.x')}\n{rest}"
    root = tree_sitter.Parser(grammar).parse(text.encode()).root_node
    assert not root.has_error
    assert "\n" not in language.comment_line("src/a.x")


def test_a_missing_grammar_is_none_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    missing = Language(("none",), (".none",), "#", "tree_sitter_of_nothing:language")
    assert languages.grammar(missing) is None
    assert languages.grammar(missing) is None
    assert len(caplog.records) == 1
    assert languages.grammar(Language(("old",), (), "#", "tree_sitter_python:no_such_function")) is None
