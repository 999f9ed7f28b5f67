"""Random operations of an editor gone wild, and what must hold after them.

The same seed gives the same operations; when they meet the server is left to chance, as in life. The
client's text is kept by Document alone, edits travel as positions, and what the server has is read back
from the prompts that it writes.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import psutil
from lsprotocol import types

from qwen_lsp.bench.editor import ServerError, Session
from qwen_lsp.lsp import convert
from qwen_lsp.lsp.requests.did_accept import DID_ACCEPT, DID_DISMISS, DID_PARTIALLY_ACCEPT
from qwen_lsp.lsp.requests.did_focus import FOCUS
from qwen_lsp.lsp.requests.explain import COMMAND, EXPLAIN
from qwen_lsp.text import Document, Edit, Span, normalize_line_ends
from tests.support.editor import is_error, within
from tests.support.waiting import DEADLINE_S

# So that every prompt holds the whole document.
WINDOWS = {"prefixTokens": 60_000, "suffixTokens": 60_000, "timeoutMs": 2000}
MAX_PENDING = 12
LANGUAGES = ("python", "javascript", "go", "plaintext", "")
PIECES = (
    *"x=1 \n\n\t().:,#\"'",
    *(
        "def ",
        "return ",
        "价格",
        "，",
        "😀",
        "👩‍💻",
        "\r\n",
        "\r",
        "\n    ",
        "e\u0301",
        "\u2028",
        "\f",
        "\ufeff",
    ),
    *("for item in items:\n    total += item\n", "// 计算总价\r\n", "if (x) {\n}\n"),
)
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"completion": {"answerEarly": False}},
    {"completion": {"prefetch": False, "graceMs": 0}},
    {"completion": {"enabled": False}},
    {"completion": {"lineTokens": "many", "graceMs": -1}},
    {"completion": {"disabledFilters": ["empty", "no such filter"]}},
    {"completion": 7, "nonsense": {"a": [1]}, "engine": {"program": "/bin/sh"}},
    {"endpoint": {"url": "http://127.0.0.1:9"}},
    {"endpoint": {"url": "not an address"}},
    {"log": {"level": "debug"}},
    {"stats": {"enabled": False}},
)


class Storm:
    """One session under random operations. `seed` tells them all."""

    def __init__(
        self,
        session: Session,
        seed: int,
        wreck: Callable[[random.Random], None],
        *,
        settings: Sequence[dict[str, Any]] = SETTINGS,
        max_chars: int = 2000,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.session = session
        self.settings = settings
        self.max_chars = max_chars
        self.deadline_s = deadline_s
        self.random = random.Random(seed)
        self.wreck = wreck
        self.undo: dict[str, list[str]] = {}
        self.pending: list[asyncio.Task[Any]] = []
        self.items: list[tuple[str, int, types.InlineCompletionItem]] = []
        self.n_asked = 0
        self.n_answered = 0
        self.n_opened = 0
        session.stderr = deque()  # all of it
        self.operations: tuple[tuple[int, Callable[[], Any]], ...] = (
            (30, self.type),
            (8, self.change_several),
            (4, self.delete),
            (4, self.go_back),
            (2, self.replace_all),
            (14, self.ask_automatic),
            (6, self.ask_by_hand),
            (6, self.cancel),
            (3, self.accept),
            (3, self.signal),
            (3, self.focus),
            (2, self.explain),
            (2, self.open),
            (2, self.close),
            (2, self.configure),
            (1, self.stray),
            (1, lambda: self.wreck(self.random)),
        )

    async def run(self, n: int) -> list[int]:
        """Do `n` operations; return the server's memory after each tenth of them, in bytes."""
        process = psutil.Process(self.session.server_process.pid)
        weights = [weight for weight, _ in self.operations]
        memory: list[int] = []
        await self.open()
        for number in range(n):
            if number % (n // 10) == n // 10 - 1:
                memory.append(process.memory_info().rss)
            ((_, operation),) = self.random.choices(self.operations, weights)
            done = operation()
            if asyncio.iscoroutine(done):
                await done
            if self.random.random() < 0.2:
                await asyncio.sleep(self.random.choice((0, 0, 0.001, 0.01, 0.05)))
            while len(self.pending) > MAX_PENDING:
                await within(asyncio.wait(self.pending[:1]), self.deadline_s)
                self.pending = [task for task in self.pending if not task.done()]
        await within(asyncio.gather(*self.pending), self.deadline_s)
        assert self.n_answered == self.n_asked, "a request was never answered"
        return memory

    async def check_texts(self, settings: dict[str, Any]) -> None:
        """Read every document back from the prompts for its start and its end."""
        await self._set(settings)
        assert self.session.documents
        for uri, document in self.session.documents.items():
            text = normalize_line_ends(document.text)
            for offset in (0, len(document.text)):
                await within(self.session.complete(uri, offset), self.deadline_s)
                trace = await within(self.session.request(EXPLAIN, {"textDocument": {"uri": uri}}))
                head, tail = ("", text) if offset == 0 else (text, "")
                whole = f"<|fim_prefix|><|fim_suffix|>{tail}<|fim_middle|>{head}"
                assert trace.prompt, trace.summary
                assert whole.startswith(trace.prompt), (whole, trace.prompt)
                assert len(whole) - len(trace.prompt) <= 48, "more is left out than a token to be healed"

    def errors(self) -> list[str]:
        """Return what the server has logged that no server should, each with the lines below it."""
        lines = list(self.session.stderr)
        bad = [at for at, line in enumerate(lines) if "Traceback" in line or is_error(line)]
        return ["\n".join(lines[at : at + 30]) for at in bad[:5]]

    # what an editor does

    async def open(self) -> None:
        self.n_opened += 1
        uri = f"untitled:storm-{self.n_opened}"
        text = "".join(self.random.choices(PIECES, k=self.random.randrange(60)))
        await self.session.open(uri, self.random.choice(LANGUAGES), text)
        self.undo[uri] = []

    async def close(self) -> None:
        if len(self.session.documents) > 2:
            uri = self._uri()
            await self.session.close(uri)
            del self.undo[uri]

    def type(self) -> None:
        uri = self._uri()
        document = self.session.documents[uri]
        last = self.undo[uri][-1:]
        # Mostly where the cursor is, sometimes elsewhere.
        at = self._place(document) if self.random.random() < 0.3 or not last else len(document.text)
        self._change(uri, [Edit(Span(at, at), self.random.choice(PIECES))])

    def change_several(self) -> None:
        uri = self._uri()
        document, edits = self.session.documents[uri], []
        for _ in range(self.random.randrange(1, 5)):
            start = self._place(document)
            end = min(start + self.random.choice((0, 0, 1, 5)), len(document.text))
            edit = Edit(self._whole(document, start, end), self.random.choice((*PIECES, "")))
            edits.append(edit)
            document = document.with_edit(edit, 0)
        self._change(uri, edits)

    def delete(self) -> None:
        uri = self._uri()
        document = self.session.documents[uri]
        start = self._place(document)
        end = min(
            start + self.random.randrange(400 if len(document.text) > self.max_chars else 30),
            len(document.text),
        )
        self._change(uri, [Edit(self._whole(document, start, end), "")])

    def go_back(self) -> None:
        uri = self._uri()
        if self.undo[uri]:
            self._replace(uri, self.undo[uri].pop())

    def replace_all(self) -> None:
        self._replace(self._uri(), "".join(self.random.choices(PIECES, k=self.random.randrange(80))))

    async def ask_automatic(self) -> None:
        await self._ask(invoked=False)

    async def ask_by_hand(self) -> None:
        await self._ask(invoked=True)

    def cancel(self) -> None:
        if self.pending:
            self.random.choice(self.pending).cancel()

    def accept(self) -> None:
        if self.items:
            uri, version, item = self.items.pop()
            document = self.session.documents.get(uri)
            if document is not None and document.version == version:
                assert item.range is not None
                self._change(uri, [self.session.accept(uri, item, 0)])

    def signal(self) -> None:
        method = self.random.choice((DID_ACCEPT, DID_PARTIALLY_ACCEPT, DID_DISMISS))
        params = {
            "id": str(self.random.randrange(300)),
            "characters": self.random.choice((0, 3, -1, "x", None)),
        }
        self.session.client.protocol.notify(method, params)

    def focus(self) -> None:
        uri = self._uri()
        document = self.session.documents[uri]
        at = convert.position(document, self._place(document), self.session.encoding)
        position = {"line": at.line, "character": at.character}
        self.session.client.protocol.notify(FOCUS, {"textDocument": {"uri": uri}, "position": position})

    async def explain(self) -> None:
        if self.random.random() < 0.5:
            await self._send(self.session.request(EXPLAIN, {"textDocument": {"uri": self._uri()}}))
        else:
            params = types.ExecuteCommandParams(COMMAND, [self._uri()])
            await self._send(self.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))

    def configure(self) -> None:
        # Bad ones don't last, or nothing would ever be generated.
        is_bad = bool(self.session.settings)
        self.session.settings = {} if is_bad else self.random.choice(self.settings)
        self.session.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))

    async def stray(self) -> None:
        """Speak of documents that are not open, and of places that are none."""
        gone = types.VersionedTextDocumentIdentifier(1, "untitled:gone")
        whole = types.TextDocumentContentChangeWholeDocument("x")
        self.session.client.text_document_did_change(types.DidChangeTextDocumentParams(gone, [whole]))
        place = types.Position(self.random.choice((0, 10**6)), 10**6)
        for uri in (self._uri(), "untitled:gone"):
            context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
            params = types.InlineCompletionParams(context, types.TextDocumentIdentifier(uri), place)
            await self._send(self.session.request(types.TEXT_DOCUMENT_INLINE_COMPLETION, params))

    # how

    async def _set(self, settings: dict[str, Any]) -> None:
        """Change the settings, and wait until the server has taken them over."""
        self.session.settings = settings
        self.session.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
        await asyncio.sleep(0.2)
        await within(self.session.request(EXPLAIN, {"textDocument": {"uri": self._uri()}}))

    def _uri(self) -> str:
        return self.random.choice(list(self.session.documents))

    def _place(self, document: Document) -> int:
        return self._whole(document, at := self.random.randint(0, len(document.text)), at).start

    def _whole(self, document: Document, start: int, end: int) -> Span:
        """Keep out of the middle of a CRLF, where no cursor can stand."""

        def outside(at: int) -> int:
            return at - 1 if document.text[at - 1 : at + 1] == "\r\n" else at

        return Span(outside(start), outside(end))

    def _change(self, uri: str, edits: list[Edit]) -> None:
        document = self.session.documents[uri]
        if len(document.text) > self.max_chars and any(edit.new_text for edit in edits):
            edits = [Edit(self._whole(document, 0, self.max_chars // 2), "")]
        self.undo[uri] = [*self.undo[uri][-5:], document.text]
        self.session.client.text_document_did_change(self.session.change(uri, edits))

    def _replace(self, uri: str, text: str) -> None:
        before = self.session.documents[uri]
        self.session.documents[uri] = Document(uri, text, before.version + 1, before.language, before.path)
        identifier = types.VersionedTextDocumentIdentifier(before.version + 1, uri)
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.session.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

    async def _ask(self, *, invoked: bool) -> None:
        uri = self._uri()
        document = self.session.documents[uri]
        at = len(document.text) if self.random.random() < 0.6 else self._place(document)
        version = document.version

        async def ask() -> None:
            items = await self.session.complete(uri, at, invoked=invoked)
            self.items = [*self.items[-5:], *((uri, version, item) for item in items)]

        await self._send(ask())

    async def _send(self, request: Any) -> None:
        """Send a request whose answer, an error or a cancellation too, is waited for at the end."""
        self.n_asked += 1

        async def answered() -> None:
            try:
                await request
            except (ServerError, asyncio.CancelledError):
                pass
            finally:
                self.n_answered += 1

        self.pending.append(asyncio.create_task(answered()))
        await asyncio.sleep(0)  # it is sent now, before anything else happens
