"""An answer before the generation ends: late is never nothing, and too early is never wrong.

It waits for the text to grow, and holds no state: what may be shown is decided by display.py, when it is due
by pacing.py, and what there is without the model by names.py.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from qwen_lsp.completion import pacing
from qwen_lsp.completion.display import Display
from qwen_lsp.completion.flight import Flight
from qwen_lsp.completion.names import Names
from qwen_lsp.completion.outcome import Completion, CompletionRequest, Rejected


@dataclass(frozen=True, slots=True)
class Early:
    """Answers early. `is_wanted` is the setting of that name for automatic requests."""

    display: Display
    names: Names
    is_wanted: bool

    async def answer(
        self, request: CompletionRequest, flight: Flight, typed: str, gap_ms: float
    ) -> Completion | Rejected | None:
        """Answer before the flight's end if that is wanted; None when it has ended or gone another way.

        Units: `gap_ms` is the usual time between two keys, before which an automatic answer is due.
        """
        trace = request.trace
        wait_ms = pacing.answer_wait_ms(gap_ms, request.view.prompt.prefix[-1:])
        is_early = request.is_automatic and self.is_wanted
        while not flight.is_done and flight.agrees(typed):
            left_ms = wait_ms - trace.elapsed_ms()
            outcome = self._now(request, flight, typed, is_due=left_ms < 1)
            if outcome is not None:
                flight.record(trace)
                trace.is_partial = True
                return outcome
            timeout_s = left_ms / 1000 if is_early and left_ms >= 1 else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(flight.changed.wait(), timeout_s)
        return None

    def name(
        self, request: CompletionRequest, outcome: Completion | Rejected | None = None
    ) -> Completion | None:
        """Complete the name at the cursor where the model has nothing sure, or nothing yet (None)."""
        if isinstance(outcome, Completion) or not (request.is_automatic and self.is_wanted):
            return None
        if outcome and (outcome.reason not in ("unsure", "filtered") or outcome.trace.rule == "security"):
            return None
        rest = self.names.rest(request.cursor)
        # Prose is made of words: "run" is one, and `runInAsyncScope` a name that begins alike.
        if not rest or (request.view.around.place == "comment" and not rest.islower()):
            return None
        request.trace.source = "names"
        return request.completed(rest)

    def _now(
        self, request: CompletionRequest, flight: Flight, typed: str, *, is_due: bool
    ) -> Completion | Rejected | None:
        """Return what can be answered with the text there is."""
        # A client that shows the text grow gets the first line as soon as it is whole.
        has_line = request.on_text is not None and "\n" in flight.text[len(typed) :].lstrip()
        if not request.is_automatic:
            return self.display.first_line(request, flight, typed) if has_line else None
        if not self.is_wanted and not has_line:
            return None
        outcome = self.display.early(request, flight, typed, is_due=has_line or is_due)
        return self.name(request) if outcome is None and is_due else outcome
