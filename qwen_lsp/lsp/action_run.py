"""Doing one of the model's actions: codeAction/resolve and the command `qwenLsp.action`.

Both read the same `data`, run the same action and differ in how they answer. While it runs the client
hears `$/progress` and, if it asked for it, `qwenLsp/stream`. A document that has changed since is refused
before and after the model has written (invariant 11): nothing is ever applied to another text.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from qwen_lsp.actions import run as runner
from qwen_lsp.actions.model import Voice
from qwen_lsp.actions.once import custom_of
from qwen_lsp.actions.task import KINDS, Diagnostic, Explanation, Outcome, Proposal, Refused, Task
from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp import action_prefill, convert, exclusion
from qwen_lsp.lsp.action_knowledge import knowledge
from qwen_lsp.lsp.action_list import COMMAND, range_json
from qwen_lsp.lsp.action_progress import Progress
from qwen_lsp.lsp.requests.did_change_configuration import plain
from qwen_lsp.lsp.workspace_edit import workspace_edit
from qwen_lsp.messages import TEXTS, text
from qwen_lsp.text import Document, Span

if TYPE_CHECKING:
    from qwen_lsp.lsp.server import Server

log = logging.getLogger(__name__)

STREAM = "qwenLsp/stream"
_REQUEST_FAILED, _CONTENT_MODIFIED, _CANCELLED, _INVALID_PARAMS = -32803, -32801, -32800, -32602


class NotDone(JsonRpcException):
    """Raised when an action ends without a result that could be applied; the message is for the user."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: its name for the client, what it was asked for, and what the menu called it."""

    id: str
    task: Task
    title: str


def register(server: Server) -> None:
    """Add the command."""
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_no_answer)

    @server.command(COMMAND)
    async def action(*arguments: Any) -> dict[str, Any]:
        """Run the action that the first argument describes; return `{title, edit?, markdown?, message?}`."""
        data = plain(arguments[0]) if arguments else None
        answer: dict[str, Any] = {"title": ""}
        try:
            run = _run_of(server, data, "")
            answer["title"] = run.title
            outcome = await _run(server, run)
        except NotDone as error:
            if error.code in (_CANCELLED, _INVALID_PARAMS):
                raise
            answer["message"] = str(error.message)
            if not server.client_options.apply_actions:
                _show(server, str(error.message), types.MessageType.Warning)
            return answer
        if isinstance(outcome, Explanation):
            return {**answer, **await _show_explanation(server, outcome)}
        edit = workspace_edit(server, run.task.document, outcome, run.title, run.task.root)
        answer["edit"] = server.protocol._converter.unstructure(edit)
        if not server.client_options.apply_actions:
            params = types.ApplyWorkspaceEditParams(edit=edit, label=run.title)
            result = await server.workspace_apply_edit_async(params)
            if not result.applied:
                answer["message"] = result.failure_reason or text("refused.stale", server.locale)
        return answer


async def resolve(server: Server, action: types.CodeAction) -> types.CodeAction | None:
    """Fill in the edit of an action that the model does; a resolver of code_action.

    Raises: NotDone where there is none, for clients of ours; others are shown a message.
    """
    data = plain(action.data)
    if not isinstance(data, dict) or not {"id", "kind", "uri", "version", "range"} <= set(data):
        return None
    try:
        run = _run_of(server, data, action.title)
        outcome = await _run(server, run)
    except NotDone as error:
        if server.client_options.stream_actions or error.code == _CANCELLED:
            raise
        _show(server, str(error.message), types.MessageType.Warning)
        return action
    if isinstance(outcome, Explanation):
        await _show_explanation(server, outcome)
        return action
    action.edit = workspace_edit(server, run.task.document, outcome, run.title, run.task.root)
    return action


