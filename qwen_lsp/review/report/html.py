"""A Report as one HTML page without scripts and without anything from elsewhere."""

from __future__ import annotations

from html import escape
from string import Template

from qwen_lsp.messages import text
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.report.frames import FrameLine, frame
from qwen_lsp.review.report.report import Report
from qwen_lsp.review.report.suggestions import suggestion
from qwen_lsp.visible import visible

_PAGE = Template("""<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light dark; --text: #1f2328; --dim: #656d76; --page: #fff; --box: #f6f8fa; --line: #d1d9e0;
  --error: #cf222e; --warning: #9a6700; --info: #0969da; --hint: #656d76; --mark: #fff1c2; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --dim: #8d96a0; --page: #0d1117; --box: #161b22;
  --line: #30363d; --error: #f85149; --warning: #d29922; --info: #4493f8; --mark: #4b3a0c; --good: #3fb950; } }
body { margin: 2rem auto; max-width: 56rem; padding: 0 1rem; background: var(--page); color: var(--text);
  font: 15px/1.55 system-ui, "Noto Sans", "Noto Sans CJK SC", sans-serif; }
h1 { font-size: 1.4rem; margin-bottom: .2rem; } h2 { font-size: 1rem; margin: 0; font-weight: 600; }
.summary { color: var(--dim); margin-top: 0; }
article { border: 1px solid var(--line); border-radius: 8px; margin: 1.2rem 0; overflow: hidden; }
article > header { display: flex; gap: .6rem; align-items: baseline; flex-wrap: wrap; padding: .7rem 1rem .2rem; }
article > p { margin: 0; padding: .1rem 1rem .7rem; } .scenario { color: var(--dim); }
.severity { font-size: .78rem; font-weight: 600; border: 1px solid currentColor; border-radius: 99px;
  padding: 0 .55rem; }
.error { color: var(--error); } .warning { color: var(--warning); } .info { color: var(--info); }
.hint { color: var(--hint); }
.place, .rule { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .85rem; color: var(--dim); }
.rule { margin-left: auto; }
pre { margin: 0; padding: .6rem 0; background: var(--box); border-top: 1px solid var(--line); overflow-x: auto;
  font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre span.n { display: inline-block; width: 3.5rem; padding-right: 1rem; text-align: right; color: var(--dim);
  user-select: none; }
mark { background: var(--mark); color: inherit; border-radius: 2px; }
.fix > span { color: var(--good); } .fix-title { padding: .3rem 1rem; font-size: .85rem; color: var(--dim);
  border-top: 1px solid var(--line); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td { border-top: 1px solid var(--line); padding: .35rem .5rem; } td:last-child { color: var(--dim); }
summary { cursor: pointer; }
</style>
</head>
<body>
<h1>$title</h1>
<p class="summary">$summary</p>
$findings
$rest
</body>
</html>
""")


def to_html(report: Report) -> str:
    """Write the page."""
    locale = report.locale
    rows = [(one.path, text(f"words.reason.{one.reason}", locale)) for one in report.coverage.skipped]
    rows += [(one.path, one.detail) for one in report.coverage.failed]
    rest = ""
    if rows:
        listed = "".join(f"<tr><td>{_safe(path)}</td><td>{_safe(why)}</td></tr>" for path, why in rows)
        title = f"{text('words.not_reviewed', locale)} ({len(rows)})"
        rest = f"<details><summary>{_safe(title)}</summary><table>{listed}</table></details>"
    return _PAGE.substitute(
        language="zh-CN" if locale == "zh" else "en",
        title=_safe(text("words.title", locale, title=report.title)),
        summary="<br>".join(
            _safe(one) for one in (report.summary(), *(p.summary(locale) for p in report.coverage.passes))
        ),
        findings="\n".join(_finding(report, finding) for finding in report.findings),
        rest=rest,
    )


def _finding(report: Report, finding: Finding) -> str:
    document = report.documents[finding.path]
    lines = "\n".join(_line(line) for line in frame(document, finding))
    fix = suggestion(document, finding, range(1, document.line_count + 1))
    fixed = ""
    if fix is not None and fix.new_text.strip():
        new = "\n".join(
            f'<span class="n">{number}</span><span>{_safe(line)}</span>'
            for number, line in enumerate(fix.new_text.split("\n"), fix.first_line)
        )
        title = _safe(text("words.fix", report.locale))
        fixed = f'<div class="fix-title">{title}</div><pre class="fix">{new}</pre>'
    severity = _safe(text(f"words.severity.{finding.severity}", report.locale))
    scenario = f'<p class="scenario">{_with_code(finding.scenario)}</p>' if finding.scenario else ""
    return (
        f'<article id="{finding.fingerprint}"><header>'
        f'<span class="severity {finding.severity}">{severity}</span>'
        f'<span class="place">{_safe(finding.path)}:{finding.start_line}</span>'
        f'<span class="rule">{_safe(finding.rule)}</span></header>'
        f"<p>{_with_code(finding.message)}</p>{scenario}<pre>{lines}</pre>{fixed}</article>"
    )


def _line(line: FrameLine) -> str:
    number = f'<span class="n">{line.number}</span>'
    if line.marked is None:
        return number + escape(line.text)
    start, end = line.marked
    before, marked, after = (
        escape(part) for part in (line.text[:start], line.text[start:end], line.text[end:])
    )
    return f"{number}{before}<mark>{marked}</mark>{after}"


def _with_code(message: str) -> str:
    """Show what stands between backticks as code."""
    parts = _safe(message).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def _safe(message: str) -> str:
    return escape(visible(message))
