"""The story of one inline completion: from a cursor to a Completion or a Rejected with its reason.

State: the running request of each document (the newest wins, because some clients never cancel), the typing
rhythm, the last Trace of each document. The generation under way is in slot.py, finished answers in cache.py,
what is shown of them in display.py. It knows no LSP and no HTTP. A generation that nobody waits for any more
ends after a short grace, and closing its stream frees the engine's slot (invariant 5).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from qwen_lsp.completion import candidates, pacing
from qwen_lsp.completion.budget import beside
from qwen_lsp.completion.cache import Cache
from qwen_lsp.completion.display import Display
from qwen_lsp.completion.flight import Flight
from qwen_lsp.completion.names import Names, NamesOf
from qwen_lsp.completion.outcome import EXCLUDED, Completion, CompletionRequest, OnText, Rejected, Trigger
from qwen_lsp.completion.pacing import Rhythm
from qwen_lsp.completion.slot import CompletionSlot, Stage
from qwen_lsp.completion.view import View, view_of
from qwen_lsp.completion.window import Windows
from qwen_lsp.config import CompletionConfig
from qwen_lsp.errors import ModelError, QwenLspError
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.engine import Host
from qwen_lsp.model.speed import Speed
from qwen_lsp.secret_files import is_left_out
from qwen_lsp.text import Change, Cursor, Edit, Span
from qwen_lsp.trace import Trace

log = logging.getLogger(__name__)

# What helps from other files at a cursor, (path, text), within a number of tokens; it stays the same while
# the cursor stays in one scope.
Snippets = Callable[[Cursor, int], Sequence[tuple[str, str]]]

# After an early answer the generation goes on for so long: the next key usually asks for the rest.
_LINGER_MS = 1500
# Nothing is computed ahead before the user has paused for so long.
_PREFETCH_PAUSE_MS = 400


class Completer:
    """Answers completion requests from one model host."""

    def __init__(
        self,
        host: Host,
        profile: Profile,
        config: CompletionConfig,
        snippets: Snippets | None = None,
        names: NamesOf | None = None,
    ) -> None:
        self._host = host
        self._snippets = snippets
        self._profile = profile
        self._config = config
        self._cache = Cache()
        self._slot = CompletionSlot(host, profile, config, self._cache)
        self._display = Display(config)
        self._names = Names(names)
        self._windows = Windows()
        self._rhythm = Rhythm()
        self._has_met = False
        self._running: dict[str, asyncio.Task[Completion | Rejected]] = {}
        self._idle_timer: asyncio.TimerHandle | None = None
        self.last: dict[str, Trace] = {}

    async def idle(self) -> None:
        """Return as soon as nothing is being generated."""
        await self._slot.idle()

    @property
    def stage(self) -> Stage:
        """What the engine is doing for a request."""
        return self._slot.stage

    @property
    def engine_speed(self) -> Speed:
        """How fast the engine has been."""
        return self._slot.speed

    @property
    def cold_prompt_ms(self) -> float:
        """How long the engine takes to read a whole prompt that it has nothing of."""
        budget = self._slot.budget
        return (budget.prefix_tokens + budget.suffix_tokens) / self._slot.speed.read * 1000

    async def complete(
        self, cursor: Cursor, trigger: Trigger, path: str | None = None, on_text: OnText | None = None
    ) -> Completion | Rejected:
        """Complete at the cursor; an older request of the same document ends as superseded.

        Shape: `path` is relative to the repository, with forward slashes. `on_text` is called with the
        whole answer so far whenever it grows, before filters have seen it, also after an early answer.
        Raises: asyncio.CancelledError when the caller is cancelled; nothing else.
        """
        uri = cursor.document.uri
        trace = Trace(path=path or "", trigger=trigger)
        if older := self._running.get(uri):
            older.cancel()
        if not self._config.enabled:
            return self._kept(
                Rejected("off", "inline completion is switched off in the settings", trace), uri
            )
        if is_left_out((path, cursor.document.path or uri), self._config.exclude):
            return self._kept(Rejected("excluded", EXCLUDED, trace), uri)
        task = asyncio.create_task(self._answer(cursor, trace, trigger == "automatic", path, on_text))
        self._running[uri] = task
        try:
            outcome = await task
        except asyncio.CancelledError:
            if self._running.get(uri) is task:  # the caller was cancelled, not we by a newer request
                self._kept(Rejected("cancelled", "the editor cancelled the request", trace), uri)
                raise
            outcome = Rejected("superseded", "a newer request took over", trace)
        except ModelError as error:
            outcome = Rejected("model", str(error), trace)
        except QwenLspError as error:
            outcome = Rejected("engine", str(error), trace)
        except TimeoutError:
            outcome = Rejected("timeout", "the model did not finish in `completion.timeoutMs`", trace)
        except Exception as error:  # a fault of ours: the user goes on typing, and the log has it
            log.exception("a completion in %s failed", uri)
            outcome = Rejected("internal", f"{type(error).__name__}: {error}", trace)
        finally:
            is_open = uri in self._running  # else the document was closed meanwhile
            if self._running.get(uri) is task:
                del self._running[uri]
        return self._kept(outcome, uri if is_open else None)

    def use(self, profile: Profile) -> None:
        """Prompt as this model wants it from now on: an endpoint has said which one it runs."""
        if profile != self._profile:
            self._profile = profile
            self._slot.use(profile)

    def prefill(self, cursor: Cursor, path: str | None) -> None:
        """Read the prompt of a place into the engine's cache before anything is asked there."""
        if not is_left_out((path, cursor.document.path), self._config.exclude):
            self._slot.prefill(self._view(cursor, path))

    async def warm_up(self) -> None:
        """Load the model before the first request, if there is one; a failure is told when asked."""
        with contextlib.suppress(QwenLspError):
            await self._host.ready()

    def changed(self, change: Change) -> None:
        """End a generation at once when the document's new text is not on its way."""
        document, flight = change.after, self._slot.flight
        if flight is None or flight.is_done or flight.view.uri != document.uri or flight.kind == "prefill":
            return
        at, length = flight.view.offset, flight.view.document_chars
        typed = document.text[at : at + len(document.text) - length]
        if len(document.text) < length or not flight.agrees(typed):
            self._slot.stop()

    def forget(self, uri: str) -> None:
        """Drop what is kept of a closed document and end its request."""
        if running := self._running.pop(uri, None):
            running.cancel()
        if self._slot.flight is not None and self._slot.flight.view.uri == uri:
            self._slot.stop()
        self.last.pop(uri, None)
        self._display.forget(uri)
        self._windows.forget(uri)

    async def close(self) -> None:
        """End whatever runs; requests under way end as superseded, for the settings are others now."""
        running, self._running = self._running, {}
        for task in running.values():
            task.cancel()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        await self._slot.close()

    def _kept(self, outcome: Completion | Rejected, uri: str | None) -> Completion | Rejected:
        """Note the end of a request in its trace, and the trace as the document's last."""
        trace = outcome.trace
        trace.total_ms = trace.elapsed_ms()
        if isinstance(outcome, Rejected):
            trace.reason, trace.detail = outcome.reason, outcome.detail
        if uri is not None:
            self.last[uri] = trace
        return outcome

    def _view(self, cursor: Cursor, path: str | None) -> View:
        budget = self._slot.budget
        files = self._snippets(cursor, budget.snippet_tokens) if self._snippets else ()
        window = self._windows.around(cursor, beside(budget) if files else budget)
        return view_of(cursor, path, self._profile, self._config, budget, files, window)

    async def _answer(
        self, cursor: Cursor, trace: Trace, is_automatic: bool, path: str | None, on_text: OnText | None
    ) -> Completion | Rejected:
        """From memory, from the generation under way, or from a new one."""
        if is_automatic:
            self._rhythm.key(time.monotonic() * 1000)
            if reason := pacing.unwanted(cursor):
                trace.rule = "inside_word"
                return Rejected("not wanted here", reason, trace)
        if not self._has_met:
            await self._host.ready()  # an endpoint says which model it runs, and that decides the prompt
            self._has_met = True
        view = self._view(cursor, path)
        trace.mode, trace.prompt = view.mode, view.prompt.text
        request = CompletionRequest(cursor, view, trace, is_automatic, path, on_text)
        if (outcome := await self._remembered(request)) is not None:
            return self._name(request, outcome) or outcome
        flight = self._slot.flight
        # A finished one has given all it has to the cache.
        if flight is None or flight.is_done or flight.kind == "prefill" or flight.typed(view) is None:
            flight = await self._started(request)
        else:
            trace.source = "flight"
        trace.wait_ms = trace.elapsed_ms()
        outcome = await self._attached(request, flight)
        return self._name(request, outcome) or outcome

    async def _remembered(self, request: CompletionRequest) -> Completion | Rejected | None:
        """Answer from the cache; asked again by hand at the same place, with other candidates."""
        view, trace = request.view, request.trace
        hit = self._cache.find(view.uri, view.prompt.prefix, view.prompt.suffix)
        if hit is None:
            return None
        entry, answer = hit
        trace.source = "cache"
        outcome = self._display.finished(request, entry, answer)
        had_part = (last := self.last.get(view.uri)) is not None and last.is_partial
        if isinstance(outcome, Completion):
            self._think_ahead(request, answer.rest)
            # Asking by hand for what is there already means: show me something else.
            if not request.is_automatic and not answer.n_typed and not had_part:
                others = await candidates.others(self._slot, self._cache, view, entry, trace.elapsed_ms)
                return replace(outcome, alternatives=tuple(request.edit(text) for text in others))
        return outcome

    async def _started(self, request: CompletionRequest) -> Flight:
        """Start a generation, an automatic one not before the user has paused a little."""
        self._slot.stop()
        if request.is_automatic:
            gap_ms, first_ms = self._rhythm.gap_ms, self._slot.first_text_ms
            wait_ms = pacing.delay_ms(gap_ms, first_ms, self._config.client_delay_ms)
            await asyncio.sleep(wait_ms / 1000)
        return await self._slot.start(request.view, "request")

    async def _attached(self, request: CompletionRequest, flight: Flight) -> Completion | Rejected:
        """Wait for the flight's end, or answer an automatic request early with the words there are."""
        trace, view = request.trace, request.view
        typed = flight.typed(view) or ""
        try:
            with flight.attached(typed, request.on_text, is_automatic=request.is_automatic):
                outcome = await self._early(request, flight, typed)
        finally:
            if not flight.is_done and flight.waiters == 0:
                linger_ms = self._config.timeout_ms if request.on_text else _LINGER_MS
                self._slot.release(flight, linger_ms if trace.is_partial else self._config.grace_ms)
        if outcome is not None:
            return outcome
        if typed and not flight.is_stopped and flight.error is None and not flight.agrees(typed):
            trace.source = "model"  # typing ran ahead of it, and it has gone another way
            return await self._attached(request, await self._slot.start(view, "request"))
        flight.record(trace)
        if flight.error is not None:
            raise flight.error
        entry = flight.entry
        if flight.is_stopped or entry is None:
            return Rejected("superseded", "another request needed the model", trace)
        if entry.reason and not request.is_automatic and not typed:
            entry = await candidates.second_thought(self._slot, self._cache, view, entry)
        # What is typed further than the answer goes, leaves nothing to show.
        answer = entry.at(view.prompt.prefix, view.prompt.suffix) or replace(
            entry.answer, n_typed=len(entry.answer.text)
        )
        outcome = self._display.finished(request, entry, answer)
        if isinstance(outcome, Completion):
            self._think_ahead(request, answer.rest)
        return outcome

    async def _early(
        self, request: CompletionRequest, flight: Flight, typed: str
    ) -> Completion | Rejected | None:
        """Answer before the flight's end if that is wanted; None when it has ended or gone another way."""
        trace, streams = request.trace, request.on_text is not None
        wait_ms = pacing.answer_wait_ms(self._rhythm.gap_ms, request.view.prompt.prefix[-1:])
        is_early = request.is_automatic and self._config.answer_early
        while not flight.is_done and flight.agrees(typed):
            left_ms = wait_ms - trace.elapsed_ms()
            # A client that shows the text grow gets the first line as soon as it is whole.
            has_line = streams and "\n" in flight.text[len(typed) :].lstrip()
            outcome = None
            if is_early or (has_line and request.is_automatic):
                is_due = has_line or left_ms < 1
                outcome = self._display.early(request, flight, typed, is_due=is_due)
            elif has_line:
                outcome = self._display.first_line(request, flight, typed)
            if outcome is None and is_early and left_ms < 1:
                outcome = self._name(request)  # late is never nothing
            if outcome is not None:
                flight.record(trace)
                trace.is_partial = True
                return outcome
            timeout_s = left_ms / 1000 if is_early and left_ms >= 1 else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(flight.changed.wait(), timeout_s)
        return None

    def _name(
        self, request: CompletionRequest, outcome: Completion | Rejected | None = None
    ) -> Completion | None:
        """Complete the name at the cursor where the model has nothing sure, or nothing yet (None)."""
        if isinstance(outcome, Completion) or not (request.is_automatic and self._config.answer_early):
            return None
        if outcome and (outcome.reason not in ("unsure", "filtered") or outcome.trace.rule == "security"):
            return None
        if not (rest := self._names.rest(request.cursor)):
            return None
        request.trace.source = "names"
        return request.completed(rest)

    def _think_ahead(self, request: CompletionRequest, rest: str) -> None:
        """When the user pauses, compute what would follow the accepted suggestion."""
        if not self._config.prefetch:
            return
        document, at = request.cursor.document, request.cursor.offset

        def prefetch() -> None:
            after = document.with_edit(Edit(Span(at, at), rest), document.version)
            view = self._view(Cursor(after, at + len(rest)), request.path)
            if self._cache.find(view.uri, view.prompt.prefix, view.prompt.suffix) is None:
                self._slot.start_if_idle(view, "prefetch")

        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = asyncio.get_running_loop().call_later(_PREFETCH_PAUSE_MS / 1000, prefetch)
