"""A Finding: one thing that is wrong in a change, where, why, and how sure we are.

Lines and columns are numbered from 1 in code points; the end line is included, the end column is not.
The offsets of `span` and `fix` are those of the text after the change.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from qwen_lsp.messages import Locale
from qwen_lsp.syntax.rules import Category, Rule, Severity
from qwen_lsp.text import Document, Edit, Span

Source = Literal["rule", "linter", "completion", "model"]
# What decides by rules; everything else is the opinion of a model.
RULES: frozenset[Source] = frozenset(("rule", "linter"))

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info", "hint")


def is_at_least(severity: Severity, least: Severity) -> bool:
    """Whether a severity is as grave as another, or graver."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(least)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    `rule` names the rule or the question that found it; `scenario` says what input leads to which wrong
    outcome, "" where the message does; `quote` is the text at `span`, checked to be really there.
    `identity` is what the fingerprint is made of where the quote is too short to tell one place from another.
    `is_caused`: it stands on lines that the change left alone, and the base does not have it. `url` explains
    the rule of another tool.
    Units: `confidence` is between 0 and 1. `fingerprint` stays when lines move; "" until `identified`.
    """

    rule: str
    severity: Severity
    confidence: float
    category: Category
    path: str
    span: Span
    start_line: int
    start_column: int
    end_line: int
    end_column: int
    message: str
    quote: str
    scenario: str = ""
    fix: Edit | None = None
    source: Source = "rule"
    identity: str = ""
    fingerprint: str = ""
    is_caused: bool = False
    url: str = ""


def key(entry: Finding) -> tuple[str, str]:
    """Return what a finding is known by wherever it stands: its rule and its text without layout."""
    return entry.rule, "".join((entry.identity or entry.quote).split()).replace("'", '"')


def introduced(
    after: Sequence[Finding], before: Iterable[Finding], changed: Collection[int]
) -> list[Finding]:
    """Return the findings that the base does not have, those on changed lines first in each kind.

    Shape: findings of whole texts; `changed` holds line numbers from 1. What stands elsewhere is marked as
    caused by the change. What is insecure and stands in the base word for word was decided on there, however
    often the new text has it.
    """
    known = Counter(key(entry) for entry in before)
    decided = {key(entry) for entry in before if entry.category == "security"}
    kept = []
    on_changed = [(entry, touches(entry, changed)) for entry in after]
    for entry, is_on in sorted(on_changed, key=lambda pair: pair[1]):
        if known[key(entry)] > 0 or key(entry) in decided:
            known[key(entry)] -= 1
        else:
            kept.append(entry if is_on else replace(entry, is_caused=True))
    return kept


def touches(entry: Finding, changed: Collection[int]) -> bool:
    """Whether a finding touches changed lines."""
    return any(line in changed for line in range(entry.start_line, entry.end_line + 1))


def narrowed(entry: Finding, document: Document, changed: Collection[int]) -> Finding:
    """Move a finding onto the changed lines that it touches; one that touches none stays as it is."""
    span = place(document, entry.span, changed)
    if span is None or span == entry.span:
        return entry
    moved = at(document, span, rule="", severity="hint", confidence=0, category="bug", message="")
    return replace(
        entry, span=span, quote=moved.quote, start_line=moved.start_line, start_column=moved.start_column,
        end_line=moved.end_line, end_column=moved.end_column,
    )  # fmt: skip


def place(document: Document, span: Span, changed: Collection[int]) -> Span | None:
    """Move a span onto the changed lines that it touches; None when it touches none.

    Shape: `changed` holds line numbers from 1. An empty line is no place.
    """
    first, last = document.line_of(span.start), document.line_of(max(span.end - 1, span.start))
    touched = [line for line in range(first, last + 1) if line + 1 in changed and document.line(line).strip()]
    if not touched:
        return None
    at = touched[0]
    end = at
    while end + 1 in touched:
        end += 1
    text = document.line(at)
    indent = document.starts[at] + len(text) - len(text.lstrip())
    start = max(span.start, indent)
    return Span(start, max(min(span.end, document.starts[end] + len(document.line(end).rstrip())), start))


def at(
    document: Document,
    span: Span,
    *,
    rule: str,
    severity: Severity,
    confidence: float,
    category: Category,
    message: str,
    scenario: str = "",
    fix: Edit | None = None,
    source: Source = "rule",
    identity: str = "",
    is_caused: bool = False,
    url: str = "",
) -> Finding:
    """Make a finding at a span of a document whose `path` is relative."""
    first, last = document.line_of(span.start), document.line_of(max(span.end - 1, span.start))
    return Finding(
        rule=rule,
        severity=severity,
        confidence=confidence,
        category=category,
        path=document.path or document.uri,
        span=span,
        start_line=first + 1,
        start_column=span.start - document.starts[first] + 1,
        end_line=last + 1,
        end_column=span.end - document.starts[last] + 1,
        message=message,
        quote=document.text[span.start : span.end],
        scenario=scenario,
        fix=fix,
        source=source,
        identity=identity,
        is_caused=is_caused,
        url=url,
    )


def whole_line(document: Document, line: int) -> Span:
    """Return the span of a line without the white space around it; lines count from 0."""
    text = document.line(line)
    start = document.starts[line]
    return Span(start + len(text) - len(text.lstrip()), start + len(text.rstrip()))


def of_rule(
    document: Document, line: int, rule: Rule, message: str, locale: Locale, *, identity: str
) -> Finding:
    """Make a finding of a rule at a whole line, which counts from 0."""
    return at(
        document,
        whole_line(document, line),
        rule=rule.id,
        severity=rule.severity,
        confidence=rule.confidence,
        category=rule.category,
        message=message,
        scenario=rule.scenario.to(locale),
        identity=identity,
    )


def identified(findings: Iterable[Finding]) -> list[Finding]:
    """Give each finding its fingerprint, in the order of the text.

    It is made of the rule, the path and the text without white space, and of a number where the same
    stands in a file more than once; so it stays when lines move or are indented again.
    """
    ordered = sorted(findings, key=lambda finding: (finding.path, finding.span.start, finding.rule))
    seen: Counter[str] = Counter()
    named = []
    for finding in ordered:
        base = "\0".join((finding.rule, finding.path, re.sub(r"\s+", "", finding.identity or finding.quote)))
        named.append(replace(finding, fingerprint=_hash(f"{base}\0{seen[base]}")))
        seen[base] += 1
    return named


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def without_duplicates(findings: Iterable[Finding]) -> list[Finding]:
    """Keep the gravest and surest of those that say the same of the same place.

    The same: one rule on overlapping text, or a model's finding on lines where a rule has one.
    """
    kept: list[Finding] = []
    by_line: dict[tuple[str, int], list[Finding]] = {}
    order = sorted(
        findings,
        key=lambda one: (
            one.source not in RULES,
            SEVERITIES.index(one.severity),
            -one.confidence,
            one.span.start,
        ),
    )
    for finding in order:
        lines = [(finding.path, line) for line in range(finding.start_line, finding.end_line + 1)]
        if not any(_is_same(finding, other) for line in lines for other in by_line.get(line, ())):
            kept.append(finding)
            for line in lines:
                by_line.setdefault(line, []).append(finding)
    return kept


def _is_same(one: Finding, other: Finding) -> bool:
    if one.path != other.path:
        return False
    if one.rule == other.rule:
        return one.span.start < other.span.end and other.span.start < one.span.end
    is_on_lines = one.start_line <= other.end_line and other.start_line <= one.end_line
    return one.source not in RULES and is_on_lines


def count(findings: Sequence[Finding]) -> dict[Severity, int]:
    """Count by severity, the gravest first, without zeros."""
    counted = Counter(finding.severity for finding in findings)
    return {severity: counted[severity] for severity in SEVERITIES if counted[severity]}
