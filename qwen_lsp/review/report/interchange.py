"""A Report in the formats that other programs read: our JSON, rdjson, SARIF 2.1.0, GitLab Code Quality.

Sources: reviewdog's proto/rdf/reviewdog.proto; SARIF 2.1.0 (OASIS) and what GitHub reads of it; GitLab's
"Code Quality report format". Paths are relative to the root with forward slashes, lines start at 1.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from qwen_lsp import __version__
from qwen_lsp.redaction import redact
from qwen_lsp.review.finding import SEVERITIES, Finding
from qwen_lsp.review.report.report import Report
from qwen_lsp.syntax.rules import Severity, all_rules
from qwen_lsp.text import Span

SCHEMA_VERSION = 1
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# GitHub stores no more results of one run.
_MAX_SARIF_RESULTS = 5_000


class _Grade(NamedTuple):
    """What one severity is called in each format; `score` is SARIF's `security-severity`."""

    sarif: str
    score: str | None
    rdjson: str
    gitlab: str


_GRADES: dict[Severity, _Grade] = {
    "error": _Grade("error", "8.0", "ERROR", "critical"),
    "warning": _Grade("warning", "5.0", "WARNING", "major"),
    "info": _Grade("note", "2.0", "INFO", "minor"),
    "hint": _Grade("note", None, "INFO", "info"),
}


def finding_json(report: Report, finding: Finding) -> dict[str, Any]:
    """Return one finding as docs/review.md documents it."""
    entry: dict[str, Any] = {
        "id": finding.fingerprint,
        "fingerprint": finding.fingerprint,
        "rule": finding.rule,
        "category": finding.category,
        "severity": finding.severity,
        "confidence": round(finding.confidence, 3),
        "source": finding.source,
        "path": finding.path,
        "range": {
            "start": {"line": finding.start_line, "column": finding.start_column},
            "end": {"line": finding.end_line, "column": finding.end_column},
        },
        "message": finding.message,
        "scenario": finding.scenario,
        "quote": finding.quote,
    }
    if finding.fix is not None:
        entry["fix"] = {"range": _range(report, finding, finding.fix.span), "newText": finding.fix.new_text}
    if finding.is_caused:
        entry["caused"] = True
    if finding.url:
        entry["url"] = finding.url
    if finding.fingerprint in report.novelty:
        entry["novelty"] = report.novelty[finding.fingerprint]
    return entry


def _range(report: Report, finding: Finding, span: Span, *, in_bytes: bool = False) -> dict[str, Any]:
    document = report.documents[finding.path]

    def place(at: int) -> dict[str, int]:
        line = document.line_of(at)
        before = document.text[document.starts[line] : at]
        return {"line": line + 1, "column": len(before.encode()) + 1 if in_bytes else len(before) + 1}

    return {"start": place(span.start), "end": place(span.end)}


def to_json(report: Report) -> str:
    """Write our own format."""
    return _dumped(
        {
            "version": SCHEMA_VERSION,
            "status": report.status,
            "title": report.title,
            "base": report.base,
            "head": report.head,
            "summary": report.summary(),
            "findings": [finding_json(report, finding) for finding in report.findings],
            "dismissed": [
                {**finding_json(report, entry.finding), "by": entry.by, "byThisChange": entry.by_this_change}
                for entry in report.dismissed
            ],
            "fixed": list(report.fixed),
            "remarks": len(report.remarks),
            "coverage": report.coverage.to_json(),
            "notes": list(report.notes),
        }
    )


def to_rdjson(report: Report) -> str:
    """Write Reviewdog Diagnostic Format; columns are bytes of UTF-8 there."""
    diagnostics = []
    for finding in report.findings:
        entry: dict[str, Any] = {
            "message": _said(finding),
            "location": {"path": finding.path, "range": _range(report, finding, finding.span, in_bytes=True)},
            "severity": _GRADES[finding.severity].rdjson,
            "code": {"value": finding.rule},
        }
        if finding.fix is not None:
            entry["suggestions"] = [
                {
                    "range": _range(report, finding, finding.fix.span, in_bytes=True),
                    "text": finding.fix.new_text,
                }
            ]
        diagnostics.append(entry)
    return _dumped({"source": {"name": "qwen-lsp"}, "diagnostics": diagnostics})


