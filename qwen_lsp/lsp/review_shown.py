"""The findings that the client shows, and how they follow the text; the names of the review commands.

A finding is for the text that it was made from. Every edit since, also one made while the review still runs,
moves it; what is edited at its place, by its quick fix or by hand, is no longer what was found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qwen_lsp.text import Change, Document, Edit, Span, whole_text_change

if TYPE_CHECKING:
    from pathlib import Path

    from qwen_lsp.review.dismissals import Dismissal
    from qwen_lsp.review.finding import Finding

REVIEW = "qwenLsp.review"
DISMISS = "qwenLsp.dismiss"
FORGET = "qwenLsp.forgetReview"


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding, and the document that it is placed in."""

    finding: Finding
    document: Document


class ChangesSince:
    """The changes of all documents since a review has taken its texts."""

    def __init__(self) -> None:
        self._changes: dict[str, list[Change]] = defaultdict(list)

    def add(self, change: Change) -> None:
        """Note a change."""
        self._changes[change.after.uri].append(change)

    def placed(self, finding: Finding, made_for: Document, uri: str, now: Document | None) -> Shown | None:
        """Place a finding into the document as it is now; None where an edit has touched it.

        Shape: `made_for` is the reviewed text, `now` the open document of the URI, None when it is not open.
        """
        one: Shown | None = Shown(finding, made_for)
        for change in self._changes.get(uri, ()):
            one = one and moved(one, change)
        if one is not None and now is not None and one.document.text != now.text:
            # Opened or closed meanwhile: no edit leads from the one text to the other.
            one = moved(one, whole_text_change(one.document, now))
        return one


@dataclass
class Reviews:
    """The findings that the client shows, by URI and fingerprint, and the reviews under way.

    `dismissed` is what was set aside in a folder since the start: the user's own doing, whatever the folder's
    files are trusted with.
    """

    shown: dict[str, dict[str, Shown]] = field(default_factory=dict)
    asked_for_trust: set[str] = field(default_factory=set)
    dismissed: list[tuple[Path, Dismissal]] = field(default_factory=list)
    _running: list[ChangesSince] = field(default_factory=list)

    @contextmanager
    def following(self) -> Iterator[ChangesSince]:
        """Collect the changes of all documents for as long as this lasts."""
        since = ChangesSince()
        self._running.append(since)
        try:
            yield since
        finally:
            self._running.remove(since)

    def follow(self, change: Change) -> bool:
        """Move what was found in a document; return whether something of it is gone."""
        for since in self._running:
            since.add(change)
        shown = self.shown.get(change.after.uri)
        if not shown:
            return False
        kept = {print_: now_at for print_, one in shown.items() if (now_at := moved(one, change))}
        self.shown[change.after.uri] = kept
        return len(kept) < len(shown)

    def standing(self, uris: Mapping[str, str]) -> dict[tuple[str, str], Shown]:
        """Return what is shown of some documents, by the document's path and the fingerprint."""
        return {
            (path, print_): one
            for path, uri in uris.items()
            for print_, one in self.shown.get(uri, {}).items()
        }


def moved(one: Shown, change: Change) -> Shown | None:
    """Place a finding into the text after a change; None where an edit touches it."""
    finding = one.finding
    extent = _extent(finding)
    now_at = change.move(extent)
    if now_at is None:
        return None
    if by := now_at.start - extent.start:
        fix = finding.fix and Edit(_shifted(finding.fix.span, by), finding.fix.new_text)
        span = _shifted(finding.span, by)
        down = change.after.line_of(span.start) + 1 - finding.start_line
        finding = replace(
            finding,
            span=span,
            fix=fix,
            start_line=finding.start_line + down,
            end_line=finding.end_line + down,
        )
    return Shown(finding, change.after)


def _extent(finding: Finding) -> Span:
    """Return what must stay as it is for a finding to be true and its fix to fit."""
    spans = (finding.span, finding.fix.span) if finding.fix else (finding.span,)
    return Span(min(span.start for span in spans), max(span.end for span in spans))


def _shifted(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)
