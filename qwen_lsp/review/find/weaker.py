"""What a line asks less exactly than before.

A test for nothing that became one for truth; a value that is read without asking whether there is one.

The removed and the added lines of one place are compared as tokens, as in `lost_parts`. It knows no trees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.change.change import ChangedFile
from qwen_lsp.review.find.lost_parts import places, tokens
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.rules import all_rules, is_test_path
from qwen_lsp.text import Document

TEST, READ = "weaker-test", "unprotected-read"
RULES = (TEST, READ)
_ENDINGS = (".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx")
# A change of more lines was thought about; so was a test that goes everywhere.
_MAX_CHANGED_LINES = 40
_MAX_IN_A_FILE = 3
_NOTHING = ("undefined", "null")
_OPEN, _CLOSED = "([{", ")]}"
_NAME = re.compile(r"[^\W\d]\w*$")
# Where the language decides: `get` without a default gives None, and nothing can be read of nothing.
_GET = re.compile(r"\.get\([^()]*\)$")
_EXPLICIT = re.compile(r"\bis (?:not )?None\b|[=!]==? ?(?:null|undefined)\b")


@dataclass(frozen=True, slots=True)
class Weaker:
    """One place: which rule, what was asked, of which value, on which line (from 1)."""

    rule: str
    asked: str
    subject: str
    line: int


def check(file: ChangedFile, document: Document, locale: Locale) -> list[Finding]:
    """Return where the lines of a file ask less exactly than the lines that they replaced."""
    if not file.path.endswith(_ENDINGS) or is_test_path(file.path) or file.patch.status != "modified":
        return []
    changed = [line for hunk in file.patch.hunks for line in hunk.lines if line.kind != "context"]
    if len(changed) > _MAX_CHANGED_LINES:
        return []
    found = list(_weaker(file))
    if len(found) > _MAX_IN_A_FILE:
        return []
    return [_finding(document, one, locale) for one in found]


def _weaker(file: ChangedFile) -> Iterator[Weaker]:
    is_python = file.path.endswith(".py")
    for old, new, number in places(file):
        pairs = [(old, new, number)]
        if len(old) == len(new) > 1:  # each line for itself
            pairs = [
                ([one], [other], number + at) for at, (one, other) in enumerate(zip(old, new, strict=True))
            ]
        for one, other, line in pairs:
            was, now = _plain(tokens(one)), _plain(tokens(other))
            if not was or not now:
                continue
            if (asked := (_weaker_python if is_python else _weaker_script)(was, now)) is not None:
                yield Weaker(TEST, *asked, line)
            elif (lost := unprotected(was, now)) is not None and not _is_set(file, lost[1]):
                yield Weaker(READ, *lost, line)


def _is_set(file: ChangedFile, subject: str) -> bool:
    """Whether the change gives the value another origin, which may always have one."""
    root = re.escape(re.split(r"[.\[(]", subject)[0])
    bound = re.compile(rf"^\s*(?:const |let |var )?{root}\s*(?::[^=]+)?=(?!=)|\b{root}\s*:=")
    return any(
        line.kind == "added" and bound.search(line.text) for hunk in file.patch.hunks for line in hunk.lines
    )


def _plain(found: list[str]) -> list[str]:
    """Write `get(key, None)` as `get(key)`, which it is."""
    plain: list[str] = []
    for token in found:
        if token == ")" and plain[-2:] == [",", "None"]:
            del plain[-2:]
        plain.append(token)
    return plain


def _weaker_python(was: Sequence[str], now: Sequence[str]) -> tuple[str, str] | None:
    """Return what was asked, and of which value: `x is not None` became `x`, `x is None` became `not x`."""
    for at in range(1, len(was) - 1):
        if list(was[at : at + 3]) == ["is", "not", "None"]:
            first = _operand(was, at)
            if _is_same([*was[:at], *was[at + 3 :]], now):
                return _shown(was[first : at + 3]), _shown(was[first:at])
        elif list(was[at : at + 2]) == ["is", "None"]:
            first = _operand(was, at)
            if _is_same([*was[:first], "not", *was[first:at], *was[at + 2 :]], now):
                return _shown(was[first : at + 2]), _shown(was[first:at])
    return None


def _weaker_script(was: Sequence[str], now: Sequence[str]) -> tuple[str, str] | None:
    """Return what was asked, and of which value: `x !== undefined` became `x`, `x ?? y` became `x || y`."""
    for at in range(1, len(was) - 1):
        first = _operand(was, at)
        subject = _shown(was[first:at])
        if was[at] in ("!==", "!=") and was[at + 1] in _NOTHING:
            if _is_same([*was[:at], *was[at + 2 :]], now):
                return _shown(was[first : at + 2]), subject
        elif was[at] in ("===", "==") and was[at + 1] in _NOTHING:
            if _is_same([*was[:first], "!", *was[first:at], *was[at + 2 :]], now):
                return _shown(was[first : at + 2]), subject
        elif was[at] == "??" and list(now) == [*was[:at], "||", *was[at + 1 :]]:
            return f"{subject} ?? …", subject
    return None


def _is_same(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two texts differ at most in parentheses around what is compared."""
    return list(one) == list(other) or (
        [token for token in one if token not in "()"] == [token for token in other if token not in "()"]
        and abs(len(one) - len(other)) <= 2
    )