def to_sarif(report: Report) -> str:
    """Write SARIF: fingerprints stay when lines move, notifications tell what was not reviewed."""
    ids = list(dict.fromkeys(finding.rule for finding in report.findings))
    results = [_sarif_result(report, finding, ids) for finding in _gravest(report)]
    not_reviewed = [
        *((one.path, f"skipped: {one.reason}", "note") for one in report.coverage.skipped),
        *((one.path, f"failed: {one.detail}", "error") for one in report.coverage.failed),
    ]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "qwen-lsp",
                "version": __version__,
                "rules": [_sarif_rule(one, report.findings) for one in ids],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
        "results": results,
        "invocations": [
            {
                "executionSuccessful": not report.coverage.failed,
                "toolExecutionNotifications": [
                    {
                        "level": level,
                        "message": {"text": redact(message)},
                        "locations": [{"physicalLocation": {"artifactLocation": _artifact(path)}}],
                    }
                    for path, message, level in not_reviewed
                ],
            }
        ],
        "properties": {"coverage": report.coverage.to_json(), "status": report.status},
    }
    if report.head:
        run["automationDetails"] = {"id": "qwen-lsp/review/"}
    return _dumped({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]})


def _gravest(report: Report) -> list[Finding]:
    ordered = sorted(report.findings, key=lambda finding: SEVERITIES.index(finding.severity))
    return ordered[:_MAX_SARIF_RESULTS]


def _sarif_rule(name: str, found: Sequence[Finding]) -> dict[str, Any]:
    rule = all_rules().get(name)
    if rule is None:
        url = next((one.url for one in found if one.rule == name and one.url), "")
        return {"id": name, "shortDescription": {"text": name}, **({"helpUri": url} if url else {})}
    tags = [rule.category, *([f"external/cwe/cwe-{rule.cwe:03d}"] if rule.cwe else [])]
    properties: dict[str, Any] = {"tags": tags}
    score = _GRADES[rule.severity].score
    if rule.category == "security" and score:
        properties["security-severity"] = score
    return {
        "id": name,
        "name": "".join(part.capitalize() for part in name.split("-")),
        "shortDescription": {"text": rule.title.en},
        "fullDescription": {"text": rule.message.en},
        "help": {"text": rule.why.en, "markdown": f"{rule.scenario.en}\n\n{rule.why.en}"},
        "defaultConfiguration": {"level": _GRADES[rule.severity].sarif},
        "properties": properties,
    }


def _sarif_result(report: Report, finding: Finding, ids: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "level": _GRADES[finding.severity].sarif,
        "message": {"text": _said(finding)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(finding.path),
                    "region": _region(_range(report, finding, finding.span)),
                }
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{finding.fingerprint}:1"},
        "properties": {"confidence": round(finding.confidence, 3), "source": finding.source},
    }
    if finding.fingerprint in report.novelty:
        result["baselineState"] = "new" if report.novelty[finding.fingerprint] == "new" else "unchanged"
    if finding.fix is not None:
        replacement = {
            "deletedRegion": _region(_range(report, finding, finding.fix.span)),
            "insertedContent": {"text": finding.fix.new_text},
        }
        changes = [{"artifactLocation": _artifact(finding.path), "replacements": [replacement]}]
        result["fixes"] = [{"artifactChanges": changes}]
    return result


def _artifact(path: str) -> dict[str, str]:
    return {"uri": quote(path), "uriBaseId": "%SRCROOT%"}


def _region(range_: dict[str, Any]) -> dict[str, int]:
    start, end = range_["start"], range_["end"]
    return {
        "startLine": start["line"],
        "startColumn": start["column"],
        "endLine": end["line"],
        "endColumn": end["column"],
    }


def to_gitlab(report: Report) -> str:
    """Write GitLab's Code Quality report: a list."""
    return _dumped(
        [
            {
                "description": _said(finding),
                "check_name": finding.rule,
                "fingerprint": hashlib.md5(finding.fingerprint.encode(), usedforsecurity=False).hexdigest(),
                "severity": _GRADES[finding.severity].gitlab,
                "location": {
                    "path": finding.path,
                    "lines": {"begin": finding.start_line, "end": finding.end_line},
                },
            }
            for finding in report.findings
        ]
    )


def _said(finding: Finding) -> str:
    return f"{finding.message} {finding.scenario}".strip()


def _dumped(value: Any) -> str:
    # Text of a file may hold halves of characters, which no encoding can write.
    dumped = json.dumps(value, ensure_ascii=False, indent=2)
    return re.sub("[\ud800-\udfff]", "\ufffd", dumped) + "\n"
