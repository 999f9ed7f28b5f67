"""What was looked at and set aside: by a comment in the code, or in the file `.qwen-lsp/dismissed.toml`.

A comment `qwen-lsp: ignore[rule]` on the line or the line above takes a rule, a category or a fingerprint;
`ignore[]` and plain `ignore` are not taken, so that nobody silences what they have not read. For rules
about security `# nosec` and `nosemgrep` are honoured too. The file holds `[[dismissed]]` tables with
`fingerprint`, `rule` or `path`; several keys in one table must all agree.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pathspec

from qwen_lsp.errors import InputError
from qwen_lsp.review.finding import Finding
from qwen_lsp.text import Document

FILE = ".qwen-lsp/dismissed.toml"

_COMMENT = re.compile(r"qwen-lsp:\s*ignore\[([^\]]+)\]")
_OTHERS = re.compile(r"#\s*nosec\b|\bnosemgrep\b")


@dataclass(frozen=True, slots=True)
class Dismissal:
    """One entry of the file; "" says nothing."""

    fingerprint: str = ""
    rule: str = ""
    path: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether everything that this says is true of a finding."""
        if not (self.fingerprint or self.rule or self.path):
            return False
        return (
            self.fingerprint in ("", finding.fingerprint)
            and self.rule in ("", finding.rule, finding.category)
            and (not self.path or pathspec.GitIgnoreSpec.from_lines([self.path]).match_file(finding.path))
        )


def read(text: str) -> list[Dismissal]:
    """Read the file. Raises: InputError when it is not one of ours."""
    try:
        entries = tomllib.loads(text).get("dismissed", [])
        return [
            Dismissal(*(str(entry.get(key, "")) for key in ("fingerprint", "rule", "path")))
            for entry in entries
        ]
    except (tomllib.TOMLDecodeError, AttributeError, TypeError) as error:
        raise InputError(f"{FILE} cannot be read: {error}") from error


def with_entry(text: str, dismissal: Dismissal, why: str) -> str:
    """Return the file's text with one more entry."""
    values = (("fingerprint", dismissal.fingerprint), ("rule", dismissal.rule), ("path", dismissal.path))
    lines = [f"{key} = {_quoted(value)}" for key, value in values if value]
    head = f"# {' '.join(why.split())}\n" if why else ""
    return f"{text.rstrip()}\n\n{head}[[dismissed]]\n".lstrip() + "".join(f"{line}\n" for line in lines)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def dismissed_by(
    finding: Finding,
    document: Document,
    entries: Sequence[Dismissal],
    distrusted: Collection[int] = (),
) -> str | None:
    """Say what sets a finding aside: `comment`, `file`, `distrusted`, or None for nothing.

    `distrusted` are the lines (numbers from 1) of a change that is not trusted: comments on them, or about
    a finding that starts on them, set nothing aside.
    """
    first = finding.start_line - 1
    by: str | None = None
    for number in range(max(first - 1, 0), min(finding.end_line, document.line_count)):
        line = document.line(number)
        if number < first and not _is_comment(line):
            continue
        for match in _COMMENT.finditer(line):
            names = {name.strip() for name in match.group(1).split(",")}
            if names & {finding.rule, finding.category, finding.fingerprint}:
                by = "comment"
        if finding.category == "security" and _OTHERS.search(line):
            by = "comment"
        if by and (number + 1 in distrusted or finding.start_line in distrusted):
            by = "distrusted"
        if by:
            break
    if by != "comment" and any(entry.covers(finding) for entry in entries):
        return "file"
    return by


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "//", "/*", "*", "--", "<!--", ";", "%"))
