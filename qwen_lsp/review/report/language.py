"""In which language a review speaks: as asked, else as the comments of the change do."""

from __future__ import annotations

import re

from qwen_lsp.messages import Locale
from qwen_lsp.review.change.change import Change
from qwen_lsp.text import has_han

_LETTERS = re.compile(r"[A-Za-z]{2,}")
_COMMENT = re.compile(r"(?:#|//|/\*|\*|--|<!--|\"\"\")\s*(.+)")
_MAX_LINES = 2_000


def locale_for(asked: str, change: Change) -> Locale:
    """Return `en` or `zh`; `auto` counts in which of the two the added comments are written."""
    if asked in ("en", "zh"):
        return "zh" if asked == "zh" else "en"
    chinese = english = n_lines = 0
    for file in change.files:
        for hunk in file.patch.hunks:
            for line in hunk.lines:
                if line.kind != "added" or not (comment := _COMMENT.search(line.text)):
                    continue
                n_lines += 1
                if n_lines > _MAX_LINES:
                    break
                if has_han(comment[1]):
                    chinese += 1
                elif _LETTERS.search(comment[1]):
                    english += 1
    return "zh" if chinese > english else "en"
