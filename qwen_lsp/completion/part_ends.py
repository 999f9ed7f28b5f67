"""Where a part of an answer that is shown unasked may end: not inside of what it opened itself.

A part that ends in an open bracket, string or tag leaves a broken line when it is accepted. What the model is
sure of closing is in the part already, so a part is cut back to where nothing of it is open. Pure; by signs
alone, because a part has no reliable tree.
"""

from __future__ import annotations

import re

from qwen_lsp.completion.surroundings import Surroundings
from qwen_lsp.syntax import brackets
from qwen_lsp.syntax.languages import Language

# What can't end an expression, nor the sign before a variable's name; `i++` and `*` of an import can.
_DANGLING = re.compile(r"(?:\s*(?:(?<!\+)\+|(?<!-)-|[=./&|!~^%$@]|(?<=\S)\s+[*<>]))+\Z")
_END_TAG = re.compile(r"</[A-Za-z][\w.:-]*\Z")
_START_TAG = re.compile(r"</?(?:[A-Za-z][^<>]*)?\Z")
# A command with options and nothing to work on: its arguments are what a reader waits for (`rm -rf`).
_COMMANDS = frozenset({"shellscript", "makefile", "dockerfile", "powershell", "fish"})
_WITHOUT_ARGUMENTS = re.compile(r"(?:(?<=^)|(?<=\s))[\w./$@()-]+(?:\s+-[\w-]+)+\Z")
# Quotes are apostrophes in prose, and in these languages a single one has other uses.
_PROSE = frozenset({"markdown", "plaintext", "latex", "restructuredtext", "html", "xml"})
_LONE_QUOTES = frozenset({"rust", "ocaml", "haskell", "verilog", "vb", "matlab", "scheme", "lisp", "clojure"})


def ended(part: str, around: Surroundings) -> str:
    """Return the part up to its last place where a construct may end; an end tag gets its sign."""
    if around.place == "comment":
        return part
    if _END_TAG.search(part) and brackets.is_markup(around.language):
        return f"{part}>"
    while part:
        at = _first_open(part, around)
        kept = part if at is None else part[:at].rstrip()
        if around.place == "code":
            kept = _DANGLING.sub("", kept)
            if around.language is not None and around.language.id in _COMMANDS:
                kept = _WITHOUT_ARGUMENTS.sub("", kept).rstrip()
        if kept == part:
            return part
        part = kept
    return part


def _first_open(part: str, around: Surroundings) -> int | None:
    """Return where the first bracket, string or tag begins that the part opens and does not close."""
    quotes = _quotes(around.language)
    opened: list[tuple[str, int]] = []
    at = _after_open_string(part, around, quotes)
    while at < len(part):
        char = part[at]
        if _is_quote(part, at, quotes):
            end = _closing_quote(part, at)
            if end is None:
                return min([at, *(start for _, start in opened)])
            at = end
            continue
        if char in "([{":
            opened.append((char, at))
        elif char in brackets.PAIRS and opened and opened[-1][0] == brackets.PAIRS[char]:
            opened.pop()
        at += 1
    if brackets.is_markup(around.language) and (tag := _START_TAG.search(part)):
        opened.append(("<", tag.start()))
    return min((start for _, start in opened), default=None)


def _quotes(language: Language | None) -> str:
    name = language.id if language else ""
    if language is None or name in _PROSE:
        return ""
    return '"`' if name in _LONE_QUOTES else "\"'`"


def _is_quote(text: str, at: int, quotes: str) -> bool:
    """Whether a sign begins a string; behind a letter, a single quote is an apostrophe."""
    return text[at] in quotes and not (text[at] == "'" and text[at - 1 : at].isalnum())


def _closing_quote(part: str, at: int) -> int | None:
    """Return where the string that begins at a quote is over; None when it is not."""
    quote = part[at : at + 3] if part[at : at + 3] in ('"""', "'''") else part[at]
    place = at + len(quote)
    while place < len(part):
        if part[place] == "\\":
            place += 2
        elif part.startswith(quote, place):
            return place + len(quote)
        else:
            place += 1
    return None


def _after_open_string(part: str, around: Surroundings, quotes: str) -> int:
    """Return where the string that the cursor stands in is over: 0 outside of one, all when it goes on."""
    line, at, quote = around.line_prefix, 0, ""
    while at < len(line) and not quote:
        end = _closing_quote(line, at) if _is_quote(line, at, quotes) else at + 1
        quote, at = (line[at], at) if end is None else ("", end)
    if not quote and around.place != "string":
        return 0
    place = part.find(quote or '"')
    return len(part) if place < 0 else place + 1
