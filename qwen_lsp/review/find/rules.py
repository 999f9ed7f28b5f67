"""What the rules of `syntax/rules` say of the changed lines of a text, as findings."""

from __future__ import annotations

from collections.abc import Collection

from qwen_lsp.messages import Locale
from qwen_lsp.review import finding
from qwen_lsp.review.finding import Finding
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.rules import hits
from qwen_lsp.text import Document


def run(
    document: Document,
    language: Language | None,
    changed: Collection[int],
    locale: Locale = "en",
    *,
    disabled: Collection[str] = (),
) -> list[Finding]:
    """Return what the rules find on the changed lines (numbers from 1) of a text whose path is relative."""
    found = []
    for hit in hits(document, language, changed, disabled=disabled):
        place = finding.place(document, hit.span, changed)
        if place is None:
            continue
        found.append(
            finding.at(
                document,
                place,
                rule=hit.rule.id,
                severity=hit.severity,
                confidence=hit.confidence,
                category=hit.rule.category,
                message=hit.message(locale),
                scenario=hit.scenario(locale),
                fix=hit.fix,
            )
        )
    return finding.without_duplicates(found)
