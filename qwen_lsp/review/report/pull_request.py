"""What is written in a pull or merge request: one comment for each finding, and a summary.

Every anchor is checked against the hunks first, because one comment off the diff makes GitHub refuse a whole
review. Hidden markers tell the next run what was posted already. A review never approves anything.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from qwen_lsp.messages import text
from qwen_lsp.review.change.diff import Hunk
from qwen_lsp.review.finding import Finding
from qwen_lsp.review.report.markdown import message, to_markdown
from qwen_lsp.review.report.markers import Marks
from qwen_lsp.review.report.report import Report
from qwen_lsp.review.report.suggestions import Suggestion, fenced, suggestion

# More comments than these are noise; the rest is in the summary.
MAX_COMMENTS = 30


@dataclass(frozen=True, slots=True)
class Comment:
    """What is written at some lines of the new side, which are in one hunk. `old_path` is GitLab's wish."""

    path: str
    first_line: int
    last_line: int
    message: str
    fingerprint: str
    suggestion: Suggestion | None


def comments(report: Report) -> tuple[list[Comment], list[Finding]]:
    """Return the comments, and the findings that cannot be anchored and belong into the summary."""
    made: list[Comment] = []
    loose: list[Finding] = []
    for finding in report.findings:
        hunks = report.hunks.get(finding.path, ())
        home = next((hunk for hunk in hunks if finding.start_line in hunk.added), None)
        if home is None or len(made) >= MAX_COMMENTS:
            loose.append(finding)
            continue
        fix = suggestion(report.documents[finding.path], finding, home.added)
        first, last = (fix.first_line, fix.last_line) if fix else _lines(finding, home)
        head = f"**{text(f'words.severity.{finding.severity}', report.locale)}** · `{finding.rule}`"
        body = f"{head}\n\n{message(finding)}"
        made.append(Comment(finding.path, first, last, body, finding.fingerprint, fix))
    return made, loose


def _lines(finding: Finding, home: Hunk) -> tuple[int, int]:
    last = finding.start_line
    while last + 1 <= finding.end_line and last + 1 in home.added:
        last += 1
    return finding.start_line, last


def summary(report: Report) -> str:
    """Return the text of the one comment about the whole."""
    return to_markdown(report)


def github_comment(comment: Comment, marks: Marks) -> dict[str, Any]:
    """Return one comment of a GitHub review; `start_line` only where it is another line."""
    body = comment.message
    if comment.suggestion is not None:
        body += "\n\n" + fenced(comment.suggestion.new_text, "suggestion")
    entry: dict[str, Any] = {
        "path": comment.path,
        "line": comment.last_line,
        "side": "RIGHT",
        "body": f"{body}\n\n{marks.sign(comment.fingerprint)}",
    }
    if comment.first_line < comment.last_line:
        entry |= {"start_line": comment.first_line, "start_side": "RIGHT"}
    return entry


def to_github(report: Report) -> str:
    """Write the request body of GitHub's "create a review for a pull request"."""
    made, _ = comments(report)
    review: dict[str, Any] = {
        "event": "COMMENT",
        "body": summary(report),
        "comments": [github_comment(comment, Marks("")) for comment in made],
    }
    if report.head:
        review["commit_id"] = report.head
    return json.dumps(review, ensure_ascii=False, indent=2) + "\n"


def gitlab_discussion(comment: Comment, shas: dict[str, str], marks: Marks) -> dict[str, Any]:
    """Return the request body of one discussion at a line of a merge request."""
    body = comment.message
    if comment.suggestion is not None:
        above = comment.suggestion.last_line - comment.suggestion.first_line
        body += "\n\n" + fenced(comment.suggestion.new_text, f"suggestion:-{above}+0")
    return {
        "body": f"{body}\n\n{marks.sign(comment.fingerprint)}",
        "position": {
            **shas,
            "position_type": "text",
            "old_path": comment.path,
            "new_path": comment.path,
            "new_line": comment.last_line,
        },
    }
