"""An editor in a test: a session with a real server and the scripted engine, and what must hold at its end.

Columns are given by the test, never computed by the code under test.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsprotocol import types

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.editor import Session
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.text import Document, Edit, Span
from tests.support import preloaded
from tests.support.engine_server import EngineServer
from tests.support.places import split
from tests.support.waiting import DEADLINE_S

_numbers = itertools.count(1)


@dataclass
class Place:
    """An open document and an offset in it."""

    uri: str
    offset: int


@dataclass
class Editor:
    """A running session."""

    session: Session
    engine: EngineServer
    may_log_errors: bool = False
    stdout: bytearray = field(default_factory=bytearray)

    def show_stderr(self) -> None:
        """Print what the server has logged since the last time; pytest shows it when the test fails."""
        lines = list(self.session.stderr)
        sys.stdout.write("\n".join(["--- the server's stderr ---", *lines[-100:], ""]))
        assert self.may_log_errors or not [line for line in lines if "Traceback" in line]
        self.session.stderr.clear()

    async def open(self, marked: str, *, uri: str = "", language: str = "python") -> Place:
        """Open a document with the cursor at `║`."""
        before, after = split(marked)
        uri = uri or f"untitled:Untitled-{next(_numbers)}"
        await self.session.open(uri, language, before + after)
        return Place(uri, len(before))

    async def suggest(self, place: Place, *, invoked: bool = True) -> str | None:
        """Ask at a place; return the text of the suggestion."""
        items = await within(self.session.complete(place.uri, place.offset, invoked=invoked))
        assert len(items) <= 1
        return str(items[0].insert_text) if items else None

    async def suggest_at(self, uri: str, line: int, character: int) -> tuple[str, types.Range | None] | None:
        """Ask at a position in the client's own units; return the text and the range as they came."""
        result = await within(
            self.session.request(types.TEXT_DOCUMENT_INLINE_COMPLETION, inline_params(uri, line, character))
        )
        assert isinstance(result, types.InlineCompletionList)
        if not result.items:
            return None
        (item,) = result.items
        return str(item.insert_text), item.range

    async def type(self, place: Place, text: str) -> Place:
        """Type a text at a place; return the place after it."""
        await self.session.edit(place.uri, Edit(Span(place.offset, place.offset), text))
        return Place(place.uri, place.offset + len(text))

    def change(self, uri: str, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        """Send a change by positions in the client's own units; the session's own copy is not kept up."""
        before = self.session.documents[uri]
        self.session.documents[uri] = Document(uri, before.text, before.version + 1)
        range_ = types.Range(types.Position(*start), types.Position(*end))
        self.session.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(before.version + 1, uri),
                [types.TextDocumentContentChangePartial(range=range_, text=text)],
            )
        )

    async def why(self, uri: str) -> Any:
        """Ask what became of the last request of a document."""
        return await within(self.session.request(EXPLAIN, {"textDocument": {"uri": uri}}))

    async def reason(self, uri: str) -> tuple[str, str]:
        """Return the reason and the sentence that explain the last empty answer."""
        trace = await self.why(uri)
        return trace.reason, trace.detail

    def take_messages(self) -> list[str]:
        """Return the messages that popped up so far, and forget them: the test expected them."""
        messages = [message.message for message in self.session.messages]
        self.session.messages.clear()
        return messages


def is_error(line: str) -> bool:
    """Whether a line of the server's log reports an error: its level is the third word."""
    return line.split(" ", 3)[2:3] in (["E"], ["C"])


async def within(work: Any, deadline_s: float = DEADLINE_S) -> Any:
    """Await, with a deadline."""
    return await asyncio.wait_for(work, deadline_s)


def inline_params(
    uri: str, line: int, character: int, *, invoked: bool = True
) -> types.InlineCompletionParams:
    kind = types.InlineCompletionTriggerKind
    return types.InlineCompletionParams(
        context=types.InlineCompletionContext(kind.Invoked if invoked else kind.Automatic),
        text_document=types.TextDocumentIdentifier(uri),
        position=types.Position(line, character),
    )


@asynccontextmanager
async def editing(
    engine: EngineServer,
    root: Path | None = None,
    *,
    user: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    encodings: Sequence[types.PositionEncodingKind] = (types.PositionEncodingKind.Utf16,),
    client: types.ClientCapabilities | None = None,
    locale: str | None = None,
    arguments: Sequence[str] = (),
    command: Sequence[str] | None = None,
) -> AsyncIterator[Editor]:
    """Run a session whose model is the scripted engine; check at its end that the server behaved.

    `user` are settings of the user's own; None takes one away that stands in the way. `command` is for tests
    of the process itself; the others share the imports.
    """
    own = {"endpoint.url": engine.url, **(user or {})}
    editor: Editor | None = None
    try:
        async with lsp_session.start(
            root,
            user={key: value for key, value in own.items() if value is not None},
            options=options,
            settings=settings,
            encodings=encodings,
            client=client,
            locale=locale,
            arguments=arguments,
            command=command or preloaded.command(),
        ) as session:
            editor = Editor(session, engine)
            _listen(session, editor.stdout)
            yield editor
    finally:
        if editor is not None:
            editor.show_stderr()
    assert session.server_process.returncode == 0
    assert editor.take_messages() == []
    assert engine.unknown == []
    frames(bytes(editor.stdout))


def _listen(session: Session, copy: bytearray) -> None:
    """Keep a copy of what the server writes to stdout from now on."""
    stdout = session.server_process.stdout
    assert stdout is not None
    feed = stdout.feed_data

    def feed_and_copy(data: bytes) -> None:
        copy.extend(data)
        feed(data)

    stdout.feed_data = feed_and_copy  # type: ignore[method-assign, assignment]


def frames(stream: bytes) -> list[bytes]:
    """Split a stream into the bodies of its messages; fail at anything that is not protocol."""
    bodies: list[bytes] = []
    while stream:
        head, mark, rest = stream.partition(b"\r\n\r\n")
        assert mark, f"not protocol: {stream[:200]!r}"
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n"))
        assert set(fields) <= {b"Content-Length", b"Content-Type"}, f"not protocol: {head!r}"
        length = int(fields[b"Content-Length"])
        assert len(rest) >= length, f"a message is cut off: {rest!r}"
        bodies.append(rest[:length])
        stream = rest[length:]
    return bodies
