"""What was looked at and set aside: by a comment in the code, or in the file `.qwen-lsp/dismissed.toml`.

A comment `qwen-lsp: ignore[rule]` on the line or the line above takes a rule, a category or a fingerprint;
`ignore[]` and plain `ignore` are not taken, so that nobody silences what they have not read. For rules
about security `# nosec` and `nosemgrep` are honoured too. The file holds `[[dismissed]]` tables with
`fingerprint`, `rule` or `path`; several keys in one table must all agree.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qwen_lsp import foreign_toml, globs
from qwen_lsp.errors import InputError
from qwen_lsp.review.finding import Finding
from qwen_lsp.text import Document

FILE = ".qwen-lsp/dismissed.toml"

_COMMENT = re.compile(r"qwen-lsp:\s*ignore\[([^\]]+)\]")
# What linters call our rules: a comment that silences them there silences ours.
_SAME: dict[str, str] = {
    "assert-on-tuple": "F631 PLW0199",
    "bare-except": "E722 BLE001 W0702",
    "changed-while-iterating": "B909",
    "code-injection": "S307 S102 PGH001 no-eval no-new-func no-implied-eval",
    "command-injection": "S602 S604 S605 S607 gosec G204",
    "compare-to-nan": "PLW0177 use-isnan",
    "compare-to-none": "E711",
    "comparison-as-statement": "B015 no-unused-expressions",
    "debug-leftover": "T100 T201 no-debugger no-console",
    "duplicate-condition": "no-dupe-else-if",
    "duplicate-key": "F601 no-dupe-keys",
    "error-not-raised": "PLW0133 no-new errcheck",
    "hardcoded-secret": "S105 S106 S107 gosec G101",
    "identity-of-values": "F632",
    "insecure-random": "S311 gosec G404",
    "lost-await": "no-floating-promises @typescript-eslint/no-floating-promises",
    "mutable-default": "B006",
    "resource-not-closed": "SIM115 bodyclose",
    "return-in-finally": "B012 no-unsafe-finally",
    "same-operands": "PLR0124 no-self-compare staticcheck SA4000",
    "self-assignment": "PLW0127 no-self-assign",
    "sql-injection": "S608 gosec G201 G202",
    "swallowed-error": "S110 S112 E722 BLE001 no-empty",
    "tls-verification-off": "S501 S323 gosec G402",
    "unreachable-code": "no-unreachable",
    "unsafe-deserialization": "S301 S506",
    "weak-cipher": "S304 S305 gosec G401 G405",
    "weak-hash": "S324 gosec G401",
    "world-writable": "S103 gosec G302",
}
_SILENCED = re.compile(
    r"(?:#\s*noqa|//\s*nolint|eslint-disable(?:-next)?-line)(?P<names>\s*:?\s*[\w@/][\w@/, -]*)?|\bNOSONAR\b"
)
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
            and (not self.path or globs.spec([self.path])[0].match_file(finding.path))
        )


def read(text: str) -> list[Dismissal]:
    """Read the file. Raises: InputError when it is not one of ours."""
    try:
        entries = foreign_toml.loads(text).get("dismissed", [])
        return [
            Dismissal(*(str(entry.get(key, "")) for key in ("fingerprint", "rule", "path")))
            for entry in entries
        ]
    except (ValueError, AttributeError, TypeError) as error:
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
        if (finding.category == "security" and _OTHERS.search(line)) or _by_linter(finding.rule, line):
            by = "comment"
        if by and (number + 1 in distrusted or finding.start_line in distrusted):
            by = "distrusted"
        if by:
            break
    if by != "comment" and any(entry.covers(finding) for entry in entries):
        return "file"
    return by


def _by_linter(rule: str, line: str) -> bool:
    """Whether a comment for a linter is about a rule of ours; one that names nothing is about all."""
    for match in _SILENCED.finditer(line):
        names = re.findall(r"[\w@/-]+", (match["names"] or "").split(" -- ")[0])
        if not names or set(names) & set(_SAME.get(rule, "").split()):
            return True
    return False


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "//", "/*", "*", "--", "<!--", ";", "%"))
