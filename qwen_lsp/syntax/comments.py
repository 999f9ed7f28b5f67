"""What people wrote about a definition: its docstring, or the comment above it."""

from __future__ import annotations

import re

from qwen_lsp.syntax.languages import Language

_DOCSTRING = re.compile(r'[rRuU]?("""|\'\'\'|"|\')\s*(.*?)\s*(?:\1|\n|$)')
# Words alone, none of which starts a statement of its own.
_MODIFIERS = re.compile(
    r"[ \t]*((?!(?:return|await|yield|throw|case|else|new|do|in|of|let)\b)(?:\w+[ \t]+)+)"
)
_MARKS = " \t*/#-!;<"
_TAG = re.compile(r"</?\w+[^>]*>")
# A line with nothing but attributes or decorators: `#[derive(Debug)]`, `@override`.
_ATTRIBUTE = re.compile(r"#!?\[.*\]|@[\w.]+(?:\(.*\))?")
_SENTENCE = re.compile(r".*?(?:[.!?](?=\s|$)|[。！？])")
_MAX_DOC_CHARS = 200
_MAX_MODIFIERS_CHARS = 80
_MAX_COMMENT_CHARS = 20_000
# A longer line is not one that a person wrote above a definition.
_MAX_LINE_CHARS = 1000


def one_line(text: str) -> str:
    """Collapse white space."""
    return " ".join(text.split())


def without(text: str, language: Language) -> str:
    """Drop the line comments of a text of several lines."""
    if "\n" not in text or not isinstance(language.comment, str) or language.comment not in text:
        return text
    mark = " " + language.comment
    return "\n".join(line.split(mark, 1)[0] for line in text.split("\n"))


def modifiers(text: str, at: int) -> int:
    """Return where the words right before a definition start: `export const`, `static`, `type`."""
    line = text.rfind("\n", max(0, at - _MAX_MODIFIERS_CHARS), at) + 1
    before = text[line:at]
    if not before or before.isspace():
        return at
    match = _MODIFIERS.fullmatch(before)
    return line + match.start(1) if match else at


def docstring(text: str, at: int) -> str:
    """Return the first sentence of the Python docstring at a place, "" where none is."""
    match = _DOCSTRING.match(text, at)
    return _sentence(match.group(2)) if match else ""


def above(text: str, at: int, language: Language) -> tuple[int, str]:
    """Find the comment right above a definition; return where it starts and its first sentence.

    Without one: `at` and "". Attributes in lines of their own (`#[test]`) are passed over.
    """
    line = text.rfind("\n", max(0, at - _MAX_LINE_CHARS), at) + 1
    if line == 0 or (line < at and not text[line:at].isspace()):
        return at, ""
    mark = language.comment if isinstance(language.comment, str) else "\0"
    lines: list[str] = []
    while line > 0:
        previous = text.rfind("\n", max(0, line - _MAX_LINE_CHARS), line - 1) + 1
        content = text[previous:line].strip()
        if not content:
            break
        is_attribute = content[0] in "#@" and _ATTRIBUTE.fullmatch(content) is not None
        if is_attribute or content.startswith(mark):
            at = text.index(content[0], previous)
            lines += [] if is_attribute else [content]
        elif content.endswith("*/") and not lines:
            opened = text.rfind("/*", max(0, line - _MAX_COMMENT_CHARS), line)
            if opened >= 0 and not text[text.rfind("\n", 0, opened) + 1 : opened].strip():
                return opened, _first(text[opened:line].splitlines())
            break
        else:
            break
        line = previous
    return at, _first(lines[::-1]) if lines else ""


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
    return (match.group() if match else text)[:_MAX_DOC_CHARS]
