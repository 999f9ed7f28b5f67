"""A model that says what a test wants, in place of the endpoint: for tests of what is made of its answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from qwen_lsp.action_settings import CustomAction
from qwen_lsp.actions.model import ModelSession, OnProgress
from qwen_lsp.actions.prompts import PLAINLY
from qwen_lsp.actions.task import Task
from qwen_lsp.messages import Locale
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.generation import ChatRequest, Chunk
from qwen_lsp.text import Document, Span

OPEN, CLOSE = "⟦", "⟧"


class Speaker:
    """Stands for the client of an endpoint. `says` gets the prompt; the answer goes on from what it began.

    An answer that holds what was given to it already is said from there on. `hesitates` are pieces of an
    answer with what might have stood in their place, and how likely that was.
    """

    endpoint = Endpoint("http://127.0.0.1:1")
    can = endpoint.dialect.can

    def __init__(
        self,
        *answers: str,
        says: Callable[[str], str] | None = None,
        hesitates: Sequence[tuple[str, str, float]] = (),
    ) -> None:
        self.answers = list(answers)
        self.hesitates = hesitates
        self.says = says
        self.prompts: list[str] = []
        self.bodies: list[Mapping[str, Any]] = []
        self.stop_reason = "eos"

    async def ask_json(self, method: str, path: str, body: Any = None, /) -> Any:
        assert path == "/apply-template"
        messages = body["messages"]
        return {"prompt": "\n".join(f"<{message['role']}>{message['content']}" for message in messages)}

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[Chunk]]:
        post = await self.endpoint.dialect.chat(request, "", self.ask_json)
        echo = post.echo
        if request.messages[-1].content.endswith(
            tuple(PLAINLY.values())
        ):  # comes before documentation, and is not looked at
            yield _once(Chunk("It does something.", stop_reason="eos"))
            return
        self.prompts.append(str(post.body["prompt"]))
        self.bodies.append(post.body)
        text = self.says(self.prompts[-1]) if self.says else self.answers.pop(0)

        async def chunks() -> AsyncIterator[Chunk]:
            yield Chunk(echo)
            given = echo.partition("\n")[2]
            rest = text[len(given) :] if given and text.startswith(given) else text
            while rest:
                at, piece, other, logprob = self._hesitation(rest)
                for start in range(0, at, 7):
                    yield Chunk(rest[start : min(start + 7, at)])
                if piece:
                    yield Chunk(piece, (-0.1,), ((other, logprob),))
                rest = rest[at + len(piece) :]
            yield Chunk("", stop_reason=self.stop_reason)

        yield chunks()

    def _hesitation(self, rest: str) -> tuple[int, str, str, float]:
        found = [(rest.find(piece), piece, other, p) for piece, other, p in self.hesitates if piece in rest]
        return min(found, default=(len(rest), "", "", 0.0))


async def _once(chunk: Chunk) -> AsyncIterator[Chunk]:
    yield chunk


def session(
    speaker: Speaker, on_progress: OnProgress | None = None, context_tokens: int = 8192
) -> ModelSession:
    """Return the session of a speaker."""
    return ModelSession(cast(Client, speaker), context_tokens, 120_000, on_progress)


def task(
    kind: str,
    marked: str,
    *,
    language: str = "python",
    path: str = "pkg/code.py",
    instruction: str = "",
    locale: Locale = "en",
    custom: CustomAction | None = None,
    root: str = "",
) -> Task:
    """Make a task for the text between `⟦` and `⟧`; without them, for the whole text."""
    before, opened, rest = marked.partition(OPEN)
    selected, closed, after = rest.partition(CLOSE)
    if not opened:
        before, selected, after = "", marked, ""
    assert bool(opened) == bool(closed)
    document = Document("file:///code", before + selected + after, 3, language, f"/repo/{path}")
    span = Span(len(before), len(before) + len(selected))
    return Task(kind, document, span, path, root, instruction, locale=locale, custom=custom)
