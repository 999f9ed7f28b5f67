"""The composition root: one session with one client, put together from its parts, and how it is served.

Everything is made in `create`, from the session upwards; each handler in `requests/` gets just what it needs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Any, BinaryIO

from pygls.exceptions import JsonRpcInvalidParams
from pygls.io_ import StdoutWriter
from pygls.lsp.server import LanguageServer

from qwen_lsp import __version__
from qwen_lsp.child import wake_sooner
from qwen_lsp.completion.offers import Offers
from qwen_lsp.completion.stats.recorder import Recorder
from qwen_lsp.config import Layer
from qwen_lsp.lsp import action_run, lean_heap, notebooks, text_sync, tolerance, wire
from qwen_lsp.lsp.action_context import action_context
from qwen_lsp.lsp.action_explanation import Explanations
from qwen_lsp.lsp.action_list import ActionList
from qwen_lsp.lsp.action_prefill import ReadAhead
from qwen_lsp.lsp.action_run import ActionRunner
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.context import SessionContext
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.notebooks import Notebooks
from qwen_lsp.lsp.requests import (
    action,
    code_action,
    code_action_resolve,
    commit_message,
    completion,
    did_accept,
    did_change_configuration,
    did_change_watched_files,
    did_change_workspace_folders,
    did_copy,
    did_focus,
    did_save,
    dismiss,
    explain,
    forget_review,
    initialize,
    initialized,
    inline_completion,
    review,
    shutdown,
)
from qwen_lsp.lsp.resting import RestingCursor
from qwen_lsp.lsp.reviewing import Reviewing
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.settings import Settings
from qwen_lsp.lsp.status import Reporter
from qwen_lsp.lsp.suggest import Suggester

log = logging.getLogger(__name__)


class Server(LanguageServer):
    """The framework's server. State: whether the client has asked it to end."""

    protocol: text_sync.Protocol

    def __init__(self) -> None:
        super().__init__(
            "qwen-lsp",
            __version__,
            protocol_cls=text_sync.Protocol,
            converter_factory=tolerance.converter,
            notebook_document_sync=notebooks.SYNC,
        )
        self.is_shut_down = False
        logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_failure)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log what the framework could not handle; automatic requests never pop up a message."""
        if isinstance(error, action_run.NotDone):
            return  # an answer, not a failure
        if isinstance(error, JsonRpcInvalidParams):
            log.warning("%s", error)
            return
        log.error("%s", error, exc_info=error)

    def serve(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        """Serve the client at the other end of two pipes until it goes."""
        self.protocol.set_writer(StdoutWriter(stdout))
        try:
            asyncio.run(self._receive(wire.Messages(stdin)))
        except BrokenPipeError:
            log.error("the client has gone without a word")
        except (KeyboardInterrupt, SystemExit):
            pass
        finally:
            self.shutdown()  # type: ignore[no-untyped-call]

    async def _receive(self, messages: wire.Messages) -> None:
        while (body := await messages.arrive(self.thread_pool)) is not None:
            if not self.protocol.receive(body):
                messages.resume(body)


def _is_failure(record: logging.LogRecord) -> bool:
    """Keep the framework from logging a traceback for what is an answer."""
    is_answer = action_run.NotDone, JsonRpcInvalidParams
    return not (record.exc_info and isinstance(record.exc_info[1], is_answer))


def create(command_line: Layer, *, trusts_folders: bool = False) -> Server:
    """Build the server with all its features; reads no file and starts nothing."""
    server = Server()
    session, client = Session(command_line, trusts_folders=trusts_folders), Client(server)
    notebooks_ = Notebooks(session.documents)
    indexing = Indexing(session, client, notebooks_)
    context = SessionContext(session, notebooks_, indexing)
    status = Reporter(session, client)
    session.snippets, session.names = context.files, context.names
    session.on_host_state = status.host_changed
    stats = Recorder(lambda: session.config.stats.enabled, session.spawn)
    offers = Offers(session.documents.get, stats)
    suggester = Suggester(session, client, notebooks_, indexing, status, offers, stats)
    resting = RestingCursor(session, notebooks_, suggester)
    known = action_context(session, indexing)
    read_ahead = ReadAhead(session, known)
    runner = ActionRunner(session, client, status, known, read_ahead)
    explanations = Explanations(client)
    reviewing = Reviewing(session, client, indexing)
    settings = Settings(session, client, indexing, status)
    popup = completion.Popup(server, session, client, suggester)

    async def close() -> None:
        server.is_shut_down = True
        status.close()
        offers.close()
        await stats.flush()
        context.close()
        read_ahead.stop()
        resting.close()
        explanations.close()
        await indexing.close()
        await session.close_host()

    initialize.register(server, session, client, settings, popup)
    initialized.register(server, settings, popup, status, indexing)
    shutdown.register(server, close)
    text_sync.register(
        server, session, client, notebooks_, indexing, context, suggester, reviewing, read_ahead, runner
    )
    did_change_configuration.register(server, settings, popup)
    did_change_workspace_folders.register(server, session, indexing)
    did_change_watched_files.register(server, indexing)
    did_save.register(server, indexing)
    inline_completion.register(server, session, client, suggester)
    did_focus.register(server, session, client, notebooks_, context)
    did_copy.register(server, session, context)
    did_accept.register(server, offers)
    explain.register(server, session, client, status, suggester)
    # The order is that of the menu.
    providers = (reviewing.actions, ActionList(session, client, read_ahead), reviewing.selection_action)
    code_action.register(server, session, client, resting, providers)
    code_action_resolve.register(server, session, client, runner, explanations)
    action.register(server, session, client, runner, explanations)
    review.register(server, session, client, reviewing)
    dismiss.register(server, client, reviewing)
    forget_review.register(server, reviewing)
    commit_message.register(server, session, client)
    return server


def serve_stdio(command_line: Layer, *, trusts_folders: bool = False) -> None:
    """Serve one client over stdin and stdout until it goes.

    File descriptor 1 is handed to stderr first, so nothing that prints can break the protocol (invariant 10).
    """
    wake_sooner()
    protocol_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    server = create(command_line, trusts_folders=trusts_folders)
    lean_heap.give_back()  # what loading all this has left
    server.serve(sys.stdin.buffer, protocol_out)
    # The framework swallows the exit code that the specification asks for: 1 without a shutdown before.
    sys.exit(0 if server.is_shut_down else 1)