def _run_of(server: Server, data: Any, title: str) -> _Run:
    """Read what a client sent.

    Raises: NotDone for what cannot be read, and for a document that is not the one it was listed for.
    """
    try:
        kind, uri, version = str(data["kind"]), str(data["uri"]), data.get("version")
        document = server.documents.get(uri)
        if document is None or (version is not None and version != document.version):
            raise NotDone(text("refused.stale", server.locale), _CONTENT_MODIFIED)
        if exclusion.is_excluded(server, document):
            raise NotDone(text("refused.excluded", server.locale))
        custom = custom_of(kind, server.config)
        if kind not in KINDS and custom is None:
            raise NotDone(f"there is no action {kind!r}", _INVALID_PARAMS)
        diagnostics = tuple(_diagnostic(server, document, entry) for entry in data.get("diagnostics") or ())
        locale = data.get("locale")
        task = Task(
            kind,
            document,
            _span(server, document, data["range"]),
            path=server.relative_path(document) or "",
            root=server.root_of(document),
            instruction=str(data.get("instruction") or ""),
            diagnostics=diagnostics,
            locale=locale if locale in ("en", "zh") else server.locale,
            custom=custom,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotDone(f"`{COMMAND}` cannot be read: {error!r}", _INVALID_PARAMS) from None
    return _Run(str(data.get("id") or uuid.uuid4().hex[:12]), task, title or _title(server, task))


def _title(server: Server, task: Task) -> str:
    if task.custom is not None:
        return task.custom.title
    key = f"command.{task.kind}.{task.locale}" if task.kind == "translate" else f"command.plain.{task.kind}"
    return text(key if key in TEXTS else f"command.{task.kind}", server.locale)


def _span(server: Server, document: Document, range_: Any) -> Span:
    places = [
        types.Position(int(range_[end]["line"]), int(range_[end]["character"])) for end in ("start", "end")
    ]
    return convert.span(document, types.Range(*places), server.encoding)


def _diagnostic(server: Server, document: Document, entry: Any) -> Diagnostic:
    related = tuple(str(remark) for remark in entry.get("related") or ())
    return Diagnostic(
        _span(server, document, entry["range"]),
        str(entry["message"]),
        str(entry.get("source") or ""),
        related,
    )


async def _run(server: Server, run: _Run) -> Proposal | Explanation:
    """Run an action with everything around it.

    Raises: NotDone with the reason in the client's language.
    """
    task, locale = run.task, server.locale
    action_prefill.stop(server)
    region, latest, accepted = task.span, "", ""
    progress = Progress(server, run.id, run.title)

    def heard(replaced: Span, written: str) -> None:
        nonlocal region, latest
        region, latest = replaced, written
        progress.written(written)
        if server.client_options.stream_actions:
            _stream(server, run, replaced, written, is_done=False)

    work = asyncio.ensure_future(_asked(server, run, heard))
    progress.begin(work)
    server.n_actions += 1
    try:
        with server.status.working():
            outcome = await _outcome(work)
        if isinstance(outcome, Proposal):
            now = server.documents.get(task.document.uri)
            if now is None or now.version != task.document.version:
                outcome = Refused("stale")
        if isinstance(outcome, Refused):
            log.info("%s: nothing to apply: %s %s", task.kind, outcome.reason, outcome.detail)
            code = _CONTENT_MODIFIED if outcome.reason == "stale" else _REQUEST_FAILED
            message = text(f"refused.{outcome.reason}", locale, detail=outcome.detail).strip()
            raise NotDone(message, code)
        accepted = latest
        return outcome
    finally:
        server.n_actions -= 1
        work.cancel()
        progress.end()
        if server.client_options.stream_actions:
            _stream(server, run, region, accepted, is_done=True)


async def _asked(server: Server, run: _Run, heard: Any) -> Outcome:
    try:
        client = await server.model_host.ready()
        config = server.config
        voice = Voice(client, config.engine.context_tokens, config.actions.timeout_ms, heard)
        return await runner.run(run.task, voice, knowledge(server, run.task.document))
    except QwenLspError as error:
        return Refused("engine", str(error))


async def _outcome(work: Awaitable[Outcome]) -> Outcome:
    """Await the work; one that the user stopped in the progress bar ends as a cancelled request does."""
    try:
        return await work
    except asyncio.CancelledError:
        # The request itself being cancelled is the framework's to answer.
        current = asyncio.current_task()
        is_requested = current is not None and current.cancelling() > 0
        if isinstance(work, asyncio.Future) and work.cancelled() and not is_requested:
            raise NotDone("cancelled", _CANCELLED) from None
        raise


def _stream(server: Server, run: _Run, region: Span, written: str, *, is_done: bool) -> None:
    document = run.task.document
    message = {
        "id": run.id,
        "uri": document.uri,
        "version": document.version,
        "range": range_json(document, region, server.encoding),
        "text": written,
        "done": is_done,
    }
    server.protocol.notify(STREAM, message)


async def _show_explanation(server: Server, explanation: Explanation) -> dict[str, Any]:
    """Show Markdown as the client can: by itself, as a document, or as a message."""
    if server.client_options.render_markdown:
        return {"markdown": explanation.markdown}
    window = server.client_capabilities.window
    if window is not None and window.show_document is not None and window.show_document.support:
        folder = Path(tempfile.mkdtemp(prefix="qwen-lsp-"))
        file = folder / "explanation.md"
        await asyncio.to_thread(file.write_text, explanation.markdown + "\n", "utf-8")
        with contextlib.suppress(Exception):
            shown = await server.window_show_document_async(
                types.ShowDocumentParams(convert.uri_of(file), take_focus=False)
            )
            if shown.success:
                return {"message": text("action.explained", server.locale, file=file)}
    _show(server, explanation.markdown, types.MessageType.Info)
    return {"markdown": explanation.markdown}


def _show(server: Server, message: str, kind: types.MessageType) -> None:
    server.window_show_message(types.ShowMessageParams(kind, f"qwen-lsp: {message}"))


def _is_no_answer(record: logging.LogRecord) -> bool:
    """Keep the framework from logging a traceback for what is an answer."""
    return not (record.exc_info and isinstance(record.exc_info[1], NotDone))
