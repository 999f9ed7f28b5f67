"""How two versions of one line differ, in words that a finding can be made of. Pure.

Only a small difference in one place has a kind: an operator, a negation, a number, a name, arguments in
another order, something that is missing. What only leaves something out has none: small models do that by
themselves. Anything larger is another way to write. Most false alarms were of these two sorts
(docs/benchmarks.md).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["operator", "negation", "number", "name", "order", "missing"]

_TOKEN = re.compile(
    r"(?P<text>[rbfuRBFU]{0,2}(?:\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`))"
    r"|(?P<number>\d[\w.]*)|(?P<name>[^\W\d]\w*)"
    r"|(?P<operator>\*\*=|//=|<<=|>>=|===|!==|\*\*|//|<<|>>|<=|>=|==|!=|&&|\|\||->|=>|:=|::|\?\?|\?\."
    r"|[-+*/%&|^]=|[-+*/%&|^<>=!~?])"
    r"|(?P<sign>\S)"
)
_WORD_OPERATORS = frozenset(
    {"and", "or", "not", "in", "is", "True", "False", "true", "false", "None", "null", "nil"}
)
# More tokens than this taken away and put in, or further apart, is another way to write.
_MAX_TOKENS, _MAX_APART = 10, 16
_PREFIXES = frozenset({"not", "!", "-", "~", "True", "False", "true", "false", "None", "null", "nil"})
_OPENED, _CLOSED = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a line. Units: characters from its start."""

    text: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands in one line where another has something else.

    `old` and `new` are the smallest pieces that can be shown; `old` stands from `start` to `end` in its line.
    """

    kind: Kind
    old: str
    new: str
    start: int
    end: int


def tokens(line: str) -> list[Token]:
    """Cut a line into names, numbers, texts, operators and signs."""
    found = []
    for match in _TOKEN.finditer(line):
        kind = match.lastgroup or "sign"
        if kind == "name" and match.group() in _WORD_OPERATORS:
            kind = "operator"
        found.append(Token(match.group(), kind, match.start(), match.end()))
    return found


def names(line: str) -> set[str]:
    """Name what a line names."""
    return {token.text for token in tokens(line) if token.kind == "name"}


def difference(written: str, other: str) -> Difference | None:
    """Describe how another version of a line differs; None where it is not near, or not different at all."""
    one, two = tokens(written), tokens(other)
    texts, other_texts = [token.text for token in one], [token.text for token in two]
    matcher = difflib.SequenceMatcher(a=texts, b=other_texts, autojunk=False)
    changed = [block for block in matcher.get_opcodes() if block[0] != "equal"]
    if not changed:
        return None
    (_, first, _, first_other, _), (_, _, last, _, last_other) = changed[0], changed[-1]
    if max(last - first, last_other - first_other) > _MAX_APART or last - first == len(texts):
        return None
    differing = [token for _, a, b, c, d in changed for token in (*one[a:b], *two[c:d])]
    if len(differing) > _MAX_TOKENS:
        return None
    if any(token.kind == "text" for token in differing):
        return None  # texts for people are nobody's surprise
    kind = _kind(one[first:last], two[first_other:last_other])
    if kind is None:
        return None
    if kind not in ("operator", "order"):
        first, last, first_other, last_other = _widened(one, two, first, last, first_other, last_other)
    if not one[first:last] or not two[first_other:last_other]:
        return None
    start, end = one[first].start, one[last - 1].end
    new = other[two[first_other].start : two[last_other - 1].end]
    return Difference(kind, written[start:end], new, start, end)


def _kind(old: list[Token], new: list[Token]) -> Kind | None:
    kinds = {token.kind for token in (*old, *new)}
    if [token.text for token in (*old, *new)] in (["not"], ["!"]):
        return "negation"
    if not old or _is_within(old, new):
        return "missing"
    if not new or _is_within(new, old):
        return None
    if len(old) > 1 and sorted(token.text for token in old) == sorted(token.text for token in new):
        return "order"
    if kinds == {"operator"}:
        return "operator"
    is_one = len(old) == len(new) == 1
    return "number" if is_one and kinds == {"number"} else "name" if is_one and kinds == {"name"} else None


def _is_within(small: list[Token], large: list[Token]) -> bool:
    rest = iter(token.text for token in large)
    return len(small) < len(large) and all(token.text in rest for token in small)


def _widened(
    one: list[Token], two: list[Token], first: int, last: int, first_other: int, last_other: int
) -> tuple[int, int, int, int]:
    """Take in what both lines share around the difference until it can be read: `left` beside `left + 1`."""
    while (
        first > 0
        and first_other > 0
        and (_lacks_left(one, first, last) or _lacks_left(two, first_other, last_other))
    ):
        first, first_other = first - 1, first_other - 1
    while (
        last < len(one)
        and last_other < len(two)
        and (_depths(one[first:last])[1] > 0 or _depths(two[first_other:last_other])[1] > 0)
    ):
        last, last_other = last + 1, last_other + 1
    return first, last, first_other, last_other


def _lacks_left(line: list[Token], first: int, last: int) -> bool:
    """Whether a piece of a line cannot stand alone at its left side."""
    if first == last or _depths(line[first:last])[0] < 0:
        return True
    head = line[first]
    if head.text in (".", ",", "="):
        return True
    if head.text in ("(", "[") and line[first - 1].kind == "name":
        return True
    return head.kind == "operator" and head.text not in _PREFIXES


def _depths(piece: list[Token]) -> tuple[int, int]:
    """Return how deep below its start a piece goes in brackets, and how deep it ends."""
    depth = lowest = 0
    for token in piece:
        depth += (token.text in _OPENED) - (token.text in _CLOSED)
        lowest = min(lowest, depth)
    return lowest, depth - lowest
