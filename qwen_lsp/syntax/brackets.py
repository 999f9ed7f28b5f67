"""What a piece of source has opened and not closed: brackets, tags, strings of several lines.

By signs alone, so it holds for an answer that is still being written, for one without its surroundings and
for languages without a grammar. Linear in the text. It knows no indentation and no statements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen_lsp.syntax.languages import Language

PAIRS = {")": "(", "]": "[", "}": "{"}
_MARKUP = frozenset(
    {"html", "vue", "svelte", "xml", "wxml", "javascript", "typescriptreact", "php", "markdown"}
)
# Elements of HTML that have no end tag.
_VOID = frozenset(
    (
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    )
)
_ATTRIBUTES = r"""(?:"[^"]*"|'[^']*'|\{(?:[^{}]|\{[^{}]*\})*\}|[^<>"'{}])*?"""
_TAG = re.compile(
    rf"<(?P<end>/?)(?P<name>[A-Za-z][\w.:-]*)?(?=[\s/>]|\Z)(?P<rest>{_ATTRIBUTES})(?P<self>/?)>"
)
_TAG_BEGINS = re.compile(r"<(?:[A-Za-z][\w.:-]*(?=[\s/]|\Z))")
# Strings that may run over several lines, wherever they are known.
_LONG_QUOTES = (
    {"python": ('"""', "'''"), "toml": ('"""', "'''"), "kotlin": ('"""',), "java": ('"""',)}
    | dict.fromkeys(("javascript", "typescript", "typescriptreact", "go", "vue", "svelte"), ("`",))
    | dict.fromkeys(("scala", "swift", "dart", "elixir", "julia", "graphql", "csharp"), ('"""',))
)
# A parenthesis closes the pattern of a `case` there, and opens nothing.
_LOOSE_PARENTHESES = frozenset({"shellscript", "makefile", "dockerfile", "latex", "markdown"})

# Blocks that begin and end with a line at the indentation of what they hold.
_FLAT_BLOCKS = {
    "makefile": re.compile(r"[ ]*(?:(ifn?eq|ifn?def|define)|(endif|endef))\b"),
    "latex": re.compile(r"\s*(?:(\\begin\{)|(\\end\{))"),
} | dict.fromkeys(
    ("c", "cpp", "csharp", "objective-c"), re.compile(r"\s*#\s*(?:(if|region)|(endif|endregion))")
)


@dataclass(frozen=True, slots=True)
class Balance:
    """How a text stands at each of its lines.

    Shape: `depths` holds, for the start of each line, how many brackets and tags of the text itself are open
    there; `in_string` tells for the same places whether a string of several lines is. `foreign` are the
    offsets of closing brackets and end tags that close nothing in the text.
    """

    depths: tuple[int, ...]
    in_string: tuple[bool, ...]
    foreign: tuple[int, ...]
    depth: int


def is_markup(language: Language | None) -> bool:
    """Tell whether tags are matched in a language as brackets are."""
    return language is not None and language.id in _MARKUP


def balance(text: str, language: Language | None = None) -> Balance:
    """Match the brackets, tags and long strings of a text; quoted text and comments count for nothing.

    A quote that is not closed on its line is an apostrophe.
    """
    name = language.id if language else ""
    mark = language.comment if language and isinstance(language.comment, str) else ""
    quotes = _LONG_QUOTES.get(name, ())
    counted = "[]{}" if name in _LOOSE_PARENTHESES else "()[]{}"
    has_tags = is_markup(language) or (language is None and "</" in text)
    depths, in_string = [0], [False]
    foreign: list[int] = []
    stack: list[str] = []
    at, open_quote = 0, ""
    flat = _FLAT_BLOCKS.get(name)
    while at < len(text):
        char = text[at]
        if flat and not open_quote and (at == 0 or text[at - 1] == "\n") and (word := flat.match(text, at)):
            if word[1]:
                stack.append("#")
            elif "#" in stack:
                while stack.pop() != "#":
                    pass
            at = word.end()
            continue
        if char == "\n":
            depths.append(len(stack))
            in_string.append(bool(open_quote))
            at += 1
            continue
        if open_quote:
            if text.startswith(open_quote, at):
                at += len(open_quote)
                open_quote = ""
            else:
                at += 2 if char == "\\" and text[at + 1 : at + 2] != "\n" else 1
            continue
        long_quote = next((quote for quote in quotes if text.startswith(quote, at)), "")
        if long_quote:
            open_quote = long_quote
            at += len(long_quote)
        elif char in "\"'`":
            at = _after_quoted(text, at)
        elif mark and text.startswith(mark, at) and (at == 0 or text[at - 1].isspace()):
            at = _line_end(text, at)
        elif char == "/" and mark == "//" and text.startswith("/*", at):
            end = text.find("*/", at)
            skipped = text[at : end if end >= 0 else len(text)]
            depths.extend([len(stack)] * skipped.count("\n"))
            in_string.extend([True] * skipped.count("\n"))
            at += len(skipped)
        elif char == "<" and has_tags and (tag := _tag(text, at)) is not None:
            end = _take_tag(tag, stack, foreign)
            depths.extend([len(stack) + 1] * tag.group().count("\n"))
            in_string.extend([False] * tag.group().count("\n"))
            at = end
        elif char == "<" and has_tags and _begins_tag(text, at):
            stack.append("<")  # a start tag that goes on
            at += 1
        elif char in counted:
            _take_bracket(char, at, stack, foreign)
            at += 1
        else:
            at += 1
    return Balance(tuple(depths), tuple(in_string), tuple(foreign), len(stack))


def _take_bracket(char: str, at: int, stack: list[str], foreign: list[int]) -> None:
    opener = PAIRS.get(char)
    if opener is None:
        stack.append(char)
    elif opener in stack:
        while stack.pop() != opener:
            pass
    else:
        foreign.append(at)


def _take_tag(tag: re.Match[str], stack: list[str], foreign: list[int]) -> int:
    name = f"<{(tag['name'] or '').lower()}"
    if tag["end"]:
        if name in stack:
            while stack.pop() != name:
                pass
        else:
            foreign.append(tag.start())
    elif not tag["self"] and name[1:] not in _VOID:
        stack.append(name)
    return tag.end()


def _tag(text: str, at: int) -> re.Match[str] | None:
    """Match a tag; a type parameter (`Array<string>`) follows a word, a tag does not."""
    if text[at + 1 : at + 2] != "/" and _follows_word(text, at):
        return None
    return _TAG.match(text, at)


def _begins_tag(text: str, at: int) -> bool:
    return not _follows_word(text, at) and _TAG_BEGINS.match(text, at) is not None


def _follows_word(text: str, at: int) -> bool:
    return at > 0 and (text[at - 1].isalnum() or text[at - 1] in "_$")


def _after_quoted(text: str, at: int) -> int:
    """Return where the string that begins here ends, on its line; just behind the quote where it does not."""
    quote, end = text[at], _line_end(text, at)
    place = at + 1
    while place < end:
        if text[place] == "\\":
            place += 1
        elif text[place] == quote:
            return place + 1
        place += 1
    return at + 1


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
