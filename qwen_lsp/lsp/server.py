"""The language server: its state, its start and end, and the features it is made of.

State: open documents, the settings of each layer, the model host and the completer. Handlers live
in requests/, one file for each method, and get this Server as their first argument. A handler takes
what it needs of the state before its first await (invariant 2).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import Counter
from pathlib import PurePath
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from qwen_lsp import __version__
from qwen_lsp.completion.completer import Completer
from qwen_lsp.completion.offers import Offers
from qwen_lsp.completion.stats import Recorder
from qwen_lsp.config import Config, Layer, Problem, resolve, user_layer
from qwen_lsp.errors import InputError, ModelError
from qwen_lsp.lsp import action_prefill, action_run, context, convert, indexing, notebooks, tolerance
from qwen_lsp.lsp.read_ahead import ReadAhead
from qwen_lsp.lsp.requests import (
    code_action,
    did_accept,
    did_change_configuration,
    explain,
    initialize,
    inline_completion,
    review,
)
from qwen_lsp.lsp.requests.initialize import ClientOptions
from qwen_lsp.lsp.review_shown import Reviews
from qwen_lsp.lsp.status import Reporter
from qwen_lsp.lsp.text_sync import Protocol
from qwen_lsp.messages import Locale
from qwen_lsp.model.engine import Host, open_host
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.speed import Speed
from qwen_lsp.model.state import State
from qwen_lsp.text import Change, Document
from qwen_lsp.trace import Trace

log = logging.getLogger(__name__)


class Server(LanguageServer):
    """One session with one client."""

    def __init__(self, command_line: Layer) -> None:
        super().__init__(
            "qwen-lsp",
            __version__,
            protocol_cls=Protocol,
            converter_factory=tolerance.converter,
            notebook_document_sync=notebooks.SYNC,
        )
        self.documents: dict[str, Document] = {}
        self.command_line = command_line
        self.layers: dict[str, Layer] = {}
        self.config = Config()
        self.client_options = ClientOptions()
        self.locale: Locale = "en"
        self.is_shut_down = False
        self.host: Host | None = None
        self.asking: Counter[str] = Counter()  # requests under way, by document
        self.asked_uri = ""
        self.has_asked_inline = False
        self.has_popup = False  # registered with a client that can be told later
        self.failed: Trace | None = None  # the last request, when there was not even a completer for it
        self.status = Reporter(self)
        self.stats = Recorder(lambda: self.config.stats.enabled, self.spawn)
        self.reviews = Reviews()
        self.offers = Offers(self.documents, self.stats)
        self.notebooks = notebooks.Notebooks(self)
        self.indexing = indexing.Indexing(self)
        self.context = context.SessionContext(self)
        self.read_ahead = ReadAhead(self)
        self.n_actions = 0  # of the model's code actions under way
        self.reading_ahead: asyncio.Task[None] | None = None  # the selection that lasts
        self._completer: Completer | None = None
        self._told: set[Problem] = set()
        self._background: set[asyncio.Task[Any]] = set()

    @property
    def encoding(self) -> str:
        """The position encoding agreed with the client."""
        return str(self.server_capabilities.position_encoding or types.PositionEncodingKind.Utf16)

    @property
    def completer(self) -> Completer:
        """The completer of the current settings, made on first need. Starts no process."""
        if self._completer is None:
            model = chosen_model(self.config)
            self.host = open_host(self.config, model.path, self._on_host_state)
            self._completer = Completer(
                self.host, model.profile, self.config.completion, self.context.files, self.context.names
            )
            self.failed = None
        return self._completer

    @property
    def engine_speed(self) -> Speed | None:
        """How fast the engine has been; None before there is one."""
        return self._completer.engine_speed if self._completer is not None else None

    @property
    def model_host(self) -> Host:
        """The host of the current settings, made on first need. Starts no process.

        Raises: ModelError when the settings name no model that exists.
        """
        if self.host is None:
            _ = self.completer
        assert self.host is not None
        return self.host

    async def turn(self) -> None:
        """Return when no completion is being written: whoever types comes before a review."""
        if self._completer is not None:
            await self._completer.idle()

    def current(self, uri: str) -> Document | None:
        """Return the open document of a URI, or the code of the open notebook of that URI."""
        return self.documents.get(uri) or self.notebooks.source(uri)

    def relative_path(self, document: Document) -> str | None:
        """Return the document's path below its workspace folder, with forward slashes."""
        if document.path is None:
            return None
        path, root = PurePath(document.path), self.root_of(document)
        return path.relative_to(root).as_posix() if root else path.name

    def root_of(self, document: Document) -> str:
        """Return the workspace folder that holds the document, the innermost one; "" for none."""
        path = PurePath(document.path or "")
        roots = [
            root
            for folder in self.workspace.folders.values()
            if (root := convert.path_of(folder.uri)) and path.is_relative_to(root)
        ]
        if not roots and self.workspace.root_path and path.is_relative_to(self.workspace.root_path):
            roots = [self.workspace.root_path]
        return max(roots, key=len, default="")

    def spawn(self, work: Any) -> None:
        """Run a coroutine beside the handlers; a failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("background work failed", exc_info=error)

    async def configure(self, source: str, values: dict[str, Any]) -> None:
        """Take the settings of one layer, resolve them all, and restart what they change."""
        self.layers[source] = Layer(source, values)
        file_layer, file_problems = user_layer()
        config, problems = resolve([file_layer, *self.layers.values(), self.command_line])
        for problem in (*file_problems, *problems):
            if problem not in self._told:
                self._told.add(problem)
                log.warning("%s", problem)
                self.window_show_message(
                    types.ShowMessageParams(types.MessageType.Warning, f"qwen-lsp settings: {problem}")
                )
        before, self.config = self.config, config
        logging.getLogger("qwen_lsp").setLevel(config.log.level.upper())
        if before != config:
            if (before.model, before.engine, before.endpoint) != (
                config.model,
                config.engine,
                config.endpoint,
            ):
                await self.close_host()
                if self.documents:  # opened while the client was still being asked for its settings
                    self.warm_up()
            elif self.host is not None:
                # Replaced before it is closed: a request that comes meanwhile finds the new one.
                profile = chosen_model(config, self.host.model).profile
                completer = Completer(
                    self.host, profile, config.completion, self.context.files, self.context.names
                )
                older, self._completer = self._completer, completer
                if older is not None:
                    await older.close()
            if before.context != config.context:
                await self.indexing.refresh()
            self.status.configured()

    def warm_up(self) -> None:
        """Load the model in the background: a file is open, so a request will come."""
        if self.config.completion.enabled:
            with contextlib.suppress(ModelError):  # told when something is asked
                self.spawn(self.completer.warm_up())

    def changed(self, change: Change) -> None:
        """Let the completer end what the new text makes useless; who types waits for nothing else."""
        self.indexing.changed(change.after)
        action_prefill.stop(self)
        if self._completer is not None:
            self._completer.changed(change)

    def forget(self, uri: str) -> None:
        """Drop what is kept of a closed document."""
        self.offers.forget(uri)
        if self._completer is not None:
            self._completer.forget(uri)

    def last_trace(self, uri: str) -> Trace | None:
        """Return the record of the document's last completion request."""
        uri = self.notebooks.owner(uri)
        return self._completer.last.get(uri) if self._completer is not None else self.failed

    async def close_host(self) -> None:
        """Stop the engine, if one runs."""
        action_prefill.stop(self)
        host, self.host = self.host, None
        completer, self._completer = self._completer, None
        if completer is not None:
            await completer.close()
        if host is not None:
            await host.close()

    def _on_host_state(self, state: State) -> None:
        log.info("model host: %s %s", state.phase, state.detail)
        if (
            state.phase == "ready"
            and self.host is not None
            and self.host.model
            and self._completer is not None
        ):
            self._completer.use(chosen_model(self.config, self.host.model).profile)
        self.status.host_changed(state)
        self.spawn(_report_progress(self, state))

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log what the framework could not handle; automatic requests never pop up a message."""
        if isinstance(error, action_run.NotDone):
            return  # an answer, not a failure
        log.error("%s", error, exc_info=error)


_PROGRESS_TOKEN = "qwen-lsp/engine"


async def _report_progress(server: Server, state: State) -> None:
    """Tell the client that the model is loading, if it shows progress."""
    window = server.client_capabilities.window
    if window is None or not window.work_done_progress:
        return
    progress = server.work_done_progress
    is_open = _PROGRESS_TOKEN in progress.tokens
    if state.phase == "starting":
        if not is_open:
            await progress.create_async(_PROGRESS_TOKEN)
            if server.host is not None and server.host.state.phase != "starting":
                return  # it was ready before the client had answered
        progress.begin(_PROGRESS_TOKEN, types.WorkDoneProgressBegin(title="qwen-lsp", message=state.detail))
    elif is_open:
        progress.tokens.pop(_PROGRESS_TOKEN)
        progress.end(_PROGRESS_TOKEN, types.WorkDoneProgressEnd(message=state.detail or state.phase))


def create(command_line: Layer) -> Server:
    """Build the server with all its features; reads no file and starts nothing."""
    server = Server(command_line)
    initialize.register(server)
    did_change_configuration.register(server)
    inline_completion.register(server)
    explain.register(server)
    did_accept.register(server)
    indexing.register(server)
    context.register(server)
    code_action.register(server)
    action_run.register(server)
    review.register(server)
    return server


def serve_stdio(command_line: Layer) -> None:
    """Serve one client over stdin and stdout until it goes.

    File descriptor 1 is handed to stderr first, so nothing that prints can break the protocol (invariant 10).
    """
    protocol_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    server = create(command_line)
    server.start_io(sys.stdin.buffer, protocol_out)
    # The framework swallows the exit code that the specification asks for: 1 without a shutdown before.
    sys.exit(0 if server.is_shut_down else 1)


def serve_tcp(command_line: Layer, port: int) -> None:
    """Serve one client on a loopback port, for debugging."""
    try:
        create(command_line).start_tcp("127.0.0.1", port)
    except OSError as error:
        raise InputError(f"port {port} cannot be used: {error.strerror}") from error
