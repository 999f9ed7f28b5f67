"""One generation under way: what was asked, what has come, and whether the text typed since agrees with it.

A flight outlives the request that started it: the next key usually types what it has written already,
so the next request attaches to it. It holds no policy; completer decides when it starts and ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from qwen_lsp.completion import filters, stopping, token_prefixes
from qwen_lsp.completion.answer import Answer
from qwen_lsp.completion.cache import Entry
from qwen_lsp.completion.filters import Reject
from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.completion.view import View
from qwen_lsp.errors import EndpointStale
from qwen_lsp.model.generation import Chunk, Timings
from qwen_lsp.text import Change, normalize_line_ends
from qwen_lsp.trace import FilterStep, Trace

# A model whose tokens have had such a mean log-probability, after so many of them, does not come back.
_HOPELESS_TOKENS, _HOPELESS_MEAN = 6, -0.9
# No suggestion is longer. Each chunk is looked at with all before it, so this bounds what a chunk costs.
MAX_ANSWER_CHARS = 4000

Kind = Literal["request", "prefetch", "prefill", "alternative"]


@dataclass(slots=True)
class Flight:
    """A generation; `raw` is everything written, `text` the part after the healed prefix, cut where it ends.

    The cut reason `prefix mismatch` means that the model did not go on from the healed prefix: no answer.
    Shape: `point` is where the answer goes, None for a prompt that is only read; `ahead` is what has to be
    typed there before the view is that of the document (a prefetch).
    Units: `start` is where in `raw` the healed prefix, or the white space in its place, ends. `logprobs` has,
    for each token or piece of one, the length of `raw` after it and its log-probability. `others` are the
    other beginnings that `raw` could have taken, with the log-probability of the choice.
    """

    view: View
    kind: Kind
    point: InsertionPoint | None = None
    ahead: str = ""
    is_automatic: bool = False
    raw: str = ""
    start: int = 0
    text: str = ""
    cut_reason: str | None = None
    stop_reason: str = ""
    others: tuple[tuple[str, float], ...] = ()
    logprobs: list[tuple[int, float]] = field(default_factory=list)
    n_tokens: int = 0
    timings: Timings = field(default_factory=Timings)
    entry: Entry | None = None
    error: Exception | None = None
    is_done: bool = False
    is_stopped: bool = False
    waiters: int = 0
    task: asyncio.Task[None] | None = None
    first_text: float | None = None
    steps: list[FilterStep] = field(default_factory=list)
    listener: Callable[[str], None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def attached(
        self, typed: str, on_text: Callable[[str], None] | None, *, is_automatic: bool
    ) -> Iterator[None]:
        """Wait for this generation: the newest request hears of the text after what it finds typed."""
        self.waiters += 1
        self.is_automatic = is_automatic
        self.listener = (lambda text: on_text(text[len(typed) :])) if on_text else None
        try:
            yield
        finally:
            self.waiters -= 1

    def typed(self, view: View) -> str | None:
        """Return what the user has typed since the start; None when the text is no longer on the way."""
        typed = view.typed_since(self.view)
        return typed if typed is not None and self.agrees(typed) else None

    def follows(self, change: Change) -> bool:
        """Return whether the document's new text is on the way to what is written."""
        if self.point is None or self.view.uri != change.after.uri:
            return True
        self.point.follow(change)
        typed = self.point.typed
        return typed is not None and typed.startswith(self.ahead) and self.agrees(typed[len(self.ahead) :])

    def agrees(self, typed: str) -> bool:
        """Tell whether the text typed since the start is what was written, or may yet be."""
        if self.is_stopped or self.error is not None:
            return False
        if self.text.startswith(typed):
            return True
        # Typing may run ahead of a slow engine; it still agrees as far as one can see.
        return not self.is_done and typed.startswith(self.text)

    def is_unserved(self, typed: str) -> bool:
        """Whether others had the engine for so long that who waits for it, after `typed`, is to ask anew."""
        if isinstance(self.error, TimeoutError):  # the deadline is that of its first key
            return bool(typed) and not self.raw
        return isinstance(self.error, EndpointStale)

    def feed(self, chunk: Chunk) -> None:
        """Take one more piece in."""
        healed = self.view.prompt.healed_prefix
        if len(self.raw) <= len(healed) < len(self.raw) + len(chunk.text):  # the first token of our own
            self.others = tuple((self.raw + text, value) for text, value in chunk.others)
        before = len(self.raw)
        self.raw += normalize_line_ends(chunk.text)
        self.logprobs.extend(_token_ends(chunk, before, len(self.raw), len(healed)))
        self.n_tokens += len(chunk.logprobs)
        if chunk.timings.prompt_tokens:
            self.timings = chunk.timings
        if chunk.stop_reason is not None:
            self.stop_reason = chunk.stop_reason
        if len(self.raw) <= len(healed) and chunk.stop_reason is None:
            return
        start = _start(self.raw, healed)
        if start is None:
            self.text, self.cut_reason = "", "prefix mismatch"
            self.wake()
            return
        self.start = start
        text, mode, around = self.raw[start : start + MAX_ANSWER_CHARS], self.view.mode, self.view.around
        cut = stopping.cut(text, mode, around)
        self.text, self.cut_reason = cut.text, cut.reason
        if cut.reason is None and len(text) == MAX_ANSWER_CHARS:
            self.text, self.cut_reason = stopping.finish(text, mode, around, hit_limit=True), "long"
        if self.first_text is None and self.text:
            self.first_text = time.perf_counter()
        if self.listener is not None:
            self.listener(self.text)
        self.wake()

    def wake(self) -> None:
        """Tell every waiter that something has changed."""
        self.changed.set()
        self.changed = asyncio.Event()

    def end(self) -> None:
        """Note that nothing more will come."""
        self.is_done = True
        self.wake()

    def answer(self, typed: str = "", text: str | None = None) -> Answer:
        """Return what is written, or the filtered `text` in its place, as it stands after what is typed.

        A token that the healed prefix runs through counts for what comes after it.
        """
        text = self.text if text is None else text
        logprobs: list[tuple[int, float]] = []
        before = 0
        for end, value in self.logprobs:
            if end > self.start and before < self.start + len(text):
                logprobs.append((min(end - self.start, len(text)), value))
            before = end
        if self.is_done and logprobs and logprobs[-1][0] < len(text):
            logprobs.append((len(text), 0.0))  # what the filters put at the end is certain
        return Answer(text, tuple(logprobs), len(typed))

    def record(self, trace: Trace) -> None:
        """Copy what is known into the record of one request."""
        timings, answer = self.timings, self.answer()
        trace.raw, trace.answer, trace.filters = self.raw, self.text, list(self.steps)
        trace.stop_reason = self.cut_reason or self.stop_reason
        trace.prompt_tokens, trace.cached_tokens = timings.prompt_tokens, timings.cached_tokens
        trace.generated_tokens = timings.generated_tokens or self.n_tokens
        trace.prompt_ms, trace.generated_ms = timings.prompt_ms, timings.generated_ms
        trace.probability, trace.tokens = answer.probability, answer.tokens
        if self.first_text is not None:
            trace.first_text_ms = max((self.first_text - trace.started) * 1000, 0.0)

    @property
    def is_hopeless(self) -> bool:
        """Whether the model is too unsure for an automatic suggestion to come of this."""
        if self.n_tokens < _HOPELESS_TOKENS:
            return False
        return sum(value for _, value in self.logprobs) / self.n_tokens < _HOPELESS_MEAN

    def cleaned(self, disabled: tuple[str, ...]) -> tuple[str | Reject, list[FilterStep]]:
        """Return the answer through the filters; of an unfinished one, its whole words."""
        text = self.text
        if not self.is_done:
            text = stopping.whole_words(text)
        elif self.cut_reason is None:
            hit_limit = self.stop_reason in ("limit", "length")
            text = stopping.finish(text, self.view.mode, self.view.around, hit_limit=hit_limit)
        return filters.clean(text, self.view.case, disabled)


def _token_ends(chunk: Chunk, before: int, after: int, n_healed: int) -> list[tuple[int, float]]:
    """Return where a chunk's tokens, or the pieces of its only one, end in `raw`; and how likely each is."""
    if len(chunk.logprobs) != 1 or after - before != len(chunk.text):
        return [(after, value) for value in chunk.logprobs]
    found = token_prefixes.pieces(chunk.text, chunk.logprobs[0], chunk.others, max(n_healed - before, 0))
    return [(before + end, value) for end, value in found]


def _start(raw: str, healed: str) -> int | None:
    """Return where the answer begins in `raw`; None when it does not go on from it.

    Endpoints that cannot be forced may indent otherwise than what is typed: white space stands for
    white space.
    """
    if raw.startswith(healed):
        return len(healed)
    body = raw.lstrip(" \t")
    return len(raw) - len(body) if healed.isspace() and not body.startswith("\n") else None
