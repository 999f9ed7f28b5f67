"""One review over LSP: of the text in the editor, saved or not. Findings show as they come."""

from __future__ import annotations

import logging
from typing import Any

from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.review_diagnostics import finding_json, publish
from qwen_lsp.lsp.review_scope import Scope, collect, folder_of, scope
from qwen_lsp.lsp.review_shown import ChangesSince, Reviews, Shown
from qwen_lsp.lsp.session import Session
from qwen_lsp.messages import text
from qwen_lsp.review import reviewer, settings
from qwen_lsp.review.cache import Cache, default_file
from qwen_lsp.review.change.selecting import Selection
from qwen_lsp.review.find import asking
from qwen_lsp.review.find.asking import Budget
from qwen_lsp.review.find.passes import Shared, opened
from qwen_lsp.review.find.repository import Repository
from qwen_lsp.review.report.report import Report

log = logging.getLogger(__name__)

# The model is asked no longer than somebody waits for a review.
_MODEL_SECONDS = 120.0


async def review(
    session: Session,
    client: Client,
    indexing: Indexing,
    reviews: Reviews,
    options: dict[str, Any],
    on_progress: asking.Progress,
) -> dict[str, Any]:
    """Review what was asked for; return the answer of the command.

    What is typed meanwhile moves what is found.

    Raises: InputError.
    """
    asked = scope(options)
    folder = folder_of(asked.uri, session.folders)
    with reviews.following() as since:
        change, uris = await collect(asked, folder, dict(session.documents), client.encoding)
        is_trusted = change.root is not None and session.trusts(change.root)
        trusted = settings.load(change.root, is_trusted=is_trusted)
        if trusted.ignored:
            _say_once(client, reviews, trusted.ignored, str(change.root))
        chosen = reviewer.Options(
            locale=client.locale,
            min_confidence=trusted.settings.min_confidence or reviewer.Options().min_confidence,
            min_severity=asked.min_severity or trusted.settings.min_severity,
            selection=Selection(trusted.settings.include, trusted.settings.exclude),
            disabled=frozenset(trusted.settings.disabled),
            dismissals=(
                *trusted.dismissals,
                *(entry for top, entry in reviews.dismissed if change.root == top),
            ),
            budget=Budget(max_seconds=_MODEL_SECONDS),
        )

        def shared() -> Shared:
            return Shared(session.hosts.completion, session.hosts.chat, session.idle)

        def show(report: Report) -> None:
            for uri in _place(report, uris, asked, session, reviews, since):
                publish(client, reviews, session.documents, uri)

        cache = Cache(default_file())
        try:
            known = Repository(indexing.of_folder(change.root))
            async with opened(session.config, None, client.locale, known, shared) as passes:
                report = await reviewer.review(change, chosen, passes, cache, on_progress, show)
        finally:
            cache.close()
        show(report)
    standing = reviews.standing(uris)
    found = [standing.get((one.path, one.fingerprint)) for one in report.findings]
    return {
        "findings": [
            finding_json(client.encoding, one.finding, one.document, uris[one.finding.path])
            for one in found
            if one is not None
        ],
        "coverage": report.coverage.to_json(),
        "summary": report.summary(),
        "status": report.status,
    }


def _say_once(client: Client, reviews: Reviews, ignored: tuple[str, ...], folder: str) -> None:
    """Say which settings of a folder wait for the user's trust: somebody has asked for a review."""
    if folder not in reviews.asked_for_trust:
        reviews.asked_for_trust.add(folder)
        message = text("review.not_trusted", client.locale, files=", ".join(ignored), folder=folder)
        log.warning("%s", message)
        client.show_message(message)


def _place(
    report: Report,
    uris: dict[str, str],
    asked: Scope,
    session: Session,
    reviews: Reviews,
    since: ChangesSince,
) -> list[str]:
    """Put the findings of a report where they are now, in place of older ones; return their URIs."""
    stale = [asked.uri] if asked.is_file else list(reviews.shown)
    shown: dict[str, dict[str, Shown]] = {uri: {} for uri in stale}
    for finding in report.findings:
        uri = uris[finding.path]
        now = session.documents.get(uri)
        if entry := since.placed(finding, report.documents[finding.path], uri, now):
            shown.setdefault(uri, {})[finding.fingerprint] = entry
    reviews.shown.update(shown)
    return list(shown)
