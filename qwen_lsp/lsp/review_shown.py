"""What the client was told by reviews, and the names of their commands.

What was found is kept by fingerprint and moves with the text; what is edited there, by its quick fix or by
hand, is no longer what was found and is taken away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qwen_lsp.text import Document, Edit, Span

if TYPE_CHECKING:
    from qwen_lsp.review.finding import Finding

REVIEW = "qwenLsp.review"
DISMISS = "qwenLsp.dismiss"
FORGET = "qwenLsp.forgetReview"


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding that the client has, and the document it was made for."""

    finding: Finding
    document: Document


@dataclass
class Reviews:
    """What the client was told: by URI, then by fingerprint."""

    shown: dict[str, dict[str, Shown]] = field(default_factory=dict)


def moved(one: Shown, before: Document, now: Document) -> Shown | None:
    """Place a finding into the text after an edit; None where the edit touches it."""
    if one.document.text != before.text:
        return one
    finding, extent = one.finding, _extent(one.finding)
    if now.text.startswith(before.text[: extent.end]):
        return Shown(finding, now)
    if not now.text.endswith(before.text[extent.start :]):
        return None
    by = len(now.text) - len(before.text)
    fix = finding.fix and Edit(_shifted(finding.fix.span, by), finding.fix.new_text)
    return Shown(replace(finding, span=_shifted(finding.span, by), fix=fix), now)


def _extent(finding: Finding) -> Span:
    """Return what must stay as it is for a finding to be true and its fix to fit."""
    spans = (finding.span, finding.fix.span) if finding.fix else (finding.span,)
    return Span(min(span.start for span in spans), max(span.end for span in spans))


def _shifted(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)
