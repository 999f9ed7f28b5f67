"""One generation under way: what was asked, what has come, and whether the text typed since agrees with it.

A flight outlives the request that started it: the next key usually types what it has written already,
so the next request attaches to it. It holds no policy; completer decides when it starts and ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from qwen_lsp.completion import filters, stopping
from qwen_lsp.completion.cache import Entry
from qwen_lsp.completion.confidence import Marks
from qwen_lsp.completion.filters import Case, Reject
from qwen_lsp.completion.prompt import FimPrompt
from qwen_lsp.completion.stopping import Mode, Surroundings
from qwen_lsp.errors import QwenLspError
from qwen_lsp.model.client import Chunk, Timings
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import normalize_line_ends
from qwen_lsp.trace import FilterStep

# A model whose tokens have had such a mean log-probability, after so many of them, does not come back.
_HOPELESS_TOKENS, _HOPELESS_MEAN = 6, -0.9
# No suggestion is longer. Each chunk is looked at with all before it, so this bounds what a chunk costs.
MAX_ANSWER_CHARS = 4000

Kind = Literal["request", "prefetch", "prefill", "alternative"]


@dataclass(frozen=True, slots=True)
class View:
    """What one request looks like to the model: made from a snapshot, before the first await."""

    uri: str
    offset: int
    document_chars: int
    prompt: FimPrompt
    around: Surroundings
    mode: Mode
    language: Language | None
    stops: tuple[str, ...]

    @property
    def case(self) -> Case:
        """The same, as the filters want it."""
        return Case(self.prompt.prefix, self.prompt.suffix, self.mode, self.around, self.stops)


@dataclass(slots=True)
class Flight:
    """A generation; `raw` is everything written, `answer` the part after the forced text, cut where it ends.

    The cut reason `astray` means that the model did not go on from the forced text: there is no answer.
    Units: `start` is where in `raw` the forced text, or the white space in its place, ends. `marks` has,
    for each token, the length of `raw` after it and its log-probability. `others` are the other beginnings
    that `raw` could have taken, with the log-probability of the choice.
    """

    view: View
    kind: Kind
    raw: str = ""
    start: int = 0
    answer: str = ""
    cut_reason: str | None = None
    stop_reason: str = ""
    others: tuple[tuple[str, float], ...] = ()
    marks: list[tuple[int, float]] = field(default_factory=list)
    timings: Timings = field(default_factory=Timings)
    entry: Entry | None = None
    error: QwenLspError | TimeoutError | None = None
    is_done: bool = False
    is_stopped: bool = False
    waiters: int = 0
    task: asyncio.Task[None] | None = None
    is_automatic: bool = False
    first_text: float | None = None
    steps: list[FilterStep] = field(default_factory=list)
    listener: Callable[[str], None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def typed(self, view: View) -> str | None:
        """Return what the user has typed since the start; None when the text is no longer on the way."""
        ours, theirs = self.view, view
        if theirs.uri != ours.uri or theirs.prompt.suffix != ours.prompt.suffix:
            return None
        if not theirs.prompt.prefix.startswith(ours.prompt.prefix):
            return None
        typed = theirs.prompt.prefix[len(ours.prompt.prefix) :]
        return typed if self.agrees(typed) else None

    def agrees(self, typed: str) -> bool:
        """Tell whether the text typed since the start is what was written, or may yet be."""
        if self.is_stopped or self.error is not None:
            return False
        if self.answer.startswith(typed):
            return True
        # Typing may run ahead of a slow engine; it still agrees as far as one can see.
        return not self.is_done and typed.startswith(self.answer)

    def feed(self, chunk: Chunk) -> None:
        """Take one more piece in."""
        forced = self.view.prompt.forced
        if len(self.raw) <= len(forced) < len(self.raw) + len(chunk.text):  # the first token of our own
            self.others = tuple((self.raw + text, value) for text, value in chunk.others)
        self.raw += normalize_line_ends(chunk.text)
        self.marks.extend((len(self.raw), value) for value in chunk.logprobs)
        if chunk.timings.prompt_tokens:
            self.timings = chunk.timings
        if chunk.stop_reason is not None:
            self.stop_reason = chunk.stop_reason
        if len(self.raw) <= len(forced) and chunk.stop_reason is None:
            return
        start = _start(self.raw, forced)
        if start is None:
            self.answer, self.cut_reason = "", "astray"
            self.wake()
            return
        self.start = start
        text, mode, around = self.raw[start : start + MAX_ANSWER_CHARS], self.view.mode, self.view.around
        cut = stopping.cut(text, mode, around)
        self.answer, self.cut_reason = cut.text, cut.reason
        if cut.reason is None and len(text) == MAX_ANSWER_CHARS:
            self.answer, self.cut_reason = stopping.finish(text, mode, around, hit_limit=True), "long"
        if self.first_text is None and self.answer:
            self.first_text = time.perf_counter()
        if self.listener is not None:
            self.listener(self.answer)
        self.wake()

    def wake(self) -> None:
        """Tell every waiter that something has changed."""
        self.changed.set()
        self.changed = asyncio.Event()

    def end(self) -> None:
        """Note that nothing more will come."""
        self.is_done = True
        self.wake()

    def marks_of(self, text: str) -> Marks:
        """Return the marks of `text`, which begins the answer.

        A token that the forced text runs through counts for what comes after it.
        """
        first = self.start
        marks: list[tuple[int, float]] = []
        before = 0
        for end, value in self.marks:
            if end > first and before < first + len(text):
                marks.append((min(end - first, len(text)), value))
            before = end
        if self.is_done and marks and marks[-1][0] < len(text):
            marks.append((len(text), 0.0))  # what the filters put at the end is certain
        return tuple(marks)

    @property
    def is_hopeless(self) -> bool:
        """Whether the model is too unsure for an automatic suggestion to come of this."""
        if len(self.marks) < _HOPELESS_TOKENS:
            return False
        return sum(value for _, value in self.marks) / len(self.marks) < _HOPELESS_MEAN

    def cleaned(self, disabled: tuple[str, ...]) -> tuple[str | Reject, list[FilterStep]]:
        """Return the answer through the filters; of an unfinished one, its whole words."""
        text = self.answer
        if not self.is_done:
            text = stopping.whole_words(text)
        elif self.cut_reason is None:
            hit_limit = self.stop_reason in ("limit", "length")
            text = stopping.finish(text, self.view.mode, self.view.around, hit_limit=hit_limit)
        return filters.clean(text, self.view.case, disabled)


def _start(raw: str, forced: str) -> int | None:
    """Return where the answer begins in `raw`; None when it does not go on from the forced text.

    Endpoints that cannot be forced may indent otherwise than what is typed: white space stands for
    white space.
    """
    if raw.startswith(forced):
        return len(forced)
    body = raw.lstrip(" \t")
    return len(raw) - len(body) if forced.isspace() and not body.startswith("\n") else None
