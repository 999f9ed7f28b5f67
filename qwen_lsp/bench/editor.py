"""An editor without a screen: one LSP session with a real `qwen-lsp serve` over stdio.

The demo, the benchmarks and the protocol tests drive the server through it, as an editor would. Its
methods read like a user's actions; places are a line and a column in code points, both 0-based.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from qwen_lsp import __version__
from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp import convert
from qwen_lsp.lsp.action_run import STREAM
from qwen_lsp.lsp.client import plain
from qwen_lsp.lsp.requests.inline_completion import PARTIAL
from qwen_lsp.lsp.status import STATUS
from qwen_lsp.text import Document, Edit, Span

_SHUTDOWN_S = 10.0
# What a request raises when the server answers it with an error.
ServerError = JsonRpcException
SERVER_COMMAND = (sys.executable, "-P", "-m", "qwen_lsp", "serve")


class Session:
    """A running server and the documents this editor has open in it."""

    def __init__(self) -> None:
        self.client = LanguageClient("qwen-lsp-session", __version__)
        self.documents: dict[str, Document] = {}
        self.messages: list[types.ShowMessageParams] = []
        self.progress: list[types.ProgressParams] = []
        self.statuses: list[Any] = []
        self.registered: dict[str, types.Registration] = {}
        self.stderr: deque[str] = deque(maxlen=500)
        self.result: types.InitializeResult | None = None
        self.settings: dict[str, Any] | None = None
        self.on_partial: Callable[[str], None] | None = None
        self.on_stream: Callable[[Any], object] | None = None
        self.applied: list[types.ApplyWorkspaceEditParams] = []
        self.shown: list[types.ShowDocumentParams] = []
        self._ids = itertools.count(1)
        self._register()

    @property
    def encoding(self) -> str:
        """The position encoding agreed with the server."""
        assert self.result is not None
        return str(self.result.capabilities.position_encoding or types.PositionEncodingKind.Utf16)

    @property
    def server_process(self) -> asyncio.subprocess.Process:
        """The process of the server."""
        process = self.client._server
        assert process is not None
        return process

    def _register(self) -> None:
        client = self.client

        @client.feature(types.WINDOW_SHOW_MESSAGE)
        def show_message(params: types.ShowMessageParams) -> None:
            self.messages.append(params)

        @client.feature(types.WINDOW_LOG_MESSAGE)
        def log_message(params: types.LogMessageParams) -> None:
            self.stderr.append(f"[window] {params.message}")

        @client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def create_progress(params: types.WorkDoneProgressCreateParams) -> None:
            return None

        @client.feature(types.PROGRESS)
        def report_progress(params: types.ProgressParams) -> None:
            self.progress.append(params)

        @client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def register_capability(params: types.RegistrationParams) -> None:
            self.registered.update({one.id: one for one in params.registrations})

        @client.feature(types.CLIENT_UNREGISTER_CAPABILITY)
        def unregister_capability(params: types.UnregistrationParams) -> None:
            for one in params.unregisterations:
                del self.registered[one.id]

        @client.feature(types.WORKSPACE_CONFIGURATION)
        def configuration(params: types.ConfigurationParams) -> list[Any]:
            return [self.settings for _ in params.items]

        @client.feature(STATUS)
        def status(params: Any) -> None:
            self.statuses.append(params)

        @client.feature(STREAM)
        def stream(params: Any) -> None:
            if self.on_stream is not None:
                self.on_stream(params)

        @client.feature(types.WORKSPACE_APPLY_EDIT)
        def apply_edit(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            self.applied.append(params)
            return types.ApplyWorkspaceEditResult(applied=True)

        @client.feature(types.WINDOW_SHOW_DOCUMENT)
        def show_document(params: types.ShowDocumentParams) -> types.ShowDocumentResult:
            self.shown.append(params)
            return types.ShowDocumentResult(success=True)

        @client.feature(PARTIAL)
        def partial(params: Any) -> None:
            if self.on_partial is not None:
                self.on_partial(str(params.text))

    async def open(self, uri: str, language: str, text: str) -> Document:
        """Open a document with this text."""
        document = Document(uri, text, 1, language, convert.path_of(uri))
        self.documents[uri] = document
        item = types.TextDocumentItem(uri, language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return document

    async def edit(self, uri: str, edit: Edit) -> Document:
        """Change a document as typing or accepting does."""
        self.client.text_document_did_change(self.change(uri, [edit]))
        return self.documents[uri]

    def change(self, uri: str, edits: Sequence[Edit]) -> types.DidChangeTextDocumentParams:
        """Change our own copy by edits that follow one another; return the one notification of them."""
        document = self.documents[uri]
        version = document.version + 1
        changes: list[types.TextDocumentContentChangeEvent] = []
        for edit in edits:
            range_ = convert.lsp_range(document, edit.span, self.encoding)
            changes.append(types.TextDocumentContentChangePartial(range=range_, text=edit.new_text))
            document = document.with_edit(edit, version)
        self.documents[uri] = document
        return types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(version, uri), changes)

    async def type(self, uri: str, at: int, text: str) -> Document:
        """Insert text at an offset."""
        return await self.edit(uri, Edit(Span(at, at), text))

    async def close(self, uri: str) -> None:
        """Close a document."""
        del self.documents[uri]
        identifier = types.TextDocumentIdentifier(uri)
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))

    async def complete(
        self, uri: str, offset: int, *, invoked: bool = True
    ) -> Sequence[types.InlineCompletionItem]:
        """Ask for inline completions at an offset; cancelling this call cancels the request."""
        kind = types.InlineCompletionTriggerKind
        params = types.InlineCompletionParams(
            context=types.InlineCompletionContext(kind.Invoked if invoked else kind.Automatic),
            text_document=types.TextDocumentIdentifier(uri),
            position=convert.position(self.documents[uri], offset, self.encoding),
        )
        result = await self.request(types.TEXT_DOCUMENT_INLINE_COMPLETION, params)
        return result.items if isinstance(result, types.InlineCompletionList) else result or []

    async def request(self, method: str, params: Any) -> Any:
        """Send a request; cancelling this call sends `$/cancelRequest`."""
        number = f"session-{next(self._ids)}"
        future = self.client.protocol.send_request(method, params, msg_id=number)
        answer: asyncio.Future[Any] = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(answer)  # the framework fails at an answer to a cancelled future
        except asyncio.CancelledError:
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
            self.client.cancel_request(types.CancelParams(id=number))
            raise

    async def actions(self, uri: str, start: int, end: int) -> list[types.CodeAction]:
        """List the code actions for a selection; those that are bare commands are left out."""
        document = self.documents[uri]
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri),
            convert.lsp_range(document, Span(start, end), self.encoding),
            types.CodeActionContext(diagnostics=[]),
        )
        found = await self.request(types.TEXT_DOCUMENT_CODE_ACTION, params)
        return [entry for entry in found or () if isinstance(entry, types.CodeAction)]

    def action_kind(self, action: types.CodeAction) -> str:
        """Return what a listed action is called on the wire."""
        data = plain(action.data)
        return str(data["kind"]) if isinstance(data, dict) else ""

    async def resolve_edits(self, action: types.CodeAction, document: Document) -> list[Edit]:
        """Have an action done and return its edits of a document."""
        resolved = await self.request(types.CODE_ACTION_RESOLVE, action)
        changes = resolved.edit.document_changes if resolved.edit is not None else None
        return [
            Edit(convert.span(document, edit.range, self.encoding), edit.new_text)
            for change in changes or ()
            if isinstance(change, types.TextDocumentEdit) and change.text_document.uri == document.uri
            for edit in change.edits
            if isinstance(edit, types.TextEdit)
        ]

    def accept(self, uri: str, item: types.InlineCompletionItem, offset: int) -> Edit:
        """Return the edit that accepting a suggestion makes."""
        document = self.documents[uri]
        text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
        if item.range is None:
            return Edit(Span(offset, offset), text)
        return Edit(convert.span(document, item.range, self.encoding), text)


def capabilities(encodings: Sequence[types.PositionEncodingKind]) -> types.ClientCapabilities:
    """Return the capabilities of an editor that knows inline completion."""
    return types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=list(encodings)),
        text_document=types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities(dynamic_registration=True),
            code_action=types.CodeActionClientCapabilities(
                data_support=True, resolve_support=types.ClientCodeActionResolveOptions(["edit"])
            ),
        ),
        window=types.WindowClientCapabilities(work_done_progress=True),
        workspace=types.WorkspaceClientCapabilities(
            configuration=True,
            workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True),
            did_change_configuration=types.DidChangeConfigurationClientCapabilities(
                dynamic_registration=True
            ),
        ),
    )


def set_options(user: Mapping[str, Any]) -> list[str]:
    """Write settings as options of `qwen-lsp serve`."""
    return [f"--set={key}={json.dumps(value)}" for key, value in user.items()]


@asynccontextmanager
async def start(
    root: Path | None = None,
    *,
    user: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    encodings: Sequence[types.PositionEncodingKind] = (types.PositionEncodingKind.Utf16,),
    client: types.ClientCapabilities | None = None,
    locale: str | None = None,
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    command: Sequence[str] = SERVER_COMMAND,
) -> AsyncIterator[Session]:
    """Start a server, shake hands, and shut it down at the end. `client` stands in for our capabilities.

    `user` are settings of the user's own, which stand on the command line; `options` and `settings` are
    what the client says at the start and when it is asked. Unless they say otherwise, a server of this
    build has an engine to itself: nobody else's requests are measured with its own. Another build, named by
    `command`, is asked for nothing that it may not know; its processes do not import this one by PYTHONPATH
    or from the folder that it stands in.

    Raises: QwenLspError with the server's last words when it died.
    """
    session = Session()
    session.settings = dict(settings) if settings is not None else None
    is_ours = tuple(command) == SERVER_COMMAND
    inherited = dict(os.environ)
    if not is_ours:
        inherited.pop("PYTHONPATH", None)
        inherited["PYTHONSAFEPATH"] = "1"
    await session.client.start_io(
        *command,
        *set_options({**({"engine.shared": False} if is_ours else {}), **(user or {})}),
        *arguments,
        env={**inherited, **(env or {})},
    )
    drain = asyncio.create_task(_drain(session))
    try:
        folder = [types.WorkspaceFolder(root.as_uri(), root.name)] if root else None
        session.result = await session.client.initialize_async(
            types.InitializeParams(
                capabilities=client or capabilities(encodings),
                process_id=os.getpid(),
                locale=locale,
                root_uri=root.as_uri() if root else None,
                workspace_folders=folder,
                initialization_options=dict(options or {}),
            )
        )
        session.client.initialized(types.InitializedParams())
        yield session
    except RuntimeError as error:  # the framework's word for a server that went away
        if "Server process" not in str(error):
            raise
        await drain
        raise QwenLspError(f"the server died: {error}\n" + "\n".join(session.stderr)) from error
    finally:
        await _stop(session, drain)


async def _drain(session: Session) -> None:
    stderr = session.server_process.stderr
    assert stderr is not None
    async for line in stderr:
        session.stderr.append(line.decode("utf-8", "replace").rstrip())


async def _stop(session: Session, drain: asyncio.Task[None]) -> None:
    """Shut down politely, by force when the server does not go."""
    process = session.server_process
    if process.returncode is None:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(session.client.shutdown_async(None), _SHUTDOWN_S)
            session.client.exit(None)
        try:
            await asyncio.wait_for(process.wait(), _SHUTDOWN_S)
        except TimeoutError:
            process.kill()
    await session.client.stop()
    await drain
