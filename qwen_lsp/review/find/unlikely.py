"""The first pass: review by completion. A line that the model would have written otherwise, and is sure of.

`BARS` says for which models that is worth a finding, and how sure they must be, as measured (docs/review.md).
Here numbers become findings: what is believed, in which words, with the model's own line as the fix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from qwen_lsp.messages import Locale, text
from qwen_lsp.review import finding
from qwen_lsp.review.change.units import Unit
from qwen_lsp.review.find.asking import Pass
from qwen_lsp.review.find.infill import Limits, Model, Suspicion, glance, suspicion
from qwen_lsp.review.find.repository import NOTHING, Repository
from qwen_lsp.review.find.surroundings import hole, predictable, runs
from qwen_lsp.review.finding import Finding
from qwen_lsp.text import Edit, Span

RULE = "unlikely-line"
VERSION = "2"

_WORD = re.compile(r"[^\W\d]\w*")
# What mistakes are made in: comparisons, arithmetic, indexes, conditions, several arguments.
_RISKY = re.compile(
    r"[<>]=?|[=!]=|\[[^\]]*[-+:\d][^\]]*\]|\s[-+*/%&|^]\s|\brange\(|\b(?:if|elif|while|not|and|or|min|max|any|all)\b"
    r"|&&|\|\||\([^()]*,[^()]*\)|\breturn\b|\b\d+\b"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """How sure a model must be to be believed; how often it is right then, at the least, as measured."""

    limits: Limits
    confidence: float


# By the name of the model in the catalog; a model that is not here has no such pass.
BARS: dict[str, Bar] = {
    "qwen2.5-coder-0.5b": Bar(Limits(), 0.6),
    "qwen2.5-coder-1.5b": Bar(Limits(), 0.8),
}


def unlikely_pass(
    model: Model,
    name: str,
    bar: Bar,
    locale: Locale,
    repository: Repository = NOTHING,
) -> Pass:
    """Make the pass. `name` is the model's; `repository` is asked for signatures and names."""

    async def find(piece: Unit) -> Sequence[Finding]:
        (number,) = piece.changed
        suspicions = await suspicion(
            model, hole(piece, number), piece.language, known_names(piece, repository.has), bar.limits
        )
        return [_finding(piece, one, bar, locale) for one in suspicions[:1]]

    def pieces(unit: Unit) -> Sequence[Unit]:
        return [repository.enrich(replace(unit, changed=frozenset({number}))) for number in predictable(unit)]

    async def look(asked: Sequence[Unit]) -> Sequence[float]:
        gaps: dict[int, float] = {}
        first = asked[0]
        for run in runs(asked):
            gaps |= await glance(model, run, first.language, known_names(first, repository.has), bar.limits)
        return [gaps[number] for piece in asked for number in piece.changed]

    return Pass("completion", f"{VERSION} {name} {bar}", find, pieces, _risk, look)


def _nowhere(name: str) -> bool:
    return False


def known_names(unit: Unit, is_known: Callable[[str], bool] = _nowhere) -> Callable[[str], bool]:
    """Tell of a name whether a line of a unit may use it: its file has it, or the repository."""
    words = _words(unit.document.text)
    return lambda name: name in words or is_known(name)


@lru_cache(maxsize=8)
def _words(text_: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text_))


def _risk(piece: Unit) -> float:
    (number,) = piece.changed
    return len(_RISKY.findall(piece.document.line(number - 1)))


def _finding(piece: Unit, one: Suspicion, bar: Bar, locale: Locale) -> Finding:
    document = piece.document
    start = document.starts[one.hole.number - 1]
    written = document.line(one.hole.number - 1).rstrip()
    differs = one.difference
    old, new = (" ".join(side.split()).replace("`", "'") for side in (differs.old, differs.new))
    return finding.at(
        document,
        Span(start + differs.start, start + differs.end),
        rule=RULE,
        severity="warning",
        confidence=bar.confidence,
        category="bug",
        message=text(f"unlikely.{differs.kind}", locale, old=old, new=new),
        fix=Edit(Span(start, start + len(written)), one.candidate),
        source="completion",
        identity=written,
    )
