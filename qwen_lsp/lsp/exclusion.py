"""Which documents of a session are left alone: no suggestion, no action, no context of them or from them.

By name (`completion.exclude`, the files that hold secrets unless the user says otherwise), or by a
`.qwenignore` of the workspace folder.
"""

from __future__ import annotations

from pathlib import Path

from qwen_lsp.index.listing import is_ignored
from qwen_lsp.lsp.session import Session
from qwen_lsp.secret_files import is_left_out
from qwen_lsp.text import Document


def is_excluded(session: Session, document: Document) -> bool:
    """Tell whether nothing of a document may go into a prompt."""
    path = session.relative_path(document)
    if is_left_out((document.path or document.uri, path), session.config.completion.exclude):
        return True
    root = session.root_of(document)
    return bool(root and path) and is_ignored(Path(root), path or "")
