"""Which documents of a session are left alone: no suggestion, no action, no context of them or from them.

By name (`completion.exclude`, the files that hold secrets unless the user says otherwise), or by a
`.qwenignore` of the workspace folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qwen_lsp.index.listing import is_ignored
from qwen_lsp.secret_files import is_left_out

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server
    from qwen_lsp.text import Document


def is_excluded(server: Server, document: Document) -> bool:
    """Tell whether nothing of a document may go into a prompt."""
    path = server.relative_path(document)
    if is_left_out((document.path or document.uri, path), server.config.completion.exclude):
        return True
    root = server.root_of(document)
    return bool(root and path) and is_ignored(Path(root), path or "")
