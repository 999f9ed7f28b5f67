"""One review: a Change goes in, a Report comes out.

For each file: is it reviewed, what do the rules say of its changed lines, what do the passes of a model say
of its units; then what was there before, what was set aside and what is too uncertain is taken out. This
module decides, and leaves to others how anything is found or shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from qwen_lsp.messages import Locale
from qwen_lsp.redaction import redact
from qwen_lsp.review.cache import Cache
from qwen_lsp.review.change import attempts
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.change.selecting import Selection, skip_reason, unaccepted
from qwen_lsp.review.change.units import Unit, units
from qwen_lsp.review.dismissals import Dismissal, dismissed_by
from qwen_lsp.review.find import (
    asking,
    beside,
    cross_file,
    leftovers,
    linters,
    lost_parts,
    lost_safeguards,
    parses,
    reported,
    rules,
    spelling,
    taken_over,
    unbound,
    weaker,
    wording,
)
from qwen_lsp.review.find.asking import Budget, Pass, Progress, with_sound_fix
from qwen_lsp.review.find.reported import Reported
from qwen_lsp.review.finding import (
    RULES,
    Finding,
    identified,
    introduced,
    is_at_least,
    narrowed,
    touches,
    without_duplicates,
)
from qwen_lsp.review.finding import key as key_of
from qwen_lsp.review.report.report import Coverage, Dismissed, Failed, PassRecord, Report, Skipped
from qwen_lsp.syntax import languages
from qwen_lsp.syntax.languages import Language
from qwen_lsp.syntax.python_names import Parse, parsed
from qwen_lsp.syntax.rules import Severity, is_secret, version
from qwen_lsp.text import Document

log = logging.getLogger(__name__)

# A model that speaks too often is not listened to: its surest findings only.
_MAX_OF_A_MODEL_PER_FILE = 3
_MAX_OF_A_MODEL = 10


@dataclass(frozen=True, slots=True)
class Options:
    """How to review. Units: `min_confidence` is between 0 and 1.

    What is less severe than `min_severity` is only counted. `linters`: whether other tools run; a plain one
    does not ask what the repository configures for it.
    `reported` is what others have found.
    """

    locale: Locale = "en"
    min_confidence: float = 0.5
    min_severity: Severity = "hint"
    selection: Selection = field(default_factory=Selection)
    disabled: frozenset[str] = frozenset()
    dismissals: tuple[Dismissal, ...] = ()
    budget: Budget = field(default_factory=Budget)
    linters: Literal["none", "plain", "configured"] = "none"
    reported: tuple[Reported, ...] = ()


@dataclass(frozen=True)
class Planned:
    """What will be done with one file: reviewed, or skipped for a reason.

    `is_unaccepted`: the base did not skip it for that reason.
    """

    file: ChangedFile
    reason: str | None
    is_unaccepted: bool = False

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The pieces that a model is asked about; cutting them costs more than knowing results again."""
        return () if self.reason else tuple(units(self.file))


def plan(change: Change, selection: Selection) -> list[Planned]:
    """Decide for each file of a change; asks no model."""
    planned = []
    for file in change.files:
        reason = skip_reason(file, selection)
        planned.append(Planned(file, reason, reason is not None and unaccepted(file, selection, reason)))
    return planned


