"""What helps at one place, for a command line: the repository's index brought up to date, then gathered.

Raises InputError for anything wrong with the file, the place or the folder; it prints nothing.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from qwen_lsp.context import gather as gathering
from qwen_lsp.context.named_files import Place, offset, read, repository
from qwen_lsp.context.snippets import Gathered
from qwen_lsp.errors import InputError
from qwen_lsp.index import building, database
from qwen_lsp.index.listing import refusal
from qwen_lsp.index.reader import Index
from qwen_lsp.model.tokens import estimate
from qwen_lsp.text import Cursor

# A command line has no typing to keep up with: nothing is skipped for being late.
_PATIENCE_MS = 5000.0


def gather_at(place: Place, budget_tokens: int) -> Gathered:
    """Gather what helps at a place of a file; outside of a git repository, of its folder."""
    document = read(place.path)
    cursor = Cursor(document, offset(document, place))
    file = place.path.resolve()
    root = repository(file) or file.parent
    if reason := refusal(root):
        raise InputError(f"{root} is not indexed: {reason}")
    return gather_once(cursor, root, file.relative_to(root).as_posix(), budget_tokens)


def gather_once(cursor: Cursor, root: Path, path: str, budget_tokens: int) -> Gathered:
    """Gather what helps at a cursor in the file `path` below an indexed root."""
    try:
        building.update(root)
    except (OSError, sqlite3.Error) as error:
        raise database.unwritable(error) from error
    index = Index(root)
    try:
        return gathering.gather(cursor, path, index, budget_tokens, estimate, deadline_ms=_PATIENCE_MS)
    finally:
        index.close()
