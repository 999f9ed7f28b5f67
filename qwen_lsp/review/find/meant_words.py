"""Which misspelt words are written on purpose, or are not the change's to mend.

They stand in a list of words that a spell checker is to ignore, beside the right word to correct it, or as
the whole value that a test passes; or they belong to a member that neither the change nor its base defines.
Only lines are read, no trees.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from qwen_lsp.syntax.rules import is_test_path
from qwen_lsp.text import Document, Span

# Settings and lists of cspell, codespell, typos, check-spelling, Vale, pyspelling and Sphinx.
_WORD_LIST = re.compile(
    r"(?i)(?:^|/)(?:\.?c?spell[^/]*|\.?codespell[^/]*|[._]?typos\.toml|\.spelling|\.wordlist|accept\.txt|[^/]+\.dic"
    r"|[^/]*(?:word-?_?list|project-words|custom-words|spelling|ignored?[-_]?words|allowed[-_]?words|dictionary)"
    r"[^/]*\.(?:txt|json|ya?ml|lst))$|(?:^|/)\.github/actions/spelling/|(?:^|/)\.vscode/settings\.json$"
)
_DIRECTIVE = re.compile(
    r"(?i)\b(?:c?spell|codespell|spell-?checker|typos)\s*:\s*"
    r"(?:ignore(?:[-_]?words?)?|words?|disable(?:-next)?-line|disable|ignore-next-line)\b(?P<words>[^\n]*)"
)
_WORD = re.compile(r"[^\W\d_]+")
_ABOUT_SPELLING = re.compile(r"(?i)\b(?:typos?|misspel\w*|spell\w*|renam\w*)\b|→|(?<!\))\s(?:->|=>)\s")
_QUOTE = "\"'`"
# A line of names: `"Eastman", "Scott", "Cleary"`.
_NAME = re.compile(r"[\"'][A-Z][a-z]+[\"']")
_MIN_NAMES = 4
_BEFORE_VALUE = re.compile(r"(?:[\"'`/]|[=:][ ]?)$")
_AFTER_VALUE = re.compile(r"(?:\.\w+)*(?:[\"'`]|\s*$)")
_CODE = (
    *(
        ".py",
        ".pyi",
        ".go",
        ".java",
        ".kt",
        ".cs",
        ".rs",
        ".php",
        ".rb",
        ".swift",
        ".scala",
        ".dart",
        ".c",
        ".h",
    ),
    *(".cc", ".cpp", ".hpp", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"),
)
_TEXTS = (
    ".md",
    ".mdx",
    ".rst",
    ".adoc",
    ".sh",
    ".lua",
    ".sql",
    ".ex",
    ".exs",
    ".hs",
    ".el",
    ".vim",
    ".feature",
)
_COMMENT_LINE = re.compile(r"\s*(?:#|//|/\*|\*|--|;|<!--)")
_COMMENT = re.compile(r"//|/\*|^\s*\*|#|<!--|`|--\s")
_OF_A_VALUE = re.compile(r"(?:\w|[)\]])\s*(?:\.|\?\.|->|::)$")
_ASSIGNED = re.compile(r"\s*(?::(?!:)|=(?![=>]))")


def is_word_list(path: str) -> bool:
    """Whether a file lists words for a spell checker, or configures one."""
    return bool(_WORD_LIST.search(path))


def listed(texts: Iterable[tuple[str, str]]) -> set[str]:
    """Return the words, in small letters, that files (path and text) have a spell checker leave alone."""
    found: set[str] = set()
    for path, text in texts:
        if is_word_list(path):
            found.update(word.lower() for word in _WORD.findall(text))
        else:
            for match in _DIRECTIVE.finditer(text):
                found.update(word.lower() for word in _WORD.findall(match["words"]))
    return found


def is_meant(document: Document, path: str, span: Span, meant: Sequence[str]) -> bool:
    """Whether a word stands beside the right one, to correct it, or is the whole value that a test passes."""
    at = document.line_of(span.start)
    line = document.line(at)
    start = span.start - document.starts[at]
    before, after = line[:start], line[start + span.end - span.start :]
    if document.text[span.start].isupper() and len(_NAME.findall(line)) >= _MIN_NAMES:
        return True
    is_quoted = before.endswith(tuple(_QUOTE)) and after.startswith(tuple(_QUOTE))
    for right in map(re.escape, meant):
        beside = rf"(?<![^\W\d_]){right}(?![^\W\d_])"
        if not _ABOUT_SPELLING.search(line):
            beside = rf"[{_QUOTE}]{right}[{_QUOTE}]" if is_quoted else r"(?!)"
        if re.search(beside, f"{before} {after}", re.IGNORECASE):
            return True
    return is_test_path(path) and bool(_BEFORE_VALUE.search(before) and _AFTER_VALUE.match(after))


def is_quoted_data(document: Document, path: str, span: Span) -> bool:
    """Whether a word is of what a test reads, which was taken from somewhere, and not of its comments."""
    if not is_test_path(path) or path.endswith((*_CODE, *_TEXTS)):
        return False
    return not _COMMENT_LINE.match(document.line(document.line_of(span.start)))


def is_told_off(document: Document, span: Span) -> bool:
    """Whether a comment has a spell checker leave this line alone."""
    at = document.line_of(span.start)
    above = document.line(at - 1) if at else ""
    same = re.search(
        r"(?i)\b(?:c?spell|codespell|spell-?checker|typos)\s*:\s*(?:ignore|disable)", document.line(at)
    )
    return bool(
        same or re.search(r"(?i)\b(?:c?spell|spell-?checker)\s*:\s*(?:disable|ignore)-next-line", above)
    )


def is_of_others(document: Document, path: str, span: Span, texts: Collection[str]) -> bool:
    """Whether a word is part of a member that code reads and that none of the changed texts defines.

    What the base has is no finding anyway, so whoever defines it is not in this repository.
    """
    if not path.endswith(_CODE):
        return False
    at = document.line_of(span.start)
    line = document.line(at)
    start, end = span.start - document.starts[at], span.end - document.starts[at]
    while start and (line[start - 1].isalnum() or line[start - 1] == "_"):
        start -= 1
    while end < len(line) and (line[end].isalnum() or line[end] == "_"):
        end += 1
    if not _OF_A_VALUE.search(line[:start]) or _COMMENT.search(line[:start]) or line[:start].count('"') % 2:
        return False
    name = re.escape(line[start:end])
    is_defined = re.compile(rf"(?:(?<![\w.>:])|(?<=\.\.\.)){name}\b|\b{name}{_ASSIGNED.pattern}")
    return not any(is_defined.search(text) for text in texts)
