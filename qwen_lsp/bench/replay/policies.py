"""The policies that a replay compares, each as an Editor with the trace's file open in it.

`openers` names them. Two are our own server behind a real LSP session, with and without what makes it
more than a plain one; the third is llama.vim's policy at an engine of its own. The only module of the
replay that starts processes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.editor import Session
from qwen_lsp.bench.infill import engine as infill_engine
from qwen_lsp.bench.replay import traces
from qwen_lsp.bench.replay.llama_vim import LlamaVim, Watch
from qwen_lsp.bench.replay.playing import Ask, Cost, Editor, Reply
from qwen_lsp.bench.replay.traces import Trace
from qwen_lsp.completion.names import NAME, Names
from qwen_lsp.config import Config
from qwen_lsp.errors import EndpointUnavailable
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.model.select import chosen_model
from qwen_lsp.syntax import languages
from qwen_lsp.text import Cursor, Document, Edit

POLICIES = ("ours", "file_only", "llama_vim")
"""The policies that are compared by default; `names` completes names alone, without a model or a server."""

FILE_ONLY_OPTIONS: dict[str, Any] = {
    "completion.answerEarly": False,
    "completion.graceMs": 0,
    "completion.prefetch": False,
    "completion.minConfidence": 0.0,
}
"""The settings that make our server a plain one: a request a key, cancelled by the next key."""

_WARM_UP = "def f(x):\n    return "
_DRAIN_S = 60.0
_TICK_S = 1.0

Open = Callable[[Trace], AbstractAsyncContextManager[Editor]]


@dataclass(frozen=True, slots=True)
class Arm:
    """One more policy: our server with settings of its own, or another build of it (its Python)."""

    name: str
    options: Mapping[str, Any]
    python: str = ""


def openers(
    config: Config, seed: int, options: Mapping[str, Any], arms: Sequence[Arm] = ()
) -> dict[str, Open]:
    """Return how each policy is opened on a trace; `options` are settings that `ours` is tried with."""

    def of_arm(arm: Arm) -> Open:
        command = (arm.python, "-P", "-m", "qwen_lsp", "serve") if arm.python else lsp_session.SERVER_COMMAND
        return lambda trace: our_server(trace, config, arm.options, command)

    return {
        "ours": lambda trace: our_server(trace, config, options),
        "file_only": lambda trace: our_server(trace, config, FILE_ONLY_OPTIONS),
        "llama_vim": lambda trace: llama_vim(trace, config, seed),
        "names": names_alone,
        **{arm.name: of_arm(arm) for arm in arms},
    }


class _LspAsk:
    """One automatic request, cancelled by the next key as VS Code does, and what the server says of it."""

    def __init__(self, editor: _LspEditor, cursor: int) -> None:
        self._editor = editor
        self._cursor = cursor
        self._trace: asyncio.Task[Any] | None = None
        self._left: asyncio.Task[Any] | None = None
        self._reason = ""
        self.reply: asyncio.Task[Reply] = asyncio.create_task(self._answer())

    async def _answer(self) -> Reply:
        editor, loop = self._editor, asyncio.get_running_loop()
        try:
            items = await editor.session.complete(editor.uri, self._cursor, invoked=False)
        except lsp_session.ServerError as error:
            self._reason = f"error: {error}"
            return Reply("", "", loop.time())
        arrived = loop.time()
        self._trace = asyncio.create_task(editor.explain())
        if not items:
            return Reply("", "", arrived)
        item = items[0]
        edit = editor.session.accept(editor.uri, item, self._cursor)
        text = editor.document.text
        # The user sees only what follows the cursor; what is typed already has to be in the suggestion.
        typed = text[edit.span.start : self._cursor]
        if not edit.new_text.startswith(typed):
            self._reason = "the range does not fit what is typed"
            return Reply("", "", arrived)
        return Reply(edit.new_text[len(typed) :], text[self._cursor : edit.span.end], arrived)

    def leave(self) -> None:
        """Cancel the request if it still runs, and note what the engine was doing for it."""
        if not self.reply.done():
            # Sent first, so that it is answered first: afterwards there is nothing to be seen any more.
            explained = self._editor.explain_now()
            self.reply.cancel()
            self._left = asyncio.create_task(_awaited(explained))

    async def cost(self) -> Cost:
        """What the server reports of this request."""
        explained = await self._trace if self._trace is not None else None
        left = await self._left if self._left is not None else None
        return replace(
            self._editor.cost(explained, self._reason), stage=str(getattr(left, "stage", "") or "")
        )


async def _awaited(answer: asyncio.Future[Any]) -> Any:
    return await answer


class _LspEditor:
    """An editor window on our server."""

    def __init__(self, session: Session, uri: str) -> None:
        self.session = session
        self.uri = uri
        self._reported_tokens = 0
        self._listed: set[asyncio.Task[Any]] = set()

    @property
    def document(self) -> Document:
        """The text as it is now."""
        return self.session.documents[self.uri]

    async def explain(self) -> Any:
        """Ask what became of the last request; None when there was none."""
        return await self.session.request(EXPLAIN, {"textDocument": {"uri": self.uri}})

    def explain_now(self) -> asyncio.Future[Any]:
        """Send the same at once; the answer comes later."""
        params = {"textDocument": {"uri": self.uri}}
        return asyncio.wrap_future(self.session.client.protocol.send_request(EXPLAIN, params))

    async def rest(self, cursor: int) -> None:
        """List the code actions at the cursor, as editors do where it rests; nobody waits for them."""
        listed = asyncio.create_task(self.session.actions(self.uri, cursor, cursor))
        self._listed.add(listed)
        listed.add_done_callback(self._listed.discard)
        listed.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def ask(self, edit: Edit | None, cursor: int) -> Ask:
        """Make the edit and ask at the cursor."""
        if edit is not None:
            await self.session.edit(self.uri, edit)
        return _LspAsk(self, cursor)

    def cost(self, explained: Any, reason: str) -> Cost:
        """Turn a trace into the cost of one state. Called in their order.

        The work of requests that were cancelled is unknown.
        """
        if not hasattr(explained, "source"):  # cancelled, or no request has come to an end yet
            cost = Cost(reason=reason, is_asked=True, prompt_tokens=None, generated_tokens=None)
        elif explained.source == "cache":
            cost = Cost(source="cache", reason=reason or _reason(explained))
        else:
            timings = explained.timings
            # A request that joined a running generation has that one's figures: nothing is counted twice.
            before = self._reported_tokens if explained.source == "flight" else 0
            self._reported_tokens = int(timings.generated_tokens)
            cost = Cost(
                source=explained.source,
                reason=reason or _reason(explained),
                is_asked=True,
                wait_ms=float(timings.wait_ms),
                prompt_ms=float(timings.prompt_ms),
                generated_ms=float(timings.generated_ms),
                prompt_tokens=0 if before else int(timings.prompt_tokens) - int(timings.cached_tokens),
                generated_tokens=max(self._reported_tokens - before, 0),
                answer_tokens=self._reported_tokens,
                answer_chars=len(explained.raw),
                stop_reason=str(explained.stopReason),
            )
        if hasattr(explained, "probability"):
            is_partial = bool(getattr(explained, "isPartial", False))
            cost = replace(cost, probability=explained.probability, is_partial=is_partial)
        return cost


def _reason(explained: Any) -> str:
    return f"{explained.reason}: {explained.detail}" if explained.reason else ""


@asynccontextmanager
async def our_server(
    trace: Trace,
    config: Config,
    options: Mapping[str, Any],
    command: Sequence[str] = lsp_session.SERVER_COMMAND,
) -> AsyncIterator[Editor]:
    """Start a server in the trace's repository, load its model, and open what the user had open."""
    with traces.laid_out(trace) as (root, file):
        settings = {"model.name": config.model.name, **options}
        user = {key: value for key, value in settings.items() if key.startswith("endpoint.")}
        asked = {
            key: value for key, value in settings.items() if key not in user
        }  # older builds know no --set
        async with lsp_session.start(root, user=user, options=asked, command=command) as session:
            await _warm_up(session, root)
            for name in trace.visited:
                if (root / name).is_file():
                    language = languages.find("", name)
                    text = (root / name).read_text("utf-8", errors="replace")
                    await session.open((root / name).as_uri(), language.id if language else "plaintext", text)
            uri = file.as_uri()
            await session.open(uri, trace.language, trace.text)
            yield _LspEditor(session, uri)


