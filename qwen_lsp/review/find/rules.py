"""What the rules of `syntax/rules` say of a whole text and of the code inside it, as findings."""

from __future__ import annotations

from collections.abc import Collection

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.embedded import Part, parts
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.rules import Hit, hits
from qwen_lsp.text import Document


def run(
    document: Document,
    language: Language | None,
    locale: Locale = "en",
    *,
    disabled: Collection[str] = (),
    is_strict: bool = False,
) -> list[Finding]:
    """Return what the rules find in a text whose path is relative. `is_strict`: see `syntax.rules.hits`."""
    found: list[Finding] = []
    for part in parts(document.text, language, document.path or ""):
        found += _of_part(document, part, locale, disabled, is_strict)
    return finding.without_duplicates(found)


def _identity(part: Part, hit: Hit) -> str:
    """Return what tells a hit from others: of a secret with a name that name, whatever its value is now."""
    if hit.rule.redact and (name := hit.captures.get("name")):
        return name
    return "" if part.lines is None else part.text[hit.span.start : hit.span.end]


def _of_part(
    document: Document, part: Part, locale: Locale, disabled: Collection[str], is_strict: bool
) -> list[Finding]:
    inner = Document("", part.text, path=document.path)
    everything = range(1, inner.line_count + 1)
    return [
        finding.at(
            document,
            hit.span
            if part.lines is None
            else finding.whole_line(document, part.lines[inner.line_of(hit.span.start)]),
            rule=hit.rule.id,
            severity=hit.severity,
            confidence=hit.confidence,
            category=hit.rule.category,
            message=hit.message(locale),
            scenario=hit.scenario(locale),
            fix=hit.fix if part.lines is None else None,
            identity=_identity(part, hit),
        )
        for hit in hits(inner, part.language, everything, disabled=disabled, is_strict=is_strict)
    ]
