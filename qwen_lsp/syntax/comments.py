"""What people wrote about a definition: its docstring, or the comment above it."""

from __future__ import annotations

import re

from qwen_lsp.syntax.languages import Language

_DOCSTRING = re.compile(r'[rRuU]?("""|\'\'\'|"|\')\s*(.*?)\s*(?:\1|\n|$)')
_MARKS = " \t*/#-!;<"
_TAG = re.compile(r"</?\w+[^>]*>")
_SENTENCE = re.compile(r"(.*?[.!?])(?:\s|$)|(.*?[。！？])")
_MAX_DOC_CHARS = 200
# A longer line is not one that a person wrote above a definition.
_MAX_LINE_CHARS = 1000


def one_line(text: str) -> str:
    """Collapse white space."""
    return " ".join(text.split())


def docstring(text: str, at: int) -> str:
    """Return the first sentence of the Python docstring at a place, "" where none is."""
    match = _DOCSTRING.match(text, at)
    return _sentence(match.group(2)) if match else ""


def above(text: str, at: int, language: Language) -> tuple[int, str]:
    """Find the comment right above a definition; return where it starts and its first sentence.

    Without one: `at` and "". Attributes in lines of their own (`#[test]`) are passed over.
    """
    line = text.rfind("\n", max(0, at - _MAX_LINE_CHARS), at) + 1
    if line == 0 or text[line:at].strip():
        return at, ""
    mark = language.comment if isinstance(language.comment, str) else "\0"
    start, lines = at, list[str]()
    while line > 0:
        previous = text.rfind("\n", max(0, line - _MAX_LINE_CHARS), line - 1) + 1
        content = text[previous : line - 1].strip()
        if content.startswith((mark, "#[")):
            start = previous + text[previous:line].index(content[0])
            lines += [content] if not content.startswith("#[") else []
            line = previous
        elif content.endswith("*/") and not lines:
            opened = text.rfind("/*", 0, line)
            if opened < 0 or text[text.rfind("\n", 0, opened) + 1 : opened].strip():
                break
            return opened, _first(text[opened : line - 1].splitlines())
        else:
            break
    return start, _first(lines[::-1])


def _first(lines: list[str]) -> str:
    """Return the first sentence of a comment."""
    for line in lines:
        content = _TAG.sub("", line).strip().strip(_MARKS).strip()
        if content and not content.startswith("@"):
            return _sentence(content)
    return ""


def _sentence(text: str) -> str:
    text = one_line(text)
    match = _SENTENCE.match(text)
    return (match.group(1) or match.group(2) if match else text)[:_MAX_DOC_CHARS]
