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
from qwen_lsp.completion.filters import Case, Reject
from qwen_lsp.completion.prompt import FimPrompt
from qwen_lsp.completion.stopping import Mode, Surroundings
from qwen_lsp.errors import EndpointRejected, QwenLspError
from qwen_lsp.model.client import Chunk, Timings
from qwen_lsp.syntax.languages import Language
from qwen_lsp.text import normalize_line_ends
from qwen_lsp.trace import FilterStep

# A model this far below the threshold after so many tokens does not come back.
_HOPELESS_TOKENS, _HOPELESS_MARGIN = 6, 0.7


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

    Units: `marks` has, for each token, the length of `raw` after it and its log-probability. `others` are
    the other beginnings that `raw` could have taken, with the log-probability of the choice.
    """

    view: View
    kind: Kind
    raw: str = ""
    answer: str = ""
    cut_reason: str | None = None
    stop_reason: str = ""
    others: tuple[tuple[str, float], ...] = ()
    marks: list[tuple[int, float]] = field(default_factory=list)
    timings: Timings = field(default_factory=Timings)
    entry: Entry | None = None
    error: QwenLspError | asyncio.TimeoutError | None = None
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

    def went_elsewhere(self, typed: str) -> bool:
        """Tell whether what was written is another text than what was typed ahead of it."""
        has_failed = self.is_stopped or self.error is not None
        return bool(typed) and not has_failed and not self.agrees(typed)

    def feed(self, chunk: Chunk) -> None:
        """Take one more piece in.

        Raises: EndpointRejected when the answer does not begin with the forced text.
        """
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
        if not self.raw.startswith(forced):
            raise EndpointRejected("the model did not go on from what is typed")
        cut = stopping.cut(self.raw[len(forced) :], self.view.mode, self.view.around)
        self.answer, self.cut_reason = cut.text, cut.reason
        if self.first_text is None and self.answer:
            self.first_text = time.perf_counter()
        if self.listener is not None:
            self.listener(self.answer)
        self.wake()

    def wake(self) -> None:
        """Tell every waiter that something has changed."""
        self.changed.set()
        self.changed = asyncio.Event()

    def mean_logprob(self, text: str) -> float | None:
        """Return the mean log-probability of the tokens of `text`, which begins the answer."""
        first = len(self.view.prompt.forced)
        last = first + len(text)
        values: list[float] = []
        before = 0
        for end, value in self.marks:
            # A token that the cut runs through, or that the forced text does, counts: its choice was real.
            if end > first and before < last:
                values.append(value)
            before = end
        return sum(values) / len(values) if values else None

    def is_hopeless(self, least: float) -> bool:
        """Tell whether the model is too unsure for an automatic suggestion to come of this."""
        if len(self.marks) < _HOPELESS_TOKENS:
            return False
        mean = sum(value for _, value in self.marks) / len(self.marks)
        return mean < least - _HOPELESS_MARGIN

    def cleaned(self, disabled: tuple[str, ...]) -> tuple[str | Reject, list[FilterStep]]:
        """Return the answer through the filters; of an unfinished one, its whole words."""
        text = self.answer
        if not self.is_done:
            text = stopping.whole_words(text)
        elif self.cut_reason is None:
            hit_limit = self.stop_reason in ("limit", "length")
            text = stopping.finish(text, self.view.mode, self.view.around, hit_limit=hit_limit)
        return filters.clean(text, self.view.case, disabled)
