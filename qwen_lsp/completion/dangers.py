"""Obvious security holes that an answer would add: text patterns, sure ones only. Pure.

A pattern that the text around the cursor holds already is no news: the author has decided on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SQL = r"(?i:select\s|insert\s+into|update\s+\w+\s+set|delete\s+from|drop\s+table)"
_SCRIPTS = frozenset({"javascript", "typescript", "typescriptreact"})
_PYTHON = frozenset({"python"})


@dataclass(frozen=True, slots=True)
class Danger:
    """One rule; no `languages` means all."""

    id: str
    languages: frozenset[str]
    pattern: re.Pattern[str]


def _danger(id_: str, languages: frozenset[str], pattern: str) -> Danger:
    return Danger(id_, languages, re.compile(pattern))


DANGERS: tuple[Danger, ...] = (
    # a statement put together from parts where a parameter belongs: "..." % x, "...".format(x), "..." + x
    _danger("sql-format", _PYTHON, rf"""\.execute\w*\(\s*f(["'])+.*{_SQL}.*\{{\w"""),
    _danger("sql-format", _PYTHON, rf"""\.execute\w*\(\s*(["']).*{_SQL}.*\1\s*(?:%|\+|\.format\()"""),
    _danger("sql-format", _SCRIPTS, rf"""\.(?:query|execute)\(\s*`[^`]*{_SQL}[^`]*\$\{{"""),
    _danger("sql-format", _SCRIPTS, rf"""\.(?:query|execute)\(\s*(["']).*{_SQL}.*\1\s*\+"""),
    _danger(
        "shell-format", _PYTHON, r"""\bos\.(?:system|popen)\(\s*(?:f["'].*\{|.*["']\s*(?:%|\+|\.format\())"""
    ),
    _danger("shell-format", _PYTHON, r"""\((?:f["'].*\{|.*["']\s*(?:%|\+|\.format\()).*\bshell\s*=\s*True"""),
    _danger("shell-format", _SCRIPTS, r"""\bexec(?:Sync)?\(\s*(?:`[^`]*\$\{|["'].*["']\s*\+)"""),
    _danger("eval", _PYTHON, r"(?<![\w.])(?:eval|exec)\(\s*[A-Za-z_](?!['\"])"),
    _danger("eval", _SCRIPTS, r"(?<![\w.])(?:eval\(\s*[A-Za-z_]|new\s+Function\(\s*[A-Za-z_])"),
    _danger("no-certificate-check", _PYTHON, r"\bverify\s*=\s*False\b|\b_create_unverified_context\("),
    _danger("no-certificate-check", _SCRIPTS, r"\brejectUnauthorized\s*:\s*false\b"),
    _danger("private-key", frozenset(), r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    _danger("access-key", frozenset(), r"\b(?:AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|sk-[A-Za-z0-9]{32,})\b"),
)


def dangers(before: str, inserted: str, after: str, language: str) -> list[str]:
    """Name the rules that the text breaks with the insertion and did not break without it."""
    head, line_end = before.rpartition("\n")[2], after.partition("\n")[0]
    return list(
        dict.fromkeys(
            danger.id
            for danger in DANGERS
            if (not danger.languages or language in danger.languages)
            and danger.pattern.search(f"{head}{inserted}{line_end}")
            and not danger.pattern.search(before + after)
        )
    )
