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

from lsprotocol import types

from qwen_lsp.index.extract import extract
from qwen_lsp.index.listing import IGNORE_FILES, refusal
from qwen_lsp.index.orders import Event
from qwen_lsp.index.reader import Index
from qwen_lsp.index.worker import Worker
from qwen_lsp.lsp import convert, exclusion
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.notebooks import Notebooks
from qwen_lsp.lsp.progress import Progress
from qwen_lsp.lsp.session import Session
from qwen_lsp.messages import text
from qwen_lsp.syntax.languages import LANGUAGES
from qwen_lsp.text import Document

log = logging.getLogger(__name__)

_REGISTRATION = "qwen-lsp-files"
# An open document is parsed again when nobody has typed in it for so long.
_PAUSE_S = 0.3
_MAX_OVERLAY_CHARS = 300_000


class Indexing:
    """The indexes of one session, by workspace root, and the documents that are open in them."""

    def __init__(self, session: Session, client: Client, notebooks: Notebooks) -> None:
        self._session = session
        self._client = client
        self._notebooks = notebooks
        self._worker = Worker(self._on_event)
        self._indexes: dict[str, Index] = {}
        self._refused: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._progress: dict[str, Progress] = {}
        self._is_open = False
        self._refreshing = asyncio.Lock()
        self._client_watches = False

    def place(self, document: Document) -> tuple[Index, str] | None:
        """Return the index of the innermost workspace folder that holds a document, and its path there.

        None for what is left out, by its name or by a `.qwenignore`: it neither gives nor gets context.
        """
        if document.path is None or exclusion.is_excluded(self._session, document):
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
        self._client_watches = await _watch_by_client(self._client)
        await self.refresh()

    async def refresh(self) -> None:
        """Begin with the folders that are new, and leave those that are gone or no longer wanted."""
        async with self._refreshing:  # settings and folders may change at once
            if self._is_open:
                await self._refresh()

    async def _refresh(self) -> None:
        wanted = self._session.folders if self._session.config.context.index else ()
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
        for document in (*self._session.documents.values(), *self._notebooks.sources()):
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
        if self.place(document) is not None and len(document.text) <= _MAX_OVERLAY_CHARS:
            later = asyncio.get_running_loop().call_later
            self._timers[document.uri] = later(_PAUSE_S, self._settled, document.uri)

    def closed(self, document: Document) -> None:
        """Let the disk speak for a document again."""
        if timer := self._timers.pop(document.uri, None):
            timer.cancel()
        if (place := self.place(document)) is not None:
            place[0].drop_overlay(place[1])
            self._session.spawn(self.touched([document.uri]))

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
        if (document := self._notebooks.document(uri)) is not None:
            self._session.spawn(self._overlay(document))

    async def _overlay(self, document: Document) -> None:
        if (place := self.place(document)) is None:
            return
        found = await asyncio.to_thread(extract, document.text, document.language, place[1])
        if self._notebooks.document(document.uri) is document:  # else it is parsed again soon, or closed
            place[0].set_overlay(place[1], document.text, document.language, found)

    def _place(self, path: str) -> tuple[Index, str] | None:
        for root in sorted(self._indexes, key=len, reverse=True):
            relative = self._indexes[root].relative(path)
            if relative is not None:
                return self._indexes[root], relative
        return None

    def _on_event(self, event: Event) -> None:
        if event.kind == "progress":
            self._session.spawn(self._show_progress(event))
            return
        self._end_progress(event)
        if event.report is not None:
            log.info(
                "indexed %s: %d files, %d changed, %.1f s%s",
                event.root,
                event.report.files,
                event.report.changed,
                event.report.seconds,
                f"; rebuilt because {event.report.rebuilt}" if event.report.rebuilt else "",
            )
        else:
            log.warning("%s cannot be indexed: %s", event.root, event.detail)

    async def _show_progress(self, event: Event) -> None:
        locale = self._client.locale
        message = text("index.progress", locale, done=event.done, total=event.total)
        percentage = 100 * event.done // max(event.total, 1)
        if (shown := self._progress.get(event.root)) is not None:
            shown.report(message, percentage)
            return
        title = text("index.title", locale, folder=Path(event.root).name)
        progress = Progress(self._client, f"qwen-lsp/index{event.root}", title)
        self._progress[event.root] = progress
        await progress.begin(message, percentage=percentage)

    def _end_progress(self, event: Event) -> None:
        if (shown := self._progress.pop(event.root, None)) is not None:
            files = event.report.files if event.report else 0
            shown.end(text("index.done", self._client.locale, files=files))


async def _watch_by_client(client: Client) -> bool:
    """Ask the client to announce changed files; False when it cannot."""
    if not client.capabilities.announces_files:
        return False
    extensions = ",".join(sorted({end[1:] for language in LANGUAGES for end in language.extensions}))
    patterns = [f"**/*.{{{extensions},ipynb}}", *(f"**/{name}" for name in IGNORE_FILES), "**/.git/HEAD"]
    options = types.DidChangeWatchedFilesRegistrationOptions(
        watchers=[types.FileSystemWatcher(glob_pattern=pattern) for pattern in patterns]
    )
    try:
        await client.register(_REGISTRATION, types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
    except Exception as error:  # whatever the client says instead, we watch ourselves
        log.warning("the client does not watch files: %s", error)
        return False
    return True
