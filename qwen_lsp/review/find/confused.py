"""English words that stand for others in a line of prose: `rather then`, `it's own`, `does not exists`.

Only phrases that no right sentence has are known. Which lines are prose, the caller says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# No part of code, of a path or of a longer word.
_FROM, _TO = r"(?<![-\w`'\"./#@$])", r"(?![-\w`'\"(=]|\.\w)"
_FOLLOWED = r"(?=\s+(?:(?:the|an?|this|that|these|those|its?|we|what|any|all|one|two|zero|\d+)\b|[`'\"<\[]))"
_COMPARED = (
    r"more|less|fewer|larger|bigger|smaller|greater|higher|lower|longer|shorter|older|newer|faster|slower"
)
_THIRD = (
    r"exists|contains|returns|has|supports|requires|includes|matches|works|makes|takes|gets|becomes|belongs|"
    r"allows|provides|happens|depends|knows|means|seems|wants"
)
_VERBS = {"has": "have", "matches": "match"}
# The phrase, its wrong word as the last group, what it should be.
_KNOWN: tuple[tuple[str, str], ...] = (
    (rf"(?:rather|other)\s+(then)(?=\s+\w)|(?:{_COMPARED})\s+(then){_FOLLOWED}", "than"),
    (r"[Ii]t('s)\s+own", "s"),
    (r"(?:should|could|would|must|might)\s+(of)(?=\s+(?:been|had|gone|done|\w{3,}ed)\b)", "have"),
    (r"(?:[Tt]his|[Ii]t)\s+(don't)", "doesn't"),
    (rf"(?:do|does|did)(?:n't|\s+not)\s+({_THIRD})", ""),
    (rf"(?:can|could|will|would|should|must|might|cannot|can't|won't)\s+(?:not\s+|also\s+)?({_THIRD})", ""),
    (
        r"(?:to|will|would|may|might|could|can|not|don't|doesn't|never)\s+(loose)"
        r"(?=\s+(?:the|its|their|our|your|any|data|precision|information|track|focus|it|them)\b)",
        "lose",
    ),
    (r"depend(?:s|ing)?\s+(of)(?=\s+(?:the|an?|this|its|their|which|what|how|whether)\b)", "on"),
    (r"(?:is|are|was|were|be)\s+(use)\s+to", "used"),
    (r"(?:is|are|was|were|not)\s+(suppose)\s+to", "supposed"),
    (r"be\s+(find|choose)(?=\s+\w|\s*[.,])", ""),
    (r"[Yy](our)\s+(?:not|welcome|going\s+to|trying\s+to)", "ou're"),
)
_PARTICIPLES = {"find": "found", "choose": "chosen"}
_PATTERNS = tuple((re.compile(f"{_FROM}(?:{pattern}){_TO}"), wanted) for pattern, wanted in _KNOWN)
_ANY = re.compile(
    rf"\bthen\b|'s\s+own|\bof\b|\bdon't\b|\b(?:{_THIRD})\b|\bloose\b|\buse\b|\bsuppose\b|\bbe\s|\b[Yy]our\b"
)
# `If it is larger then ...`: the word is right there.
_CONDITION = re.compile(r"(?i)\b(?:if|when|whenever|once|unless|until|while|since|first|either)\b")


class Confused(NamedTuple):
    """A phrase on a line: where it begins, what is written, what should be."""

    start: int
    found: str
    wanted: str


def confused(line: str, above: str = "") -> Iterator[Confused]:
    """Yield the phrases of a line whose word is another one; `above` is the line that it may go on from."""
    if not _ANY.search(line):
        return
    for pattern, wanted in _PATTERNS:
        match = pattern.search(line)
        if match is None:
            continue
        group = match.lastindex or 1
        word = match[group]
        if word == "then" and _CONDITION.search(above + " " + line[: match.start()]):
            continue
        right = wanted or _PARTICIPLES.get(word) or _VERBS.get(word) or word.removesuffix("s")
        start, end = match.span(group)
        text = match[0]
        at, to = start - match.start(), end - match.start()
        yield Confused(match.start(), text, text[:at] + right + text[to:])
