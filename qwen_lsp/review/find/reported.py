"""What other tools found, read from the report that they wrote: SARIF 2.1.0 or Reviewdog Diagnostic Format.

Nothing is run here: whoever calls the review has run the tools. A report speaks of the text after the change,
so only what touches changed lines counts. It knows no formats of ours and does not decide what is shown.
Sources: SARIF 2.1.0 (OASIS), sections 3.27 to 3.30; reviewdog's proto/rdf/reviewdog.proto.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from qwen_lsp import files
from qwen_lsp.errors import InputError
from qwen_lsp.review import finding
from qwen_lsp.review.change.change import ChangedFile
from qwen_lsp.review.finding import Finding, narrowed
from qwen_lsp.syntax.rules import Category, Severity
from qwen_lsp.text import Document, Span

_MAX_BYTES = 100_000_000
_LEVELS: dict[str, Severity] = {
    "error": "error", "warning": "warning", "note": "info", "none": "hint",
    "ERROR": "error", "WARNING": "warning", "INFO": "info",
}  # fmt: skip
# Rules of ours that say the same, by what the tools call theirs.
_OURS = {
    "no-cond-assign": "assignment-in-condition", "no-debugger": "debug-leftover",
    "no-dupe-else-if": "duplicate-condition", "no-dupe-keys": "duplicate-key", "no-eval": "code-injection",
    "no-implied-eval": "code-injection", "no-self-assign": "self-assignment",
    "no-self-compare": "same-operands", "no-unreachable": "unreachable-code",
    "no-unsafe-finally": "return-in-finally", "use-isnan": "compare-to-nan", "SA4000": "same-operands",
    "SA4018": "self-assignment", "SA5001": "resource-not-closed", "G101": "hardcoded-secret",
    "G402": "tls-verification-off",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reported:
    """One result of another tool.

    Shape: `path` is relative to the repository, or absolute; lines and columns count from 1, None stands for
    the line's beginning or end. Columns are characters, or bytes of UTF-8 where `in_bytes`.
    """

    tool: str
    rule: str
    severity: Severity
    category: Category
    message: str
    path: str
    start_line: int
    start_column: int | None
    end_line: int
    end_column: int | None
    url: str = ""
    in_bytes: bool = False


def read(file: Path) -> list[Reported]:
    """Read a report; what the tool itself has set aside is left out.

    Raises: InputError naming the file when it is neither SARIF nor rdjson.
    """
    try:
        report = json.loads(files.read(file, _MAX_BYTES))
        if not isinstance(report, dict):
            raise ValueError("not an object")
        if isinstance(report.get("runs"), list):
            return list(_of_sarif(report["runs"]))
        if isinstance(report.get("diagnostics"), list):
            return list(_of_rdjson(report))
        raise ValueError("neither `runs` nor `diagnostics`")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{file} is neither SARIF 2.1.0 nor rdjson: {error}") from error


def _of_sarif(runs: Sequence[Any]) -> Iterator[Reported]:
    for run in runs:
        driver = run["tool"]["driver"]
        rules = {rule["id"]: rule for rule in driver.get("rules") or () if "id" in rule}
        for result in run.get("results") or ():
            is_known = result.get("suppressions") or result.get("baselineState") in ("unchanged", "absent")
            if is_known or result.get("kind", "fail") != "fail" or not result.get("locations"):
                continue
            place = result["locations"][0]["physicalLocation"]
            region = place.get("region") or {}
            if "startLine" not in region:
                continue
            name = str(result.get("ruleId") or "")
            rule = rules.get(name, {})
            level = result.get("level") or rule.get("defaultConfiguration", {}).get("level", "warning")
            tags = rule.get("properties", {}).get("tags") or ()
            yield Reported(
                str(driver["name"]),
                name,
                _LEVELS.get(level, "warning"),
                "security" if any("security" in str(tag).lower() for tag in tags) else "bug",
                str(result["message"].get("text") or name),
                _path(str(place["artifactLocation"]["uri"])),
                int(region["startLine"]),
                region.get("startColumn"),
                int(region.get("endLine") or region["startLine"]),
                region.get("endColumn"),
                str(rule.get("helpUri") or ""),
            )


def _of_rdjson(report: Mapping[str, Any]) -> Iterator[Reported]:
    tool = str((report.get("source") or {}).get("name") or "")
    for entry in report["diagnostics"]:
        place, code = entry["location"], entry.get("code") or {}
        start = (place.get("range") or {}).get("start") or {}
        if "line" not in start:
            continue
        end = place["range"].get("end") or {}
        yield Reported(
            str((entry.get("source") or {}).get("name") or tool),
            str(code.get("value") or ""),
            _LEVELS.get(str(entry.get("severity") or report.get("severity")), "warning"),
            "bug",
            str(entry["message"]),
            _path(str(place["path"])),
            int(start["line"]),
            start.get("column"),
            int(end.get("line") or start["line"]),
            end.get("column"),
            str(code.get("url") or ""),
            in_bytes=True,
        )


def _path(uri: str) -> str:
    parts = urlsplit(uri)
    return unquote(parts.path) if parts.scheme == "file" else unquote(uri).replace("\\", "/")


def run(
    root: Path | None, changed: Sequence[ChangedFile], reports: Sequence[Reported], ours: Sequence[Finding]
) -> list[Finding]:
    """Return what the tools found on changed lines, and our rules did not."""
    by_path = {file.path: file for file in changed if file.after}
    known = {
        (entry.path, entry.rule, line)
        for entry in ours
        for line in range(entry.start_line, entry.end_line + 1)
    }
    documents: dict[str, Document] = {}
    found = []
    for one in reports:
        path = _relative(one.path, root)
        file = by_path.get(path)
        if file is None:
            continue
        document = documents.setdefault(path, Document(path, file.after or "", path=path))
        entry = _finding(one, document)
        if entry is None or not finding.touches(entry, file.patch.added):
            continue
        same = _OURS.get(one.rule.rpartition("/")[2])
        lines = range(entry.start_line, entry.end_line + 1)
        # ruff comes with the review; a report of it says the same once more.
        is_known = any((path, name, line) in known for name in (same, one.rule) for line in lines)
        if not is_known:
            found.append(narrowed(entry, document, file.patch.added))
    return found


def _relative(path: str, root: Path | None) -> str:
    if root is not None and PurePosixPath(path).is_absolute():
        for folder in (root, root.resolve()):
            if PurePosixPath(path).is_relative_to(folder.as_posix()):
                return PurePosixPath(path).relative_to(folder.as_posix()).as_posix()
    return str(PurePosixPath(path))


def _finding(one: Reported, document: Document) -> Finding | None:
    if not 1 <= one.start_line <= document.line_count:
        return None
    last = min(max(one.end_line, one.start_line), document.line_count)
    start = _offset(document, one.start_line, one.start_column, in_bytes=one.in_bytes)
    end = (
        document.line_end(last - 1)
        if one.end_column is None
        else _offset(document, last, one.end_column, in_bytes=one.in_bytes)
    )
    return finding.at(
        document,
        Span(start, max(end, start)),
        rule=f"{one.tool.lower()}/{one.rule}" if one.rule else one.tool.lower(),
        severity=one.severity,
        confidence=0.8,
        category=one.category,
        message=one.message,
        source="linter",
        identity=one.message,
        url=one.url if one.url.startswith(("https://", "http://")) else "",
    )


def _offset(document: Document, line: int, column: int | None, *, in_bytes: bool) -> int:
    text = document.line(line - 1)
    n = max((column or 1) - 1, 0)
    if in_bytes:
        n = len(text.encode()[:n].decode("utf-8", "ignore"))
    return document.starts[line - 1] + min(n, len(text))
