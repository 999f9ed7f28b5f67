"""workspace/didChangeWatchedFiles: the index reads what has changed on the disk."""

from __future__ import annotations

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp.lsp.indexing import Indexing


def register(server: LanguageServer, indexing: Indexing) -> None:
    """Add the handler."""

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        await indexing.touched([change.uri for change in params.changes])