async def review(
    change: Change,
    options: Options = Options(),
    passes: Sequence[Pass] = (),
    cache: Cache | None = None,
    progress: Progress | None = None,
    on_report: Callable[[Report], None] | None = None,
) -> Report:
    """Review a change. Cancelling ends it between two requests; what is known by then is in the cache.

    `on_report` gets the report as it is after the rules and at each finding of a model.
    """
    cache = cache or Cache(None)
    planned = plan(change, options.selection)
    reviewed = [entry for entry in planned if not entry.reason]
    files = [entry.file for entry in reviewed]
    parse = cross_file.shared_parser(files)
    found: list[Finding] = []
    failed = [Failed(broken.path, broken.detail) for broken in change.broken]
    for entry in reviewed:
        try:
            found += await asyncio.to_thread(by_rules, entry.file, options, cache, parse)
        except Exception as error:
            log.exception("rules failed on %s", entry.file.path)
            failed.append(Failed(entry.file.path, f"rules: {error}", len(entry.file.patch.added)))
    if lost_safeguards.is_meant(change.files):
        found = [entry for entry in found if entry.rule not in (*lost_safeguards.RULES, *weaker.RULES)]
    found = lost_parts.without_changed_callees(found, change.files)
    if options.linters != "none":
        is_own = options.linters == "configured"
        found += await asyncio.to_thread(linters.run, change, files, found, is_configured=is_own)
        if spelling.RULE not in options.disabled:
            found += await asyncio.to_thread(
                spelling.run, change, files, options.locale, is_configured=is_own
            )
    if options.reported:
        found += await asyncio.to_thread(reported.run, change.root, files, options.reported, found)
    found += await asyncio.to_thread(cross_file.run, change, files, options.locale, parse)
    found += await asyncio.to_thread(beside.run, change, files, options.locale)
    found += await asyncio.to_thread(wording.run, change, files, options.locale)
    found += await asyncio.to_thread(leftovers.run, change, files, options.locale)
    found = await asyncio.to_thread(taken_over.as_remarks, change, files, found)
    deleted = [one.file for one in planned if one.reason == "deleted"]
    found = await asyncio.to_thread(without_moved, found, [*files, *deleted], options)
    every_unit = [unit for entry in reviewed for unit in entry.units] if passes else []
    records: list[PassRecord] = []

    def report(more: Sequence[Finding] = ()) -> Report:
        coverage = _coverage(planned, failed, records, len(every_unit))
        return _report(change, options, [*found, *more], coverage, files)

    started = time.monotonic()
    for one in passes:
        if on_report is not None:
            on_report(report())
        on_found = None if on_report is None else lambda more: on_report(report(more))
        findings, record = await asking.run(
            one, every_unit, options.locale, cache, options.budget.left(started), progress, on_found
        )
        found += findings
        records.append(record)
    return report()


def _coverage(
    planned: Sequence[Planned], failed: Sequence[Failed], records: Sequence[PassRecord], n_units: int
) -> Coverage:
    reviewed = [entry for entry in planned if not entry.reason]
    broken_paths = {entry.path for entry in failed}
    complete = [entry for entry in reviewed if entry.file.path not in broken_paths]
    skipped = [entry for entry in planned if entry.reason]
    return Coverage(
        files=len(planned),
        hunks=sum(len(entry.file.patch.hunks) for entry in planned),
        units=n_units,
        lines=sum(len(entry.file.patch.added) for entry in planned),
        reviewed_files=len(complete),
        reviewed_lines=sum(len(entry.file.patch.added) for entry in complete),
        skipped=tuple(
            Skipped(entry.file.path, entry.reason or "", len(entry.file.patch.added), entry.is_unaccepted)
            for entry in skipped
        ),
        failed=tuple(failed),
        passes=tuple(records),
    )


def by_rules(file: ChangedFile, options: Options, cache: Cache, parse: Parse = parsed) -> list[Finding]:
    """Return what the rules find in one file and did not find in the lines that it replaced."""
    document, language = file.document, languages.find("", file.path)
    changed = file.patch.added
    key = _key(
        version(),
        options.locale,
        sorted(options.disabled),
        file.path,
        file.after,
        file.before,
        sorted(changed),
        file.is_partial,
        options.selection.is_strict,
    )
    known = cache.get(key, document)
    if known is not None:
        return known
    found = _by_rules(document, language, options)
    old = _before(file, options) if found else []
    found = introduced(found, old, changed)
    if file.before and not file.is_partial and parses.RULE not in options.disabled:
        found += parses.check(document, file.before, language, changed, options.locale, parse)
    if file.before and file.patch.removed and not file.is_partial:
        gone = lost_safeguards.check(
            document, file.before, language, changed, options.locale, options.disabled
        )
        found += [one if touches(one, changed) else replace(one, is_caused=True) for one in gone]
        lines = {one.start_line for one in gone}
        if lost_parts.RULE not in options.disabled:
            parts = lost_parts.check(file, document, options.locale)
            found += [one for one in parts if one.start_line not in lines]
        found += [
            one for one in weaker.check(file, document, options.locale) if one.rule not in options.disabled
        ]
    if file.before and not file.is_partial and unbound.RULE not in options.disabled:
        unset = unbound.check(document, file.before, language, options.locale, parse)
        found += [one if touches(one, changed) else replace(one, is_caused=True) for one in unset]
    if file.is_partial:  # only the lines of the diff are known
        found = [entry for entry in found if not entry.is_caused]
    found = [with_sound_fix(narrowed(entry, document, changed), document) for entry in found]
    cache.put(key, found)
    return found