async def _warm_up(session: Session, root: Path) -> None:
    """Have the model loaded by a first completion in a file that does not matter."""
    uri = (root / "warm_up.py").as_uri()
    await session.open(uri, "python", _WARM_UP)
    items = await session.complete(uri, len(_WARM_UP))
    explained = await session.request(EXPLAIN, {"textDocument": {"uri": uri}})
    await session.close(uri)
    if not items and getattr(explained, "reason", "") in ("engine", "model", "timeout"):
        raise EndpointUnavailable(f"the server gave no first completion: {explained.detail}")


@dataclass(eq=False, slots=True)
class _VimAsk:
    """One state of the buffer."""

    watch: Watch
    reply: asyncio.Future[Reply]

    def leave(self) -> None:
        """Nothing is cancelled: the request under way goes on to its end."""

    async def cost(self) -> Cost:
        """What the requests that this state caused took, and where its suggestion came from."""
        watch = self.watch
        done = [task.result() for task in watch.sent if await _is_answered(task)]
        cost = Cost(
            source="" if watch.answer is None else "cache" if watch.is_from_cache else "model",
            reason=watch.reason,
            is_asked=bool(watch.sent),
            prompt_tokens=sum(infill.prompt_tokens for infill in done),
            generated_tokens=sum(infill.generated_tokens for infill in done),
        )
        if watch.answer is None:
            return cost
        infill = watch.answer.infill
        cost = replace(cost, answer_tokens=infill.generated_tokens, answer_chars=len(infill.text))
        if watch.is_from_cache:
            return cost
        waited_ms = max(watch.answer.sent - watch.pressed, 0) * 1000
        return replace(cost, wait_ms=waited_ms, prompt_ms=infill.prompt_ms, generated_ms=infill.generated_ms)


