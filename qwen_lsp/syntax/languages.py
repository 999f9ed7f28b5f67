"""The table of languages: LSP identifiers, file extensions and names, comment marker, grammar.

`find` and `grammar` are its functions. A grammar is loaded on first use and a missing one is None: it only
means less context (invariant 6). `LANGUAGES` are those that the index outlines, `MORE` all others that have
at least a comment marker; some of them have a grammar, for the gates.
"""

from __future__ import annotations

import ctypes
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
    a pair of opening and closing marks; `grammar` is module:function of the wheel, "" without one; `queries`
    names the files in queries/, where they are not the one named like the language; `names` are whole
    file names, in small letters.
    """

    ids: tuple[str, ...]
    extensions: tuple[str, ...]
    comment: str | tuple[str, str]
    grammar: str = ""
    queries: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    has_outline: bool = True

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
    Language(("html",), (".html", ".htm"), _XML, "tree_sitter_html:language"),
    Language(("vue",), (".vue",), _XML, "tree_sitter_html:language", ("html",)),
    Language(("css",), (".css",), _BLOCK, "tree_sitter_css:language"),
    Language(("json", "jsonc"), (".json", ".jsonc"), "//", "tree_sitter_json:language"),
    Language(("yaml", "dockercompose"), (".yaml", ".yml"), "#", "tree_sitter_yaml:language"),
    Language(("toml",), (".toml",), "#", "tree_sitter_toml:language"),
    Language(("markdown",), (".md", ".markdown"), _XML, "tree_sitter_markdown:language"),
)


def _more(
    ids: str,
    extensions: str,
    comment: str | tuple[str, str],
    grammar: str = "",
    names: tuple[str, ...] = (),
) -> Language:
    endings = tuple(f".{extension}" for extension in extensions.split())
    return Language(tuple(ids.split()), endings, comment, grammar, names=names, has_outline=False)


_HTML, _CSS, _SCRIPT = (f"tree_sitter_{name}:language" for name in ("html", "css", "javascript"))

MORE: tuple[Language, ...] = (
    # with a grammar
    _more("svelte", "svelte", _XML, "tree_sitter_svelte:language"),
    _more("wxml", "wxml", _XML, _HTML),
    _more("axml", "axml", _XML, _HTML),
    _more("wxss acss", "wxss acss", _BLOCK, _CSS),
    _more("wxs sjs", "wxs sjs", "//", _SCRIPT),
    _more("dart", "dart", "//", "tree_sitter_dart:language"),
    _more(
        "dockerfile containerfile",
        "dockerfile",
        "#",
        "tree_sitter_dockerfile:language",
        ("dockerfile", "containerfile"),
    ),
    _more("terraform terraform-vars hcl opentofu", "tf tfvars hcl tofu", "#", "tree_sitter_hcl:language"),
    _more("scss", "scss", "//", "tree_sitter_scss:language"),
    _more("less", "less", "//", "tree_sitter_less:language"),
    _more(
        "xml xsl",
        "xml xsd xsl xslt svg plist csproj props",
        _XML,
        "tree_sitter_xml:language_xml",
        ("pom.xml",),
    ),
    _more("makefile", "mk mak", "#", "tree_sitter_make:language", ("makefile", "gnumakefile")),
    _more("powershell", "ps1 psm1 psd1", "#", "tree_sitter_powershell:language"),
    _more("elixir", "ex exs", "#", "tree_sitter_elixir:language"),
    _more("zig", "zig", "//", "tree_sitter_zig:language"),
    _more("julia", "jl", "#", "tree_sitter_julia:language"),
    _more("perl", "pl pm", "#", "tree_sitter_perl:language"),
    _more("objective-c objective-cpp", "m mm", "//", "tree_sitter_objc:language"),
    _more("solidity", "sol", "//", "tree_sitter_solidity:language"),
    # by signs alone
    _more("proto3 proto protobuf", "proto", "//"),
    _more("graphql", "graphql gql", "#"),
    _more("r", "r", "#"),
    _more("latex tex bibtex", "tex sty cls bib", "%"),
    _more("sass", "sass", "//"),
    _more("astro", "astro", _XML),
    _more("handlebars", "hbs handlebars", ("{{!--", "--}}")),
    _more("jinja jinja-html twig", "j2 jinja jinja2 twig", ("{#", "#}")),
    _more("haskell", "hs", "--"),
    _more("elm", "elm", "--"),
    _more("ocaml", "ml mli", ("(*", "*)")),
    _more("fsharp", "fs fsx fsi", "//"),
    _more("groovy", "groovy gradle", "//", names=("jenkinsfile",)),
    _more("clojure", "clj cljs cljc edn", ";;"),
    _more("lisp scheme racket", "lisp el scm rkt", ";;"),
    _more("erlang", "erl hrl", "%"),
    _more("nim", "nim", "#"),
    _more("crystal", "cr", "#"),
    _more("coffeescript", "coffee", "#"),
    _more("d", "d", "//"),
    _more("v", "v", "//"),
    _more("fortran", "f90 f95 f03 f08", "!"),
    _more("pascal objectpascal", "pas dpr", "//"),
    _more("matlab octave", "", "%"),
    _more("vb", "vb bas", "'"),
    _more("bat", "bat cmd", "REM"),
    _more("viml", "vim", '"'),
    _more("tcl", "tcl", "#"),
    _more("cmake", "cmake", "#", names=("cmakelists.txt",)),
    _more("nix", "nix", "#"),
    _more("glsl hlsl wgsl", "glsl vert frag hlsl wgsl", "//"),
    _more("prisma", "prisma", "//"),
    _more("cangjie", "cj", "//"),
    _more("arkts ets", "ets", "//"),
    _more("go.mod gomod", "mod", "//", names=("go.mod",)),
    _more("ini properties", "ini cfg conf properties", "#", names=(".editorconfig", ".npmrc")),
    _more("dotenv", "env", "#", names=(".env",)),
    _more("ignore", "", "#", names=(".gitignore", ".dockerignore", ".npmignore", ".qwenignore")),
    _more("pip-requirements", "", "#", names=("requirements.txt", "requirements-dev.txt", "constraints.txt")),
    _more("git-commit", "", "#", names=("commit_editmsg",)),
    _more("restructuredtext", "rst", ".."),
)

_ALL = (*LANGUAGES, *MORE)
_BY_ID = {name: language for language in _ALL for name in language.ids}
_BY_EXTENSION = {extension: language for language in _ALL for extension in language.extensions}
_BY_NAME = {name: language for language in _ALL for name in language.names}


def find(language_id: str, path: str | None) -> Language | None:
    """Return the language by its LSP identifier, else by the file's name or extension, else None."""
    by_id = _BY_ID.get(language_id)
    if by_id is not None or path is None:
        return by_id
    # Asked for each file of a repository, and splitext is ten times faster than pathlib.
    by_extension = _BY_EXTENSION.get(os.path.splitext(path)[1].lower())
    if by_extension is not None:
        return by_extension
    name = path[max(path.rfind("/"), path.rfind("\\")) + 1 :].lower()
    # `Dockerfile.dev` is one too.
    return _BY_NAME.get(name) or _BY_NAME.get(name.partition(".")[0])


@cache
def grammar(language: Language) -> tree_sitter.Language | None:
    """Load the grammar of a language; None, logged once, when the wheel is missing or too old."""
    if not language.grammar:
        return None
    module, function = language.grammar.split(":")
    try:
        return tree_sitter.Language(_capsule(getattr(importlib.import_module(module), function)()))
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        log.warning("no grammar for %s: %s", language.id, error)
        return None


def _capsule(found: object) -> object:
    """Wrap the bare pointer that wheels built before 2025 return; tree-sitter warns of those."""
    if not isinstance(found, int):
        return found
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return new(found, _CAPSULE_NAME, None)


_CAPSULE_NAME = b"tree_sitter.Language"  # the capsule keeps the pointer, so it must live as long