def _operand(found: Sequence[str], end: int) -> int:
    """Return where the operand begins that ends before a place: `a.b(c)[d]`."""
    at = end
    while at > 0:
        token = found[at - 1]
        if token in (")", "]"):
            depth, at = 1, at - 1
            while at > 0 and depth:
                at -= 1
                depth += (found[at] in _CLOSED) - (found[at] in _OPEN)
            if at > 0 and (_NAME.match(found[at - 1]) or found[at - 1] in (")", "]")):
                continue
            return at
        if not (_NAME.match(token) or token[:1] in "\"'"):
            return at
        at -= 1
        if at > 0 and found[at - 1] in (".", "?."):
            at -= 1
            continue
        return at
    return at


def unprotected(was: Sequence[str], now: Sequence[str]) -> tuple[str, str] | None:
    """Return what kept a value from being read where there is none, and the value; None if nothing is lost.

    `x.a if x else b` became `x.a`; `x and x.a` became `x.a`; `get(k, b).a` became `get(k).a`.
    """
    gone = len(was) - len(now)
    if gone <= 0:
        return None
    start = 0
    while start < len(now) and was[start] == now[start]:
        start += 1
    for first in range(start, max(start - gone, 0) - 1, -1):
        end = first + gone
        if list(was[:first]) != list(now[:first]) or list(was[end:]) != list(now[first:]):
            continue
        part, rest = list(was[first:end]), list(was[end:])
        if part[-1] in ("and", "&&") and _is_value(_asked(part[:-1])) and _reads(rest, _asked(part[:-1])):
            return _shown(part[:-1]), _shown(_asked(part[:-1]))
        if part[-1] in ("or", "||") and part[0] in ("not", "!") and _reads(rest, part[1:-1]):
            return _shown(part[:-1]), _shown(part[1:-1])
        if part[0] == "if" and "else" in part:
            condition = _asked(part[1 : part.index("else")])
            if _is_value(condition) and _reads(was[_start_of(was, first) : first], condition):
                return _shown(part), _shown(condition)
        if (
            part[0] == ","
            and len(part) == 2
            and rest[:2] in ([")", "."], [")", "["])
            and _is_get(was, first)
            and part[1] not in ("None", "null")
        ):
            begins = _operand(was, end + 1)
            return _shown(part[1:]), f"{_shown(was[begins:first])})"
    return None


def _start_of(found: Sequence[str], end: int) -> int:
    """Return where the expression before a place begins: behind `=`, `return`, a comma or an open bracket."""
    depth, at = 0, end
    while at > 0:
        token = found[at - 1]
        if token in _CLOSED:
            depth += 1
        elif token in _OPEN:
            if depth == 0:
                return at
            depth -= 1
        elif depth == 0 and token in ("=", "return", ",", ":", "yield", "=>"):
            return at
        at -= 1
    return at


def _asked(condition: Sequence[str]) -> list[str]:
    """Return the value of which a condition asks whether there is one."""
    for end in (["is", "not", "None"], ["!==", "null"], ["!==", "undefined"], ["!=", "null"]):
        if list(condition[-len(end) :]) == end:
            return list(condition[: -len(end)])
    return list(condition)


def _is_value(found: Sequence[str]) -> bool:
    return bool(found) and _operand(found, len(found)) == 0


def _reads(found: Sequence[str], value: Sequence[str]) -> bool:
    """Whether a text reads something of a value: `value.a`, `value[b]`."""
    n = len(value)
    return any(
        list(found[at : at + n]) == list(value)
        and found[at + n] in (".", "[")
        and (at == 0 or found[at - 1] not in (".", "?."))
        for at in range(len(found) - n)
    )


def _is_get(found: Sequence[str], comma: int) -> bool:
    """Whether a comma is the first one of a call of `.get`."""
    at = comma - 2
    return at > 1 and found[at] == "(" and found[at - 1] == "get" and found[at - 2] == "."


def _shown(found: Sequence[str]) -> str:
    text = re.sub(r"\s*([.()\[\]]|\?\.)\s*", r"\1", " ".join(found)).replace(" ,", ",").strip()
    return re.sub(r"\)(?=\w)", ") ", text).replace("`", "'")


def _finding(document: Document, one: Weaker, locale: Locale) -> Finding:
    rule = all_rules()[one.rule]
    message = rule.message.to(locale).replace("{asked}", one.asked).replace("{subject}", one.subject)
    found = finding.of_rule(document, one.line - 1, rule, message, locale, identity=f"{one.rule} {one.asked}")
    is_sure = one.rule == READ and (_GET.search(one.subject) or _EXPLICIT.search(one.asked))
    return replace(found, severity="warning") if is_sure else found
