"""Files that a change takes over from somebody else, whose misspelt words and unused imports are theirs.

Their copyright line names an owner whom the base names nowhere, in several new files or in a long one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from qwen_lsp.review.change import elsewhere
from qwen_lsp.review.change.change import Change, ChangedFile
from qwen_lsp.review.find import leftovers, ruff, spelling
from qwen_lsp.review.finding import Finding

_RULES = frozenset((spelling.RULE, leftovers.IMPORT, ruff.UNUSED_IMPORT))
_OWNER = re.compile(r"(?i)(?:copyright|spdx-filecopyrighttext|©)[:\s]*(?:\(c\)|©)?[\s\d,–-]*([^\n]{3,120})")
_HEAD_CHARS = 1_000
_MIN_FILES, _MIN_LINES = 3, 1_000
_MAX_OWNERS = 20


def as_remarks(change: Change, files: Sequence[ChangedFile], found: Sequence[Finding]) -> list[Finding]:
    """Make remarks of the mistakes of others. A change that is judged does not say whose they are."""
    has_any = any(one.rule in _RULES for one in found)
    theirs = _paths(change, files) if has_any and change.base and not change.is_strict else set()
    return [
        replace(one, severity="info") if one.path in theirs and one.rule in _RULES else one for one in found
    ]


def _paths(change: Change, files: Sequence[ChangedFile]) -> set[str]:
    by_owner: dict[str, set[str]] = defaultdict(set)
    n_lines: Counter[str] = Counter()
    for file in files:
        if file.before is None and (match := _OWNER.search((file.after or "")[:_HEAD_CHARS])):
            owner = match[1].strip(" \t*/#.-").lower()
            by_owner[owner].add(file.path)
            n_lines[owner] += file.document.line_count
    several = {
        owner: paths
        for owner, paths in by_owner.items()
        if owner and (len(paths) >= _MIN_FILES or n_lines[owner] >= _MIN_LINES)
    }
    if not several or len(several) > _MAX_OWNERS or change.root is None:
        return set()
    known = elsewhere.occurrences(change.root, change.base, set(several), is_whole=False, ignores_case=True)
    if known is None:
        return set()
    return {path for owner, paths in several.items() if owner not in known for path in paths}
