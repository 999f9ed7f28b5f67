"""The table of languages: LSP identifiers, file extensions, comment marker, grammar.

`by_id`, `by_path` and `grammar` are its functions. A grammar is loaded on first use and a missing
one is None: it only means less context (invariant 6).
"""

from __future__ import annotations

import importlib
import logging
import os
from dataclasses import dataclass
from functools import cache

import tree_sitter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Shape: `ids` are LSP language identifiers, the first is ours; `comment` opens a line comment, or is
    a pair of opening and closing marks; `grammar` is module:function of the wheel; `queries` names the
    files in queries/, where they are not the one named like the language.
    """

    ids: tuple[str, ...]
    extensions: tuple[str, ...]
    comment: str | tuple[str, str]
    grammar: str
    queries: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Our own identifier."""
        return self.ids[0]

    def comment_line(self, text: str) -> str:
        """Write one line of comment, without a line end."""
        if isinstance(self.comment, str):
            return f"{self.comment} {text}"
        return f"{self.comment[0]} {text} {self.comment[1]}"


_XML = ("<!--", "-->")
_BLOCK = ("/*", "*/")

LANGUAGES: tuple[Language, ...] = (
    Language(("python",), (".py", ".pyi", ".pyw"), "#", "tree_sitter_python:language"),
    Language(
        ("javascript", "javascriptreact"),
        (".js", ".jsx", ".mjs", ".cjs"),
        "//",
        "tree_sitter_javascript:language",
        ("ecmascript", "javascript"),
    ),
    Language(
        ("typescript",),
        (".ts", ".mts", ".cts"),
        "//",
        "tree_sitter_typescript:language_typescript",
        ("ecmascript", "typescript"),
    ),
    Language(
        ("typescriptreact", "tsx"),
        (".tsx",),
        "//",
        "tree_sitter_typescript:language_tsx",
        ("ecmascript", "typescript"),
    ),
    Language(("java",), (".java",), "//", "tree_sitter_java:language"),
    Language(("kotlin",), (".kt", ".kts"), "//", "tree_sitter_kotlin:language"),
    Language(("go",), (".go",), "//", "tree_sitter_go:language"),
    Language(("rust",), (".rs",), "//", "tree_sitter_rust:language"),
    Language(("c",), (".c", ".h"), "//", "tree_sitter_c:language"),
    Language(
        ("cpp", "cuda-cpp"),
        (".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx", ".cu"),
        "//",
        "tree_sitter_cpp:language",
        ("c", "cpp"),
    ),
    Language(("csharp",), (".cs",), "//", "tree_sitter_c_sharp:language"),
    Language(("ruby",), (".rb", ".rake"), "#", "tree_sitter_ruby:language"),
    Language(("php",), (".php",), "//", "tree_sitter_php:language_php"),
    Language(("swift",), (".swift",), "//", "tree_sitter_swift:language"),
    Language(("scala",), (".scala", ".sc"), "//", "tree_sitter_scala:language"),
    Language(("lua",), (".lua",), "--", "tree_sitter_lua:language"),
    Language(("shellscript", "bash", "sh"), (".sh", ".bash"), "#", "tree_sitter_bash:language"),
    Language(("sql",), (".sql",), "--", "tree_sitter_sql:language"),
    Language(("html", "vue"), (".html", ".htm", ".vue", ".svelte"), _XML, "tree_sitter_html:language"),
    Language(("css",), (".css",), _BLOCK, "tree_sitter_css:language"),
    Language(("json", "jsonc"), (".json", ".jsonc"), "//", "tree_sitter_json:language"),
    Language(("yaml", "dockercompose"), (".yaml", ".yml"), "#", "tree_sitter_yaml:language"),
    Language(("toml",), (".toml",), "#", "tree_sitter_toml:language"),
    Language(("markdown",), (".md", ".markdown"), _XML, "tree_sitter_markdown:language"),
)

_BY_ID = {name: language for language in LANGUAGES for name in language.ids}
_BY_EXTENSION = {extension: language for language in LANGUAGES for extension in language.extensions}


def find(language_id: str, path: str | None) -> Language | None:
    """Return the language by its LSP identifier, else by the file's extension, else None."""
    by_id = _BY_ID.get(language_id)
    if by_id is not None or path is None:
        return by_id
    # Asked for each file of a repository, and splitext is ten times faster than pathlib.
    return _BY_EXTENSION.get(os.path.splitext(path)[1].lower())


@cache
def grammar(language: Language) -> tree_sitter.Language | None:
    """Load the grammar of a language; None, logged once, when the wheel is missing or too old."""
    module, function = language.grammar.split(":")
    try:
        return tree_sitter.Language(getattr(importlib.import_module(module), function)())
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        log.warning("no grammar for %s: %s", language.id, error)
        return None
