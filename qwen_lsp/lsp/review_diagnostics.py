"""Findings as the client gets them: as diagnostics, and as the JSON that the command answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lsprotocol import types

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.action_list import range_json
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.review_shown import Reviews
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.report import pages
from qwen_lsp.review.report.suggestions import suggestion
from qwen_lsp.syntax.rules import Severity
from qwen_lsp.text import Document, Span

SOURCE = "qwen-lsp"
_SEVERITIES: dict[Severity, types.DiagnosticSeverity] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
    "hint": types.DiagnosticSeverity.Hint,
}


def finding_json(encoding: str, finding: Finding, document: Document, uri: str) -> dict[str, Any]:
    """Write one finding of a document as JSON, in the client's positions."""

    def range_(span: Span) -> Any:
        return range_json(document, span, encoding)

    entry: dict[str, Any] = {
        "id": finding.fingerprint,
        "fingerprint": finding.fingerprint,
        "rule": finding.rule,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "path": finding.path,
        "uri": uri,
        "range": range_(finding.span),
        "message": finding.message,
    }
    if finding.scenario:
        entry["scenario"] = finding.scenario
    if finding.fix is not None:
        entry["fix"] = {"range": range_(finding.fix.span), "newText": finding.fix.new_text}
        if whole := suggestion(document, finding, range(1, document.line_count + 1)):
            entry["fix"]["lines"] = whole.new_text
    return entry


def publish(client: Client, reviews: Reviews, documents: Mapping[str, Document], uri: str) -> None:
    """Tell the client what stands of a document."""
    shown = reviews.shown.get(uri, {})
    document = documents.get(uri)
    diagnostics = [_diagnostic(client.encoding, one.finding, one.document) for one in shown.values()]
    version = document.version if document is not None else None
    client.publish_diagnostics(uri, diagnostics, version)


def _diagnostic(encoding: str, finding: Finding, document: Document) -> types.Diagnostic:
    page = pages.uri(finding.rule)
    return types.Diagnostic(
        range=convert.lsp_range(document, finding.span, encoding),
        message=f"{finding.message} {finding.scenario}".strip(),
        severity=_SEVERITIES[finding.severity],
        source=SOURCE,
        code=finding.rule,
        code_description=types.CodeDescription(page) if page else None,
        data={"fingerprint": finding.fingerprint},
    )
