"""One session: the open documents, the settings, the folders and the model host. Knows no LSP and no client.

State: the documents by URI, the settings of each layer and what they come to, the model hosts and the
completer, which are made on first need. Whoever must hear of a host, or knows
snippets and names of the repository, is set once by the composition root (`server.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from qwen_lsp import trust
from qwen_lsp.completion.completer import Completer
from qwen_lsp.completion.names import NamesOf
from qwen_lsp.config import Config, Layer, Problem, resolve, user_layer
from qwen_lsp.endpoints import Use
from qwen_lsp.errors import ModelError
from qwen_lsp.model.hosts import Host, ModelHosts
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.speed import Speed
from qwen_lsp.model.state import State
from qwen_lsp.text import Change, Cursor, Document
from qwen_lsp.trace import Trace

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Configured:
    """What new settings have changed, and the problems that were not reported yet."""

    before: Config
    now: Config
    problems: tuple[Problem, ...] = ()


class Session:
    """What one client has open, and what answers it."""

    def __init__(self, command_line: Layer, *, trusts_folders: bool = False) -> None:
        self.documents: dict[str, Document] = {}
        self.config = Config()
        self.folders: tuple[str, ...] = ()
        self.on_host_state: Callable[[Use, State], None] = lambda use, state: None
        self.snippets: Callable[[Cursor, int], Sequence[tuple[str, str]]] | None = None
        self.names: NamesOf | None = None
        self._command_line = command_line
        self._trusts_folders = trusts_folders
        self._layers: dict[str, Layer] = {}
        self._reported: set[Problem] = set()
        self._hosts: ModelHosts | None = None
        self._completer: Completer | None = None
        self._background: set[asyncio.Task[Any]] = set()

    # Folders

    def open_folders(self, paths: Iterable[str]) -> None:
        """Take the workspace folders, which the client names by absolute paths."""
        self.folders = tuple(path.rstrip("/") or "/" for path in paths)

    def root_of(self, document: Document) -> str:
        """Return the workspace folder that holds the document, the innermost one; "" for none."""
        path = PurePath(document.path or "")
        return max((root for root in self.folders if path.is_relative_to(root)), key=len, default="")

    def trusts(self, folder: str | PurePath) -> bool:
        """Say whether the user trusts a folder: by the client, which has asked, or by `qwen-lsp trust`."""
        path = PurePath(folder)
        is_open = any(path.is_relative_to(one) for one in self.folders)
        return (self._trusts_folders and is_open) or trust.is_trusted(str(path))

    def relative_path(self, document: Document) -> str | None:
        """Return the document's path below its workspace folder, with forward slashes."""
        if document.path is None:
            return None
        path, root = PurePath(document.path), self.root_of(document)
        return path.relative_to(root).as_posix() if root else path.name

    # Settings

    async def configure(self, source: str, values: dict[str, Any]) -> Configured:
        """Take the settings of one layer, resolve them all, and replace what they change."""
        self._layers[source] = Layer(source, values)
        file_layer, file_problems = user_layer()
        config, problems = resolve([file_layer, *self._layers.values(), self._command_line])
        news = tuple(one for one in (*file_problems, *problems) if one not in self._reported)
        self._reported.update(news)
        before, self.config = self.config, config
        logging.getLogger("qwen_lsp").setLevel(config.log.level.upper())
        if (before.model, before.engine, before.endpoint) != (config.model, config.engine, config.endpoint):
            await self.close_host()
            if self.documents:  # opened while the client was still being asked for its settings
                self.warm_up()
        elif before != config and self._hosts is not None:
            # Replaced before it is closed: a request that comes meanwhile finds the new one.
            older, self._completer = self._completer, self._new_completer(self._hosts.completion)
            if older is not None:
                await older.close()
        return Configured(before, config, news)

    # The model hosts

    @property
    def completer(self) -> Completer:
        """The completer of the current settings, made on first need. Starts no process.

        Raises: ModelError when the settings name no model that exists.
        """
        if self._completer is None:
            self._completer = self._new_completer(self.hosts.completion)
        return self._completer

    @property
    def hosts(self) -> ModelHosts:
        """The hosts of the current settings, made on first need. Starts no process.

        Raises: ModelError when the settings name no model that exists.
        """
        if self._hosts is None:
            self._hosts = ModelHosts(self.config, chosen_model(self.config).path, self._host_changed)
        return self._hosts

    def host_now(self, use: Use) -> Host | None:
        """Return the host for one use, if there is one already."""
        if self._hosts is None:
            return None
        return self._hosts.completion if use == "completion" else self._hosts.chat

    def host_state(self, use: Use) -> State:
        """Return what a host is doing; "off" before there is one."""
        return host.state if (host := self.host_now(use)) is not None else State("off")

    @property
    def engine_speed(self) -> Speed | None:
        """How fast the engine has been; None before there is one."""
        return self._completer.slot.speed if self._completer is not None else None

    def warm_up(self) -> None:
        """Load the model in the background: a file is open, so a request will come."""
        if self.config.completion.enabled:
            with contextlib.suppress(ModelError):  # reported when something is asked
                self.spawn(self.completer.warm_up())

    async def idle(self) -> None:
        """Return when no completion is being written: whoever types comes before a review."""
        if self._completer is not None:
            await self._completer.slot.idle()

    def follow(self, change: Change) -> None:
        """Let the completer end what the new text makes useless."""
        if self._completer is not None:
            self._completer.changed(change)

    def forget(self, uri: str) -> None:
        """Drop what is kept of a closed document, and end its request."""
        if self._completer is not None:
            self._completer.forget(uri)

    def last_trace(self, uri: str) -> Trace | None:
        """Return the record of the last completion in a document, or in the source of a notebook."""
        return self._completer.last.get(uri) if self._completer is not None else None

    async def close_host(self) -> None:
        """Stop the engine, if one runs. A request that comes meanwhile finds a new one."""
        hosts, self._hosts = self._hosts, None
        completer, self._completer = self._completer, None
        try:
            if completer is not None:
                await completer.close()
        finally:  # the engine ends in any case
            if hosts is not None:
                await hosts.close()

    def _new_completer(self, host: Host) -> Completer:
        profile = chosen_model(self.config, host.model).profile
        return Completer(host, profile, self.config.completion, self.snippets, self.names)

    def _host_changed(self, use: Use, state: State) -> None:
        log.info("model host for %s: %s %s", use, state.phase, state.detail)
        host, completer = self.host_now(use), self._completer
        is_of_completion = use == "completion" and state.phase == "ready"
        if is_of_completion and host is not None and host.model and completer is not None:
            completer.use(chosen_model(self.config, host.model).profile)
        self.on_host_state(use, state)

    # Background work

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine beside the handlers; a failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("background work failed", exc_info=error)
