"""What in a line of a comment is not prose and must survive a translation to the letter.

Tags of documentation with the names they are about, markup, links, code, numbering. Pure; it knows neither
the model nor the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from qwen_lsp.text import HAN, has_han

# `\w` would take in the Chinese that follows a name without a space.
_NAME = r"(?a:[A-Za-z_$][\w$.]*)"
# Before the words of a line: a bullet or a number, a tag with its name, a field, an opening element.
_LEADING = re.compile(
    r"(?:"
    r"[-*+•] +|\(?\d{1,3}[.)、] *|#{1,6} +|> +"
    r"|[@\\](?:param|arg|argument|property|prop|tparam|typeparam)(?:\[\w+\])?(?:[ \t]+\{[^}]*\})?"
    rf"[ \t]+[\[<]?\$?{_NAME}[\]>]?[ \t]*(?:-[ \t]+)?"
    rf"|[@\\](?:throws|exception|see|since|author|version|deprecated)(?:[ \t]+{_NAME})?[ \t]*"
    r"|[@\\][A-Za-z]+(?:[ \t]+\{[^}]*\})?[ \t]*"
    rf"|:(?:param|parameter|arg|type|raises?|except|var|ivar|cvar)(?:[ \t]+\S+)*?[ \t]+{_NAME}:[ \t]*"
    r"|:(?:returns?|rtype|yields?|return):[ \t]*"
    rf"|\*{{0,2}}{_NAME}(?:[ \t]*\([^)]*\))?:[ \t]+(?=\S)"
    r"|</?[A-Za-z][^<>]*>[ \t]*"
    r")+"
)
_TRAILING = re.compile(r"(?<![ \t])(?>[ \t]*+</?[A-Za-z][^<>]*+>|[ \t]{2,}+)++$")
_MAX_CHARS = 2_000  # of a line that has marks; a longer one is no line of prose
# Within the words. Source: Javadoc, TSDoc, reST, Markdown and format strings.
INLINE = re.compile(
    r"\{@\w+[^}]*\}|</?[A-Za-z][^<>]*>|:\w+:`[^`]*`|``[^`]+``|`[^`\n]+`(?:__?(?!\w))?|!?\[[^\]\n]*\]\([^)\n]*\)"
    r"|https?://[^\s，。；）)]+|(?<![\w*])\*[\w.]+\*(?![\w*])|\*\*|%[sdifxr]\b|\$\{[^}]*\}|\{[\w.]*\}|@\w+"
)
_CODE_NAME = re.compile(
    r"(?<![\w$])(?:[A-Za-z_$]+[\w$]*(?:[._]\w+)+(?:\(\))?|[a-z]+[A-Z]\w*|[A-Z][a-z0-9]+[A-Z]\w*|\$[A-Za-z]\w*|\w+\(\))",
    re.ASCII,
)
_ASCII_WORD = re.compile(r"[A-Za-z_$][\w$]+", re.ASCII)


def parts(line: str) -> tuple[str, str, str]:
    """Split a line into its leading marks, its words and its trailing marks; they add up to the line."""
    if len(line) > _MAX_CHARS:
        return "", line, ""
    leading = _LEADING.match(line)
    start = leading.end() if leading else 0
    trailing = _TRAILING.search(line, start)
    end = trailing.start() if trailing else len(line)
    return line[:start], line[start:end], line[end:]


def lost(words: str, translated: str, names: Collection[str] = ()) -> list[str]:
    """List the marks and names of the words that a translation lacks.

    Shape: markup counts as often as it stands; a name must be there once, marked or not, also one of `names`.
    A plain Latin word in a Chinese line is a name of the code, too, in any case of letters.
    """
    words = words[:_MAX_CHARS]
    marks = INLINE.findall(words)
    missing = [mark for mark in dict.fromkeys(marks) if translated.count(mark) < _wanted(mark, marks)]
    bare = INLINE.sub(" ", words)
    missing += [name for name in _CODE_NAME.findall(bare) if name not in translated]
    spoken = set(_ASCII_WORD.findall(bare))
    missing += [name for name in names if name in spoken and name not in translated]
    if has_han(words):
        lowered = translated.lower()
        missing += [word for word in _ASCII_WORD.findall(bare) if word.lower() not in lowered]
    added = [
        mark
        for mark in INLINE.findall(translated[: 2 * _MAX_CHARS])
        if mark not in marks and mark[0] in "<{@"
    ]
    return list(dict.fromkeys(missing)) + added


def _wanted(mark: str, marks: list[str]) -> int:
    """Say how often a mark must be there: a marked name that a sentence repeats may become a word for it."""
    return 1 if mark[-1] in "`*" and mark != "**" else marks.count(mark)


def pieces(words: str) -> list[tuple[str, bool]]:
    """Split words into (text, is_mark), where marks stay as they are; they add up to the words."""
    found: list[tuple[str, bool]] = []
    at = 0
    name = re.match(rf"{_NAME}(?=[\s{HAN}])", words) if has_han(words) else None
    if name is not None:  # `Total 计算总价`, as Go writes
        found.append((name.group(), True))
        at = name.end()
    for mark in INLINE.finditer(words, at):
        if mark.start() > at:
            found.append((words[at : mark.start()], False))
        found.append((mark.group(), True))
        at = mark.end()
    if at < len(words):
        found.append((words[at:], False))
    return found
