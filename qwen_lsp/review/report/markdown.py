"""A Report as Markdown, for comments and job summaries."""

from __future__ import annotations

from qwen_lsp.messages import text
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.report.frames import frame
from qwen_lsp.review.report.report import Report
from qwen_lsp.review.report.suggestions import fenced, suggestion
from qwen_lsp.syntax import languages
from qwen_lsp.visible import visible_path

_SIGNS = {"error": "🔴", "warning": "🟠", "info": "🔵", "hint": "⚪"}


def to_markdown(report: Report) -> str:
    """Write the whole report."""
    locale = report.locale
    parts = [f"## {text('words.title', locale, title=escaped(report.title))}", report.summary()]
    parts += [_finding(report, finding) for finding in report.findings]
    cover = report.coverage
    rows = [(one.path, text(f"words.reason.{one.reason}", locale)) for one in cover.skipped]
    rows += [(one.path, one.detail) for one in cover.failed]
    if rows:
        listed = "\n".join(f"- `{_code(path)}`: {escaped(message)}" for path, message in rows)
        title = text("words.not_reviewed", locale)
        parts.append(f"<details><summary>{title} ({len(rows)})</summary>\n\n{listed}\n\n</details>")
    notes = (*(record.summary(locale) for record in cover.passes), *report.notes)
    parts += [f"> {escaped(note)}" for note in notes]
    return "\n\n".join(parts) + "\n"


def _finding(report: Report, finding: Finding) -> str:
    document = report.documents[finding.path]
    place = f"{finding.path}:{finding.start_line}"
    language = languages.find("", finding.path)
    lines = "\n".join(line.text for line in frame(document, finding, around=0))
    head = f"### {_SIGNS[finding.severity]} `{_code(place)}` · {finding.rule}"
    parts = [head, message(finding), fenced(lines, language.id if language else "")]
    fix = suggestion(document, finding, range(1, document.line_count + 1))
    if fix is not None:
        title = text("words.fix", report.locale)
        parts.append(f"{title}:\n\n{fenced(fix.new_text, language.id if language else '')}")
    return "\n\n".join(parts)


def message(finding: Finding) -> str:
    """Return the message and the scenario of a finding as Markdown."""
    return escaped(f"{finding.message} {finding.scenario}".strip(), keep_code=True)


def escaped(message: str, *, keep_code: bool = False) -> str:
    """Keep a text from being Markdown or HTML; our own messages may keep their `code` as it is."""
    parts = visible_path(message).split("`")
    if not keep_code or len(parts) % 2 == 0 or "``" in message:
        return _plain(visible_path(message)).replace("`", "'").replace("[", "\\[")
    return "`".join(part if number % 2 else _plain(part) for number, part in enumerate(parts))


def _plain(message: str) -> str:
    return message.replace("<", "&lt;").replace("@", "@\u2060")


def _code(message: str) -> str:
    return visible_path(message).replace("`", "'")
