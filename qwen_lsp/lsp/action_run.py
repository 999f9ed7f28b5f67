"""Doing one of the model's actions, for `codeAction/resolve` and for the command `qwenLsp.action`.

Both read the same `data`, run the same action and differ in how they answer. While it runs the client
gets `$/progress` and, if it asked for it, `qwenLsp/stream`. A document that has changed since is refused
before and after the model has written (invariant 11): nothing is ever applied to another text.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from qwen_lsp.actions.task import KINDS, Diagnostic, Explanation, Outcome, Proposal, Refused, Task
from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp import convert, exclusion
from qwen_lsp.lsp.action_context import ActionContext
from qwen_lsp.lsp.action_list import COMMAND, range_json
from qwen_lsp.lsp.action_prefill import ReadAhead
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.progress import Progress
from qwen_lsp.lsp.session import Session
from qwen_lsp.lsp.status import Reporter
from qwen_lsp.messages import TEXTS, text
from qwen_lsp.text import Document, Span

if TYPE_CHECKING:
    from qwen_lsp.actions.model import ModelSession
    from qwen_lsp.actions.run import Way

log = logging.getLogger(__name__)

STREAM = "qwenLsp/stream"
_REQUEST_FAILED, _CONTENT_MODIFIED, CANCELLED, INVALID_PARAMS = -32803, -32801, -32800, -32602


class NotDone(JsonRpcException):
    """Raised when an action ends without a result that could be applied; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its name for the client, what it was asked for, and what the menu called it."""

    id: str
    task: Task
    title: str


class ActionRunner:
    """Runs the model's actions, one call for each."""

    def __init__(
        self,
        session: Session,
        client: Client,
        status: Reporter,
        context: ActionContext,
        read_ahead: ReadAhead,
    ) -> None:
        self._session = session
        self._client = client
        self._status = status
        self._context = context
        self._read_ahead = read_ahead
        self._at_work: dict[asyncio.Future[Outcome], Task] = {}

    def changed(self, uri: str) -> None:
        """End what is written for a text that is no longer there; an explanation is still worth having."""
        for work, task in self._at_work.items():
            if task.document.uri == uri and not task.is_for_reading:
                work.cancel()

    def _is_stale(self, task: Task) -> bool:
        now = self._session.documents.get(task.document.uri)
        return now is None or now.version != task.document.version

    def run_of(self, data: Any, title: str) -> Run:
        """Read what a client sent.

        Raises: NotDone for what cannot be read, and for a document that is not the one it was listed for.
        """
        try:
            kind, uri, version = str(data["kind"]), str(data["uri"]), data.get("version")
            document = self._session.documents.get(uri)
            if document is None or (version is not None and version != document.version):
                raise NotDone(text("refused.stale", self._client.locale), _CONTENT_MODIFIED)
            if exclusion.is_excluded(self._session, document):
                raise NotDone(text("refused.excluded", self._client.locale))
            custom = self._session.config.actions.named(kind)
            if kind not in KINDS and custom is None:
                raise NotDone(f"there is no action {kind!r}", INVALID_PARAMS)
            diagnostics = tuple(self._diagnostic(document, entry) for entry in data.get("diagnostics") or ())
            locale = data.get("locale")
            root = self._session.root_of(document)
            task = Task(
                kind,
                document,
                self._span(document, data["range"]),
                path=self._session.relative_path(document) or "",
                root=root,
                is_trusted=bool(root) and self._session.trusts(root),
                instruction=str(data.get("instruction") or ""),
                diagnostics=diagnostics,
                locale=locale if locale in ("en", "zh") else self._client.locale,
                custom=custom,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotDone(f"`{COMMAND}` cannot be read: {error!r}", INVALID_PARAMS) from None
        return Run(str(data.get("id") or secrets.token_hex(6)), task, title or self._title(task))

    def _title(self, task: Task) -> str:
        if task.custom is not None:
            return task.custom.title
        key = (
            f"command.{task.kind}.{task.locale}" if task.kind == "translate" else f"command.plain.{task.kind}"
        )
        return text(key if key in TEXTS else f"command.{task.kind}", self._client.locale)

    def _span(self, document: Document, range_: Any) -> Span:
        places = [
            types.Position(int(range_[end]["line"]), int(range_[end]["character"]))
            for end in ("start", "end")
        ]
        return convert.span(document, types.Range(*places), self._client.encoding)

    def _diagnostic(self, document: Document, entry: Any) -> Diagnostic:
        related = tuple(str(remark) for remark in entry.get("related") or ())
        return Diagnostic(
            self._span(document, entry["range"]),
            str(entry["message"]),
            str(entry.get("source") or ""),
            related,
        )

    async def run(self, run: Run) -> Proposal | Explanation:
        """Run an action with everything around it.

        Raises: NotDone with the reason in the client's language.
        """
        task, locale = run.task, self._client.locale
        region, latest, accepted = task.span, "", ""
        progress = Progress(self._client, f"qwen-lsp/action/{run.id}", run.title)

        def on_progress(replaced: Span, written: str) -> None:
            nonlocal region, latest
            region, latest = replaced, written
            progress.report(text("action.writing", locale, lines=written.count("\n") + 1))
            if self._client.options.stream_actions:
                self._stream(run, replaced, written, is_done=False)

        work = asyncio.ensure_future(self._asked(run, on_progress))
        self._at_work[work] = task
        self._session.spawn(progress.begin(text("action.waiting", locale), work=work))
        try:
            with self._status.working(), self._read_ahead.paused():
                outcome = await self._outcome(work, task)
            if isinstance(outcome, Proposal) and self._is_stale(task):
                outcome = Refused("stale")
            if isinstance(outcome, Refused):
                log.info("%s: nothing to apply: %s %s", task.kind, outcome.reason, outcome.detail)
                code = _CONTENT_MODIFIED if outcome.reason == "stale" else _REQUEST_FAILED
                message = text(f"refused.{outcome.reason}", locale, detail=outcome.detail).strip()
                raise NotDone(message, code)
            accepted = latest
            return outcome
        finally:
            del self._at_work[work]
            work.cancel()
            progress.end()
            if self._client.options.stream_actions:
                self._stream(run, region, accepted, is_done=True)

    async def _asked(self, run: Run, on_progress: Any) -> Outcome:
        act, make_session = await asyncio.to_thread(_ways)  # keys are answered meanwhile
        try:
            client = await self._session.hosts.chat.ready()
            config = self._session.config
            model_session = make_session(
                client,
                client.context_tokens(config.engine.context_tokens),
                config.actions.timeout_ms,
                on_progress,
            )
            return await act(run.task, model_session, self._context(run.task.document))
        except QwenLspError as error:
            return Refused("engine", str(error))

    async def _outcome(self, work: asyncio.Future[Outcome], task: Task) -> Outcome:
        """Await the work; one that the user stopped in the progress bar ends as a cancelled request does."""
        try:
            return await work
        except asyncio.CancelledError:
            # The request itself being cancelled is the framework's to answer.
            current = asyncio.current_task()
            is_requested = current is not None and current.cancelling() > 0
            if not work.cancelled() or is_requested:
                raise
            if self._is_stale(task):
                return Refused("stale")
            raise NotDone("cancelled", CANCELLED) from None

    def _stream(self, run: Run, region: Span, written: str, *, is_done: bool) -> None:
        document = run.task.document
        message = {
            "id": run.id,
            "uri": document.uri,
            "version": document.version,
            "range": range_json(document, region, self._client.encoding),
            "text": written,
            "done": is_done,
        }
        self._client.notify(STREAM, message)


def _ways() -> tuple[Way, type[ModelSession]]:
    """Load the ways an action can go: much code, which most windows never run, at the first one that runs."""
    from qwen_lsp.actions import run
    from qwen_lsp.actions.model import ModelSession as Asking

    return run.run, Asking
