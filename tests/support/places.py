"""Texts with a cursor in them: `║` marks it."""

from __future__ import annotations

from pathlib import Path

from qwen_lsp.text import Cursor, Document

CURSOR = "║"
REPOSITORY = Path(__file__).parents[2]
# Only one of the suite's processes may install Debian packages at a time.
APT_LOCK = REPOSITORY / ".cache" / "apt.lock"
FIXTURES = REPOSITORY / "fixtures"


def split(marked: str) -> tuple[str, str]:
    """Return what stands before and after the mark."""
    before, mark, after = marked.partition(CURSOR)
    assert mark, "the text has no cursor"
    assert CURSOR not in after
    return before, after


def cursor(marked: str, language: str = "python", path: str | None = None) -> Cursor:
    """Return the cursor of a marked text."""
    before, after = split(marked)
    return Cursor(Document("file:///here", before + after, 1, language, path), len(before))
