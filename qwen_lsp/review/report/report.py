"""The result of a review as values: what was found, what was set aside, and what was looked at at all.

Coverage counts added lines, and it adds up: lines = reviewed + skipped + failed. "Nothing to review", "no
findings" and "failed" are three different answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from qwen_lsp.messages import Locale, text
from qwen_lsp.review.change.diff import Hunk
from qwen_lsp.review.finding import Finding, count
from qwen_lsp.text import Document

Status = Literal["findings", "no_findings", "nothing_to_review", "failed"]
Novelty = Literal["new", "open"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not reviewed, on purpose. `lines` counts its added lines.

    `is_unaccepted`: the base did not skip it for that reason, so the change may be hiding something.
    """

    path: str
    reason: str
    lines: int
    is_unaccepted: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """What should have been reviewed and could not be."""

    path: str
    detail: str
    lines: int = 0


@dataclass(frozen=True, slots=True)
class PassRecord:
    """What one pass of a model did.

    Units: the pieces that it asks about, which are whole units or single lines; `cached` of them were known
    from an earlier review. `unasked` counts by reason what was not asked: `unpredictable` lines (definitions,
    imports, texts) in addition to the pieces, and pieces over the `limit`, out of `time`, with `no_model` on
    this machine, or with the model `unavailable`, for the reason `problem`.
    """

    name: str
    units: int
    cached: int
    failed: int
    seconds: float
    unasked: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""

    def summary(self, locale: Locale) -> str:
        """Write one line."""
        sentence = text(
            "review.pass",
            locale,
            name=self.name,
            units=self.units,
            cached=self.cached,
            failed=self.failed,
            seconds=self.seconds,
        )
        reasons = [f"{text(f'words.unasked.{reason}', locale)} {n}" for reason, n in self.unasked.items()]
        if not reasons:
            return sentence
        listed = ("、" if locale == "zh" else ", ").join(reasons)
        return sentence + ("" if locale == "zh" else " ") + text("review.unasked", locale, listed=listed)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was looked at.

    Units: files, hunks, added lines, and `units` cut for a model, none where no model was wanted.
    """

    files: int = 0
    hunks: int = 0
    units: int = 0
    lines: int = 0
    reviewed_files: int = 0
    reviewed_lines: int = 0
    skipped: tuple[Skipped, ...] = ()
    failed: tuple[Failed, ...] = ()
    passes: tuple[PassRecord, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the record for JSON."""
        return {
            "files": self.files,
            "hunks": self.hunks,
            "units": self.units,
            "lines": self.lines,
            "reviewed": {"files": self.reviewed_files, "lines": self.reviewed_lines},
            "skipped": [
                {
                    "path": one.path,
                    "reason": one.reason,
                    "lines": one.lines,
                    "accepted": not one.is_unaccepted,
                }
                for one in self.skipped
            ],
            "failed": [{"path": one.path, "detail": one.detail, "lines": one.lines} for one in self.failed],
            "passes": [
                {
                    "name": one.name,
                    "units": one.units,
                    "cached": one.cached,
                    "failed": one.failed,
                    "seconds": round(one.seconds, 3),
                    "unasked": dict(one.unasked),
                    "problem": one.problem,
                }
                for one in self.passes
            ],
        }


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A finding that was set aside; `by_this_change` when the comment came with the change itself."""

    finding: Finding
    by: Literal["comment", "file"]
    by_this_change: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A whole review.

    `fixed` are the fingerprints of a baseline that are no longer found; `novelty` maps each fingerprint to
    whether it is new against that baseline (empty without one). `remarks` are less severe than what was
    asked for: they are counted and not shown. `documents` and `hunks` hold the reviewed
    texts and where they were changed, by path.
    """

    title: str
    findings: tuple[Finding, ...]
    coverage: Coverage
    locale: Locale = "en"
    base: str | None = None
    head: str | None = None
    dismissed: tuple[Dismissed, ...] = ()
    remarks: tuple[Finding, ...] = ()
    held_back: int = 0
    novelty: Mapping[str, Novelty] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    documents: Mapping[str, Document] = field(default_factory=dict, repr=False)
    hunks: Mapping[str, tuple[Hunk, ...]] = field(default_factory=dict, repr=False)

    @property
    def status(self) -> Status:
        """Which of the answers this is; a failure is never reported as a clean review."""
        if self.findings:
            return "findings"
        if self.coverage.failed:
            return "failed"
        return "no_findings" if self.coverage.reviewed_lines else "nothing_to_review"

    def summary(self) -> str:
        """Write one sentence."""
        cover = self.coverage
        counted = count(self.findings)
        listed = ", ".join(
            text(f"words.{'one' if number == 1 else 'count'}.{severity}", self.locale, n=number)
            for severity, number in counted.items()
        )
        sentence = text(
            f"review.status.{self.status}",
            self.locale,
            counts=listed.replace(", ", "、") if self.locale == "zh" else listed,
            lines=cover.reviewed_lines,
            files=cover.reviewed_files,
            failed=len(cover.failed),
        )
        more = []
        if self.remarks:
            more.append(text("review.remarks", self.locale, n=len(self.remarks)))
        if cover.skipped:
            more.append(text("review.skipped", self.locale, files=len(cover.skipped)))
        if cover.failed and self.findings:
            more.append(text("review.incomplete", self.locale, files=len(cover.failed)))
        if self.dismissed:
            more.append(text("review.dismissed", self.locale, n=len(self.dismissed)))
        if own := sum(entry.by_this_change for entry in self.dismissed):
            more.append(text("review.dismissed_here", self.locale, n=own))
        more += [
            text("review.no_model", self.locale, detail=detail)
            for detail in dict.fromkeys(one.problem for one in cover.passes if one.problem)
        ]
        if self.fixed:
            more.append(text("review.fixed", self.locale, n=len(self.fixed)))
        return ("" if self.locale == "zh" else " ").join([sentence, *more])
