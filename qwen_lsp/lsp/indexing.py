"""The indexes of the client's workspace folders: begun after `initialized`, kept up, shown as progress.

They follow saves, watched files, open documents and changes of folders. Only folders the client names are
indexed, and never a home folder or a whole file system. All reading and parsing of folders is the indexing
process's; here an open document is parsed, beside the event loop, when its typing pauses.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from qwen_lsp.index.extract import extract
from qwen_lsp.index.host import Event
from qwen_lsp.index.listing import IGNORE_FILES, refusal
from qwen_lsp.index.reader import Index
from qwen_lsp.index.worker import Worker
from qwen_lsp.lsp import convert, exclusion
from qwen_lsp.messages import text
from qwen_lsp.syntax.languages import LANGUAGES
from qwen_lsp.text import Document

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

log = logging.getLogger(__name__)

_REGISTRATION = "qwen-lsp-files"
# An open document is parsed again when nobody has typed in it for so long.
_PAUSE_S = 0.3
_MOST_OVERLAY_CHARS = 300_000


def register(server: Server) -> None:
    """Add the handlers."""

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: types.DidSaveTextDocumentParams) -> None:
        await server.indexing.touched([params.text_document.uri])

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        await server.indexing.touched([change.uri for change in params.changes])

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def did_change_workspace_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        await server.indexing.refresh()


class Indexing:
    """The indexes of one session, by workspace root, and the documents that are open in them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._worker = Worker(self._on_event)
        self._indexes: dict[str, Index] = {}
        self._refused: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._progress: set[str] = set()
        self._is_open = False
        self._refreshing = asyncio.Lock()
        self._client_watches = False

    def place(self, document: Document) -> tuple[Index, str] | None:
        """Return the index of the innermost workspace folder that holds a document, and its path there.

        None for what is left out, by its name or by a `.qwenignore`: it neither gives nor gets context.
        """
        if document.path is None or exclusion.is_excluded(self._server, document):
            return None
        return self._place(document.path)

    def of_folder(self, folder: Path | None) -> Index | None:
        """Return the index of the workspace folder that holds a folder."""
        found = self._place(str(folder / "any")) if folder is not None else None
        return found[0] if found is not None else None

    def paused(self) -> AbstractContextManager[None]:
        """Stop indexing for as long as this lasts: somebody waits for a completion."""
        return self._worker.paused()

    async def open(self) -> None:
        """Begin: the client is ready."""
        self._is_open = True
        self._client_watches = await _watch_by_client(self._server)
        await self.refresh()

    async def refresh(self) -> None:
        """Begin with the folders that are new, and leave those that are gone or no longer wanted."""
        async with self._refreshing:  # settings and folders may change at once
            if self._is_open:
                await self._refresh()

    async def _refresh(self) -> None:
        wanted = self._roots() if self._server.config.context.index else []
        for root in self._indexes.keys() - set(wanted):
            self._indexes.pop(root).close()
            await self._worker.forget(root)
        for root in wanted:
            if root in self._indexes:
                continue
            if reason := refusal(Path(root)):
                if root not in self._refused:
                    log.warning("%s is not indexed: %s", root, reason)
                self._refused.add(root)
                continue
            self._indexes[root] = Index(Path(root))
            await self._worker.update(root)
            if not self._client_watches:
                await self._worker.watch(root)
        for document in (*self._server.documents.values(), *self._server.notebooks.sources()):
            self.changed(document)

    async def touched(self, uris: list[str]) -> None:
        """Have files that changed on the disk looked at again."""
        by_root: dict[str, list[str] | None] = {}
        for uri in uris:
            path = convert.path_of(uri)
            place = self._place(path) if path else None
            if place is None or path is None:
                continue
            root = str(place[0].root)
            paths = by_root.setdefault(root, [])
            if Path(path).name in IGNORE_FILES or path.endswith("/.git/HEAD"):
                by_root[root] = None
            elif paths is not None:
                paths.append(place[1])
        for root, changed in by_root.items():
            await self._worker.update(root, changed)

    def changed(self, document: Document) -> None:
        """Let an open document's text stand for its file once the typing pauses."""
        if timer := self._timers.pop(document.uri, None):
            timer.cancel()
        if self.place(document) is not None and len(document.text) <= _MOST_OVERLAY_CHARS:
            later = asyncio.get_running_loop().call_later
            self._timers[document.uri] = later(_PAUSE_S, self._settled, document.uri)

    def closed(self, document: Document) -> None:
        """Let the disk speak for a document again."""
        if timer := self._timers.pop(document.uri, None):
            timer.cancel()
        if (place := self.place(document)) is not None:
            place[0].drop_overlay(place[1])
            self._server.spawn(self.touched([document.uri]))

    async def close(self) -> None:
        """End the indexing process and let go of the files."""
        self._is_open = False
        for timer in self._timers.values():
            timer.cancel()
        for index in self._indexes.values():
            index.close()
        await self._worker.close()

    def _settled(self, uri: str) -> None:
        self._timers.pop(uri, None)
        if (document := self._server.current(uri)) is not None:
            self._server.spawn(self._overlay(document))

    async def _overlay(self, document: Document) -> None:
        if (place := self.place(document)) is None:
            return
        found = await asyncio.to_thread(extract, document.text, document.language, place[1])
        if self._server.current(document.uri) is document:  # else it is parsed again soon, or closed
            place[0].set_overlay(place[1], document.text, document.language, found)

    def _place(self, path: str) -> tuple[Index, str] | None:
        for root in sorted(self._indexes, key=len, reverse=True):
            relative = self._indexes[root].relative(path)
            if relative is not None:
                return self._indexes[root], relative
        return None

    def _roots(self) -> list[str]:
        workspace = self._server.workspace
        roots = [path for folder in workspace.folders.values() if (path := convert.path_of(folder.uri))]
        if not roots and workspace.root_path:
            roots = [workspace.root_path]
        return [root.rstrip("/") or "/" for root in roots]

    def _on_event(self, event: Event) -> None:
        if event.kind == "progress":
            self._server.spawn(self._show_progress(event))
            return
        self._server.spawn(self._end_progress(event))
        if event.report is not None:
            log.info(
                "indexed %s: %d files, %d changed, %.1f s%s",
                event.root,
                event.report.files,
                event.report.changed,
                event.report.seconds,
                f"; made anew because {event.report.rebuilt}" if event.report.rebuilt else "",
            )
        else:
            log.warning("%s cannot be indexed: %s", event.root, event.detail)

    async def _show_progress(self, event: Event) -> None:
        window = self._server.client_capabilities.window
        if window is None or not window.work_done_progress:
            return
        progress, token, locale = self._server.work_done_progress, _token(event.root), self._server.locale
        said = text("index.progress", locale, done=event.done, total=event.total)
        percentage = 100 * event.done // max(event.total, 1)
        if event.root in self._progress:
            if token in progress.tokens:
                progress.report(token, types.WorkDoneProgressReport(message=said, percentage=percentage))
            return
        self._progress.add(event.root)
        await progress.create_async(token)
        title = text("index.title", locale, folder=Path(event.root).name)
        if event.root in self._progress:  # else it was done before the client had answered
            progress.begin(
                token, types.WorkDoneProgressBegin(title=title, message=said, percentage=percentage)
            )

    async def _end_progress(self, event: Event) -> None:
        if event.root in self._progress:
            self._progress.discard(event.root)
            progress, token = self._server.work_done_progress, _token(event.root)
            if progress.tokens.pop(token, None) is not None:
                files = event.report.files if event.report else 0
                said = text("index.done", self._server.locale, files=files)
                progress.end(token, types.WorkDoneProgressEnd(message=said))


def _token(root: str) -> str:
    return f"qwen-lsp/index{root}"


async def _watch_by_client(server: Server) -> bool:
    """Ask the client to announce changed files; False when it cannot."""
    workspace = server.client_capabilities.workspace
    watches = workspace and workspace.did_change_watched_files
    if not (watches and watches.dynamic_registration):
        return False
    extensions = ",".join(sorted({end[1:] for language in LANGUAGES for end in language.extensions}))
    patterns = [f"**/*.{{{extensions},ipynb}}", *(f"**/{name}" for name in IGNORE_FILES), "**/.git/HEAD"]
    registration = types.Registration(
        id=_REGISTRATION,
        method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
        register_options=types.DidChangeWatchedFilesRegistrationOptions(
            watchers=[types.FileSystemWatcher(glob_pattern=pattern) for pattern in patterns]
        ),
    )
    try:
        await server.client_register_capability_async(types.RegistrationParams([registration]))
    except Exception as error:  # whatever the client says instead, we watch ourselves
        log.warning("the client does not watch files: %s", error)
        return False
    return True