async def _is_answered(task: asyncio.Task[Any]) -> bool:
    await asyncio.wait({task})
    return not task.cancelled() and task.exception() is None


class _VimEditor:
    """A Vim with the plugin."""

    def __init__(self, vim: LlamaVim, document: Document, name: str) -> None:
        self.vim = vim
        self.document = document
        self._name = name

    async def rest(self, cursor: int) -> None:
        """Move there in normal mode."""
        self.vim.passes(self.document, cursor, self._name)

    async def ask(self, edit: Edit | None, cursor: int) -> Ask:
        """Make the edit and let the plugin know."""
        if edit is not None:
            self.document = self.document.with_edit(edit, self.document.version + 1)
        loop = asyncio.get_running_loop()
        watch = self.vim.move(self.document, cursor, self._name)
        reply: asyncio.Future[Reply] = loop.create_future()

        def show(shown: asyncio.Future[str]) -> None:
            if not shown.cancelled() and not reply.done():
                reply.set_result(Reply(shown.result(), "", loop.time()))

        if watch.shown.done():
            show(watch.shown)
        else:
            watch.shown.add_done_callback(show)
        return _VimAsk(watch, reply)


@asynccontextmanager
async def llama_vim(trace: Trace, config: Config, seed: int) -> AsyncIterator[Editor]:
    """Start an engine with llama.vim's flags; the user has browsed the visited files, then opens this one."""
    with traces.laid_out(trace) as (root, file):
        async with infill_engine.start(config.engine, chosen_model(config).path()) as infill:
            vim = LlamaVim(infill, seed)
            await infill({"input_prefix": _WARM_UP, "input_suffix": "\n", "n_predict": 4, "id_slot": 0})
            for name in trace.visited:
                if (root / name).is_file():
                    vim.visit(Document("", (root / name).read_text("utf-8", errors="replace")), name)
            document = Document(file.as_uri(), trace.text, 1, trace.language, str(file))
            vim.visit(document, trace.path, trace.cursor)
            await vim.settle()
            ticking = asyncio.create_task(_tick(vim))
            try:
                yield _VimEditor(vim, document, trace.path)
            finally:
                ticking.cancel()
                vim.leave()
                if vim.requests:
                    await asyncio.wait(vim.requests, timeout=_DRAIN_S)


async def _tick(vim: LlamaVim) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        vim.still()


@dataclass(eq=False, slots=True)
class _NameAsk:
    """One state of the text, answered at once."""

    reply: asyncio.Future[Reply]

    def leave(self) -> None:
        """Nothing is under way."""

    async def cost(self) -> Cost:
        """What it took: no model."""
        return Cost(source="names", reason="" if self.reply.result().text else "no name")


class _NameEditor:
    """An editor that completes names from the file and its neighbours."""

    def __init__(self, document: Document, names: Names) -> None:
        self.document = document
        self._names = names

    async def rest(self, cursor: int) -> None:
        """Nothing is read ahead."""

    async def ask(self, edit: Edit | None, cursor: int) -> Ask:
        """Make the edit and look up the name at the cursor."""
        if edit is not None:
            self.document = self.document.with_edit(edit, self.document.version + 1)
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Reply] = loop.create_future()
        reply.set_result(Reply(self._names.rest(Cursor(self.document, cursor)), "", loop.time()))
        return _NameAsk(reply)


@asynccontextmanager
async def names_alone(trace: Trace) -> AsyncIterator[Editor]:
    """Open a trace's file beside the names of its other files."""
    files = Counter(name for text in trace.files.values() for name in set(NAME.findall(text)))

    def beginning(_cursor: Cursor, letters: str) -> dict[str, int]:
        return {name: n for name, n in files.items() if name.startswith(letters)}

    yield _NameEditor(Document("file:///" + trace.path, trace.text, 1, trace.language), Names(beginning))
