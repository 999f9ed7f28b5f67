"""What single lines lost while the rest of them stayed: a call around a value, a fallback, an argument.

The removed and the added lines of one place are compared as tokens. A part is lost where the new tokens
are the old ones without it, and nothing that was added has it. Large changes, and parts that go in several
places, are meant. It knows no trees: a place is a few lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import NamedTuple

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.change.change import ChangedFile
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.rules import all_rules, is_test_path
from qwen_lsp.text import Document

RULE = "lost-part"
_ENDINGS = (".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".go", ".java")
_MAX_LINES_OF_A_PLACE = 6
# A change of more lines is no slip; a part that goes oftener was given up.
_MAX_CHANGED_LINES = 40
_MAX_REPEATS = 2
_MAX_TOKENS = 24
_TOKEN = re.compile(
    r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|`(?:\\.|[^`\\])*`|\w+|=>|->|\?\.|\?\?|\|\||&&|[!=]==?|[<>]=|:=|\S'
)
_COMMENT = re.compile(r"^\s*(?:#|//|/\*|\*)")
# What these lines lose is a signature, a name or a text, and not something that was done.
_DECLARATION = re.compile(
    r"^\s*(?:@|(?:export\s+|public\s+|private\s+|protected\s+|static\s+|async\s+|default\s+)*"
    r"(?:def|class|function|func|interface|type|import|from|package|enum)\b)|\bimport\b|^\s*[)\]}]"
)
_STEP = re.compile(rf"{RULE} (?:\w+ \. )*(\w+) \(")
_DEFINED = re.compile(
    r"^\s*(?:export\s+|async\s+|pub\s+)*(?:(?:def|function|func|fn)\s+(\w+)|(?:const|let|var)\s+(\w+)\s*=)",
    re.M,
)
_CALLED = re.compile(r"([^\W\d]\w*)\s*\(")
_NAME = re.compile(r"[^\W\d]\w*$")
_WRAPPED = re.compile(r"[^\W\d][\w. ]* \( ([^\W\d]\w*) \)$")
_FALLBACKS = ("or", "||", "??")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
# Whatever goes through these is the same for most that use it, or is only shown.
_INDIFFERENT = re.compile(
    r"(?i)^(?:list|tuple|set|dict|iter|bool|cast|print|_|t|i18n|gettext\w*|super|type|memo|use[A-Z]\w*|\w*log\w*|debug|info|"
    r"warn|warning|error|trace|format|fmt|printf|sprintf|errorf|tolist|values|keys|items|toarray|stream|build|"
    r"bind|then|get|tostring|valueof|describe|expect|assert\w*|not\w*null|reversed?|unwrap)$"
)
# A compiler decides whether a number or a text still needs one of these.
_CONVERSION = re.compile(r"(?:u?int(?:8|16|32|64)?|float(?:32|64)|string|byte|rune) \(")


class Lost(NamedTuple):
    """A part that a line lost: its text, the line after the change (from 1), whether it did something."""

    part: str
    line: int
    is_step: bool


def check(file: ChangedFile, document: Document, locale: Locale) -> list[Finding]:
    """Return what lines of a file lost."""
    if not file.path.endswith(_ENDINGS) or is_test_path(file.path) or file.patch.status != "modified":
        return []
    changed = [line for hunk in file.patch.hunks for line in hunk.lines if line.kind != "context"]
    if len(changed) > _MAX_CHANGED_LINES or any(
        line.kind == "added" and _COMMENT.match(line.text) for line in changed
    ):
        return []
    added = " ".join(tokens(line.text for line in changed if line.kind == "added"))
    lost = [
        one
        for one in _lost(file)
        if not (file.path.endswith(".go") and _CONVERSION.match(one.part))
        and f" {one.part} " not in f" {added} "
        and not _is_made_before(one.part, added)
    ]
    often = Counter(one.part for one in lost)
    rule = all_rules()[RULE]
    return [
        replace(
            finding.of_rule(
                document,
                one.line - 1,
                rule,
                rule.message.to(locale).replace("{part}", _shown(one.part)),
                locale,
                identity=f"{RULE} {one.part}",
            ),
            severity="warning" if one.is_step else rule.severity,
        )
        for one in lost
        if often[one.part] <= _MAX_REPEATS
    ]


def without_changed_callees(found: Sequence[Finding], files: Collection[ChangedFile]) -> list[Finding]:
    """Leave out what went with a function: an `await` of what waits no more, a call of what is gone."""
    found = _without_gone(found, files)
    if not any(one.rule == RULE and one.identity == f"{RULE} await" for one in found):
        return list(found)
    gone = "\n".join(
        line.text
        for file in files
        for hunk in file.patch.hunks
        for line in hunk.lines
        if line.kind == "removed" and "async" in line.text
    )
    return [
        one
        for one in found
        if one.identity != f"{RULE} await" or not any(name in gone for name in _CALLED.findall(one.quote))
    ]


def _without_gone(found: Sequence[Finding], files: Collection[ChangedFile]) -> list[Finding]:
    """Leave out calls of a function whose definition the change took away, and that no changed file names."""
    calls = {one: match[1] for one in found if one.rule == RULE and (match := _STEP.match(one.identity))}
    if not calls:
        return list(found)
    removed = "\n".join(line.text for file in files for line in file.patch.removed)
    defined = {name for match in _DEFINED.finditer(removed) for name in match.groups() if name}
    gone = {
        name
        for name in defined.intersection(calls.values())
        if not any(re.search(rf"\b{re.escape(name)}\b", file.after or "") for file in files)
    }
    return [one for one in found if calls.get(one) not in gone]


def _is_made_before(part: str, added: str) -> bool:
    """Whether the change gives the name that a call stood around its value anew: the step is done there."""
    inner = _WRAPPED.match(part)
    return inner is not None and f" {inner[1]} = " in f" {added} "


def _is_a_step(part: Sequence[str], old: Sequence[str]) -> bool:
    """Whether a part did something to a value: a call or `await`. People seldom take those out on purpose.

    Arguments and fallbacks go when a default makes them needless, a negation when a name is turned round, a
    call when a chain over several lines is put together otherwise; `return await` mostly says the same.
    """
    if part[0] in (",", "not", "!", *_FALLBACKS) or part[-1] == ",":
        return False
    if part == ["await"]:
        return "return await " not in " ".join(old)
    return not any(line.lstrip().startswith((".", "?.")) for line in old)


def places(file: ChangedFile) -> Iterator[tuple[list[str], list[str], int]]:
    """Yield the lines that were taken away in one place, those that came, and the number of the first.

    Places of more than a few lines, and declarations, are left out.
    """
    for hunk in file.patch.hunks:
        for is_changed, run in groupby(hunk.lines, key=lambda line: line.kind != "context"):
            lines = list(run)
            old = [line.text for line in lines if line.kind == "removed"]
            new = [line for line in lines if line.kind == "added"]
            if not is_changed or not old or not new or not (number := new[0].new):
                continue
            if max(len(old), len(new)) <= _MAX_LINES_OF_A_PLACE and not any(map(_DECLARATION.search, old)):
                yield old, [line.text for line in new], number


def _lost(file: ChangedFile) -> Iterator[Lost]:
    for old, new, number in places(file):
        was, now = tokens(old), tokens(new)
        if now and (part := lost_part(was, now)) is not None:
            yield Lost(" ".join(part), number, _is_a_step(part, old))


def tokens(lines: Collection[str] | Iterator[str]) -> list[str]:
    """Cut lines into tokens; a comma before a closing bracket is only a matter of layout."""
    found = [token for line in lines for token in _TOKEN.findall(line)]
    return [
        token
        for token, following in pairwise([*found, ""])
        if not (token == "," and following in _PAIRS.values())
    ]


def lost_part(old: Sequence[str], new: Sequence[str]) -> list[str] | None:
    """Return the tokens that one text lacks of another, where they are one part of a kind that we know.

    A part is a call of a method, a call around a value, a fallback, an argument, `await` or a negation.
    """
    at = 0
    while at < min(len(old), len(new)) and old[at] == new[at]:
        at += 1
    if not 0 < len(old) - len(new) <= _MAX_TOKENS:
        return None
    # The same tokens may be gone at an earlier place: `a, b, b` lacks its second or its third.
    for start in range(at, max(at - len(old) + len(new), 0) - 1, -1):
        end = start + len(old) - len(new)
        if old[:start] == new[:start] and old[end:] == new[start:]:
            part = list(old[start:end])
            if _is_known(part, old, start):
                return part
    return _around(old, new, at)


def _is_known(part: list[str], old: Sequence[str], start: int) -> bool:
    """Whether a part that is gone was doing something by itself."""
    if not _is_balanced(part):
        return False
    before = old[start - 1] if start else ""
    if part[0] in (".", "?.") and len(part) >= 4 and part[2] == "(" and part[-1] == ")":
        return not any(_INDIFFERENT.match(name) for name, mark in pairwise(part) if mark == "(")
    if part[0] in _FALLBACKS and len(part) >= 2:
        return old[0] not in ("if", "elif", "while", "}", "assert") and not any(
            token in ("and", "&&") for token in part
        )
    if part in (["await"], ["not"], ["!"]):
        return True
    if part[0] == "," and len(part) >= 2:
        return _in_call(old, start) and part.count(",") == 1
    if part[-1] == "," and before == "(" and len(part) >= 2:
        return _in_call(old, start) and part.count(",") == 1
    return False


def _in_call(old: Sequence[str], at: int) -> bool:
    """Whether a place is among the arguments of a call, at least one of which is left."""
    depth = 0
    for index in range(at - 1, -1, -1):
        token = old[index]
        if token in _PAIRS.values():
            depth += 1
        elif token in _PAIRS:
            if depth == 0:
                name = old[index - 1] if index else ""
                is_name = bool(_NAME.match(name)) and name not in ("in", "return", "and", "or", "not", "if")
                return token == "(" and is_name and not _INDIFFERENT.match(name)
            depth -= 1
    return False


def _around(old: Sequence[str], new: Sequence[str], at: int) -> list[str] | None:
    """Return the call that stood around a value which is left alone: `clean(x)`, now `x`."""
    for start in range(at, max(at - 4, -1), -1):
        index = start
        while index + 2 < len(old) and _NAME.match(old[index]) and old[index + 1] in (".", "?."):
            index += 2
        if index + 1 >= len(old) or not _NAME.match(old[index]) or old[index + 1] != "(":
            continue
        if _INDIFFERENT.match(old[index]) or (end := _closing(old, index + 1)) is None:
            continue
        inner, rest = list(old[index + 2 : end]), list(old[end + 1 :])
        if inner and list(new) == [*old[:start], *inner, *rest]:
            return [*old[start : index + 2], *inner, ")"]
    return None


def _closing(tokens: Sequence[str], at: int) -> int | None:
    depth = 0
    for index in range(at, len(tokens)):
        if tokens[index] in _PAIRS:
            depth += 1
        elif tokens[index] in _PAIRS.values():
            depth -= 1
            if depth == 0:
                return index
    return None


def _is_balanced(tokens: Sequence[str]) -> bool:
    depth = 0
    for token in tokens:
        depth += (token in _PAIRS) - (token in _PAIRS.values())
        if depth < 0:
            return False
    return depth == 0


def _shown(part: str) -> str:
    """Write a part as people do: ` . strip ( )` is `.strip()`."""
    return (
        re.sub(r"\s*([.()\[\]]|\?\.|(?<=\s)=(?=\s))\s*", r"\1", part)
        .replace(" ,", ",")
        .replace(" : : ", "::")
        .lstrip(", ")
        .rstrip(", ")
    )
