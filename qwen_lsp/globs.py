"""Patterns of `.gitignore` files, matched in time that grows with the path and not with the pattern's stars.

The library translates `*a*a*b` into an expression that tries every way to share a name among the stars. Here
each star but the last of a name takes the first place where what follows fits, which finds the same paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

_MAX_PATTERNS = 5_000
_MAX_CHARS = 1_000
_MAX_ANYWHERE = 4  # `**`: each may stand for any number of folders

_STAR = r"\[\^/\]\*(?!\?)"
_ONE = r"(?:\\.|\[\^/\](?![*+])|\[(?:\\.|[^\]\\])+\]|[^\\\[\]()*+?{}|/^$.])"
_STAR_BEFORE_STAR = re.compile(rf"{_STAR}({_ONE}+)(?={_STAR})", re.DOTALL)
_STARS_IN_A_NAME = re.compile(rf"{_STAR}(?:(?!{_STAR})[^/])*{_STAR}(?:(?!{_STAR})[^/])*{_STAR}", re.DOTALL)


def spec(lines: Iterable[str]) -> tuple[GitIgnoreSpec, list[str]]:
    """Compile patterns; return them, and those that are left out because they would take too long."""
    patterns: list[GitIgnoreSpecPattern] = []
    left_out: list[str] = []
    for number, line in enumerate(lines):
        text = re.sub(r"\*{3,}", "**", line)
        if number >= _MAX_PATTERNS or len(text) > _MAX_CHARS or text.count("**") > _MAX_ANYWHERE:
            left_out.append(line[:80])
            continue
        try:
            made = GitIgnoreSpecPattern(text)
        except ValueError:  # git ignores it, too
            continue
        if made.include is None or made.regex is None:
            continue
        source = _STAR_BEFORE_STAR.sub(r"(?>[^/]*?\1)", made.regex.pattern)
        if _STARS_IN_A_NAME.search(source):
            left_out.append(line[:80])
            continue
        patterns.append(GitIgnoreSpecPattern(re.compile(source, made.regex.flags), made.include))
    return GitIgnoreSpec(patterns), left_out
