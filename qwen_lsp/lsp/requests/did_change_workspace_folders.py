"""workspace/didChangeWorkspaceFolders: folders come into the session and leave it."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp import convert
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.session import Session


def register(server: LanguageServer, session: Session, indexing: Indexing) -> None:
    """Add the handler."""

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def did_change_workspace_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone, added = convert.folder_paths(params.event.removed), convert.folder_paths(params.event.added)
        kept = [path for path in session.folders if path not in {path.rstrip("/") or "/" for path in gone}]
        session.open_folders(dict.fromkeys([*kept, *added]))
        await indexing.refresh()