def _before(file: ChangedFile, options: Options) -> list[Finding]:
    """Return what the rules find in a file as it was."""
    if not file.before:
        return []
    before = Document(file.path, file.before, path=file.patch.old_path)
    language = languages.find("", file.patch.old_path)
    return _by_rules(before, language, options)


def _by_rules(document: Document, language: Language | None, options: Options) -> list[Finding]:
    is_strict = options.selection.is_strict
    return rules.run(document, language, options.locale, disabled=options.disabled, is_strict=is_strict)


def without_moved(found: Sequence[Finding], files: Sequence[ChangedFile], options: Options) -> list[Finding]:
    """Leave out what another file of the change lost: it was moved, not written."""
    if not found:
        return []
    lost: Counter[tuple[str, str]] = Counter()
    for file in files:
        if file.before and (file.patch.status == "deleted" or file.patch.removed):
            with contextlib.suppress(TimeoutError):  # then nothing of it counts as moved
                gone = Counter(map(key_of, _before(file, options)))
                if file.patch.status != "deleted":
                    document, language = file.document, languages.find("", file.path)
                    gone -= Counter(map(key_of, _by_rules(document, language, options)))
                lost += gone
    kept = []
    for entry in found:
        if lost[key_of(entry)] > 0:
            lost[key_of(entry)] -= 1
        else:
            kept.append(entry)
    return kept


def _report(
    change: Change,
    options: Options,
    found: Sequence[Finding],
    coverage: Coverage,
    files: Sequence[ChangedFile],
) -> Report:
    documents = {file.path: file.document for file in files}
    changed = {file.path: file.patch.added for file in files}
    found = [entry for entry in found if entry.rule not in options.disabled]
    sure = [entry for entry in found if entry.confidence >= options.min_confidence]
    kept: list[Finding] = []
    dismissed: list[Dismissed] = []
    distrusted = 0
    for entry in identified(_capped(without_duplicates(sure))):
        lines = changed[entry.path] if options.selection.is_strict else ()
        by = dismissed_by(entry, documents[entry.path], options.dismissals, lines)
        shown = replace(entry, quote=redact(entry.quote), message=redact(entry.message))
        if is_secret(entry.rule):
            shown = replace(shown, quote="")
        if by in (None, "distrusted"):
            kept.append(shown)
            distrusted += by is not None
        else:
            is_own = by == "comment" and entry.start_line in changed[entry.path]
            dismissed.append(Dismissed(shown, "comment" if by == "comment" else "file", is_own))
    return Report(
        change.title,
        tuple(one for one in kept if is_at_least(one.severity, options.min_severity)),
        coverage,
        options.locale,
        change.base,
        change.head,
        tuple(dismissed),
        tuple(one for one in kept if not is_at_least(one.severity, options.min_severity)),
        len(found) - len(sure),
        notes=(*change.notes, *attempts.notes(change, options.selection, distrusted, options.locale)),
        documents=documents,
        hunks={file.path: file.patch.hunks for file in files},
    )


def _capped(found: Sequence[Finding]) -> list[Finding]:
    """Keep all findings of rules, and the surest few of a model."""
    kept = [entry for entry in found if entry.source in RULES]
    of_file: Counter[str] = Counter()
    for entry in sorted(found, key=lambda entry: -entry.confidence):
        if entry.source in RULES or of_file[entry.path] >= _MAX_OF_A_MODEL_PER_FILE:
            continue
        if sum(of_file.values()) < _MAX_OF_A_MODEL:
            of_file[entry.path] += 1
            kept.append(entry)
    return kept


def against(report: Report, baseline: Collection[str]) -> Report:
    """Compare a report with the fingerprints of an earlier one: new, still open, fixed."""
    now = [entry.fingerprint for entry in report.findings]
    set_aside = {entry.finding.fingerprint for entry in report.dismissed}
    set_aside |= {entry.fingerprint for entry in report.remarks}
    return replace(
        report,
        novelty={one: "open" if one in baseline else "new" for one in now},
        fixed=tuple(sorted(set(baseline) - set(now) - set_aside)),
    )


def _key(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()
