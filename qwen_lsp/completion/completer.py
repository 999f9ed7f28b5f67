"""One inline completion, from a cursor to a Completion or a Rejected with its reason.

State: the one generation under way (there is one completion slot), the cache of finished answers, the
running request of each document (the newest wins, because some clients never cancel), the typing
rhythm and the last Trace of each document. It knows no LSP and no HTTP. A generation that nobody waits
for any more ends after a short grace, and closing its stream frees the engine's slot (invariant 5).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from qwen_lsp.completion import gates, pacing, prompt, stopping
from qwen_lsp.completion.budget import budget
from qwen_lsp.completion.cache import Cache, Entry
from qwen_lsp.completion.filters import Reject
from qwen_lsp.completion.flight import Flight, View
from qwen_lsp.completion.pacing import Rhythm
from qwen_lsp.completion.stopping import Mode
from qwen_lsp.config import CompletionConfig
from qwen_lsp.errors import ModelError, QwenLspError
from qwen_lsp.model import speed
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.client import Client, Request
from qwen_lsp.model.engine import COMPLETION_SLOT, Host
from qwen_lsp.syntax import languages, parsing
from qwen_lsp.text import Cursor, Document, Edit, Span
from qwen_lsp.trace import Trace

Trigger = Literal["automatic", "invoked"]
Reason = Literal[
    "off", "superseded", "cancelled", "not wanted here", "filtered", "unsure", "timeout", "engine", "model"
]
OnText = Callable[[str], None]

# After an early answer the generation goes on for so long: the next key usually asks for the rest.
_LINGER_MS = 1500
# A second request by hand gives other candidates; none is begun when the user has waited so long.
_CANDIDATES_MS = 2500
_CANDIDATES = 3
# Less likely beginnings (5 %) are hardly ever what was meant.
_LEAST_OTHER_LOGPROB = -3.0
# Nothing is computed ahead before the user has paused for so long.
_PREFETCH_PAUSE_MS = 400


@dataclass(frozen=True, slots=True)
class Completion:
    """A suggestion: an edit of the document at `version`, with that document's line ends."""

    edit: Edit
    version: int
    trace: Trace = field(repr=False)
    alternatives: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """No suggestion, and why; `detail` is a sentence for people."""

    reason: Reason
    detail: str
    trace: Trace = field(repr=False)


class Completer:
    """Answers completion requests from one model host."""

    def __init__(self, host: Host, profile: Profile, config: CompletionConfig) -> None:
        self._host = host
        self._profile = profile
        self._config = config
        self._speed = speed.load(profile.name)
        # Sized once a session: a prompt whose start moves is read anew.
        self._budget = budget(config, self._speed, profile.context_tokens)
        self._layout = profile.fim_layout if config.layout == "auto" else config.layout
        self._flight: Flight | None = None
        self._cache = Cache()
        self._rhythm = Rhythm()
        self._running: dict[str, asyncio.Task[Completion | Rejected]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.last: dict[str, Trace] = {}

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
                _rejected(trace, "off", "inline completion is switched off in the settings"), uri
            )
        task = asyncio.create_task(self._answer(cursor, trigger, trace, path, on_text))
        self._running[uri] = task
        try:
            outcome = await task
        except asyncio.CancelledError:
            if self._running.get(uri) is task:  # the caller was cancelled, not we by a newer request
                self._kept(_rejected(trace, "cancelled", "the editor cancelled the request"), uri)
                raise
            return self._kept(_rejected(trace, "superseded", "a newer request took over"), uri)
        except ModelError as error:
            outcome = _rejected(trace, "model", str(error))
        except QwenLspError as error:
            outcome = _rejected(trace, "engine", str(error))
        except asyncio.TimeoutError:
            outcome = _rejected(trace, "timeout", "the model did not finish in `completion.timeoutMs`")
        finally:
            if self._running.get(uri) is task:
                del self._running[uri]
        return self._kept(outcome, uri)

    async def prefill(self, cursor: Cursor, path: str | None) -> None:
        """Read the prompt of a place into the engine's cache before anything is asked there."""
        client = self._host.idle_client()
        if client is not None and (self._flight is None or self._flight.is_done):
            self._launch(client, self._view(cursor, path), "prefill")

    async def warm_up(self) -> None:
        """Load the model before the first request, if there is one; a failure is told when asked."""
        with contextlib.suppress(QwenLspError):
            await self._host.ready()

    def changed(self, document: Document) -> None:
        """End a generation at once when the document's new text is not on its way."""
        flight = self._flight
        if flight is None or flight.is_done or flight.view.uri != document.uri or flight.kind == "prefill":
            return
        at, length = flight.view.offset, flight.view.document_chars
        typed = document.text[at : at + len(document.text) - length]
        if len(document.text) < length or not flight.agrees(typed):
            self._stop(flight)

    def forget(self, uri: str) -> None:
        """Drop what is kept of a closed document and end its request."""
        if running := self._running.get(uri):
            running.cancel()
        if self._flight is not None and self._flight.view.uri == uri:
            self._stop(self._flight)
        self.last.pop(uri, None)

    async def close(self) -> None:
        """End whatever runs and remember how fast the machine was."""
        if self._timer is not None:
            self._timer.cancel()
        if (flight := self._flight) is not None and flight.task is not None:
            self._stop(flight)
            with contextlib.suppress(asyncio.CancelledError):
                await flight.task
        speed.save(self._profile.name, self._speed)

    def _kept(self, outcome: Completion | Rejected, uri: str) -> Completion | Rejected:
        """Note the end of a request in its trace, and the trace as the document's last."""
        trace = outcome.trace
        trace.total_ms = trace.elapsed_ms()
        if isinstance(outcome, Rejected):
            trace.reason, trace.detail = outcome.reason, outcome.detail
        self.last[uri] = trace
        return outcome

    def _view(self, cursor: Cursor, path: str | None) -> View:
        document = cursor.document
        language = languages.find(document.language, document.path)
        fim = prompt.fim(cursor, self._profile.tokens, self._layout, self._budget, path, language)
        place = parsing.place_kind(fim.prefix, fim.suffix, language)
        around = stopping.surroundings(cursor, language, place)
        return View(
            uri=document.uri,
            offset=cursor.offset,
            document_chars=len(document.text),
            prompt=fim,
            around=around,
            mode=stopping.mode(around),
            language=language,
            stops=self._profile.tokens.stops,
        )

    async def _answer(
        self, cursor: Cursor, trigger: Trigger, trace: Trace, path: str | None, on_text: OnText | None
    ) -> Completion | Rejected:
        is_automatic = trigger == "automatic"
        if is_automatic:
            self._rhythm.key(time.monotonic() * 1000)
            if reason := _unwanted(cursor):
                return _rejected(trace, "not wanted here", reason)
        view = self._view(cursor, path)
        trace.mode, trace.prompt = view.mode, view.prompt.text
        if hit := self._cache.find(view.uri, view.prompt.prefix, view.prompt.suffix):
            trace.source = "cache"
            entry, rest = hit
            outcome = self._finished(cursor, view, entry, rest, trace, is_automatic, path)
            # Asking by hand for what is there already means: show me something else.
            if isinstance(outcome, Completion) and not is_automatic and rest == entry.text:
                return await self._with_alternatives(outcome, entry, view, cursor)
            return outcome
        flight = self._flight
        # A finished one has given all it has to the cache.
        if flight is None or flight.is_done or flight.kind == "prefill" or flight.typed(view) is None:
            flight = await self._start(view, is_automatic)
        else:
            trace.source = "flight"
        trace.wait_ms = trace.elapsed_ms()
        return await self._attached(flight, cursor, view, trace, is_automatic, path, on_text)

    async def _start(self, view: View, is_automatic: bool) -> Flight:
        """End what runs, wait as the pacing says, and start a generation."""
        self._stop(self._flight)
        if is_automatic:
            wait_ms = pacing.delay_ms(
                self._rhythm.gap_ms, self._first_text_ms(), self._config.client_delay_ms
            )
            await asyncio.sleep(wait_ms / 1000)
        client = await self._host.ready()
        self._stop(self._flight)  # another document's request may have come meanwhile
        return self._launch(client, view, "request")

    def _first_text_ms(self) -> float:
        """What a warm request takes until its first word: two prompt tokens and two written ones."""
        return 2000 / self._speed.read + 2000 / self._speed.write

    def _launch(self, client: Client, view: View, kind: Literal["request", "prefetch", "prefill"]) -> Flight:
        request = Request(
            view.prompt.text,
            0 if kind == "prefill" else self._tokens(view.mode),
            view.stops,
            COMPLETION_SLOT,
            "" if kind == "prefill" else view.prompt.forced,
            _CANDIDATES + 1,
        )
        return self._take_off(Flight(view, kind), client, request)

    def _take_off(self, flight: Flight, client: Client, request: Request) -> Flight:
        self._flight = flight
        flight.task = asyncio.create_task(self._fly(flight, client, request))
        return flight

    async def _with_alternatives(
        self, first: Completion, entry: Entry, view: View, cursor: Cursor
    ) -> Completion:
        """Add up to two other candidates, the likelier first; each begins with another token."""
        if entry.alternatives is None:
            found: list[str] = []
            for beginning, logprob in entry.others:
                if first.trace.elapsed_ms() > _CANDIDATES_MS or len(found) == _CANDIDATES - 1:
                    break
                if logprob < _LEAST_OTHER_LOGPROB or not beginning.startswith(view.prompt.forced):
                    continue
                text = await self._alternative(view, beginning)
                if text.strip() and text not in (entry.text, *found):
                    found.append(text)
            entry = replace(entry, alternatives=tuple(found))
            self._cache.put(view.uri, entry)
        texts = entry.alternatives or ()
        edits = tuple(self._suggestion(cursor, text, first.trace).edit for text in texts)
        return replace(first, alternatives=edits)

    async def _alternative(self, view: View, beginning: str) -> str:
        """Generate once more from another beginning; empty when nothing fit comes of it."""
        client = await self._host.ready()
        self._stop(self._flight)
        tokens = self._tokens(view.mode)
        request = Request(view.prompt.text, tokens, view.stops, COMPLETION_SLOT, beginning)
        flight = self._take_off(Flight(view, "alternative"), client, request)
        assert flight.task is not None
        with contextlib.suppress(asyncio.CancelledError):  # a newer request stopped it
            await asyncio.shield(flight.task)
        return "" if flight.error or flight.is_stopped else self._entry(flight).text

    def _tokens(self, mode: Mode) -> int:
        return self._budget.line_tokens if mode == "line" else self._budget.block_tokens

    async def _fly(self, flight: Flight, client: Client, request: Request) -> None:
        """Run a generation to its end; leaving the stream early is what frees the slot."""
        try:
            await asyncio.wait_for(self._read(flight, client, request), self._config.timeout_ms / 1000)
        except (QwenLspError, asyncio.TimeoutError) as error:
            flight.error = error
        finally:
            flight.is_done = True
            self._speed = self._speed.measured(flight.timings)
            if flight.error is None and not flight.is_stopped and flight.kind in ("request", "prefetch"):
                self._cache.put(flight.view.uri, self._entry(flight))
            flight.wake()

    async def _read(self, flight: Flight, client: Client, request: Request) -> None:
        async with client.stream(request) as chunks:
            async for chunk in chunks:
                flight.feed(chunk)
                if flight.cut_reason is not None:
                    return
                if flight.is_automatic and flight.is_hopeless(self._config.least_confidence):
                    flight.cut_reason = "unsure"
                    return

    def _entry(self, flight: Flight) -> Entry:
        """Judge a finished answer once, for every state that it will serve."""
        fim = flight.view.prompt
        text, flight.steps = flight.cleaned(self._config.disabled_filters)
        reason = ""
        if isinstance(text, Reject):
            reason = f"{flight.steps[-1].name}: {text.reason}"
        elif doubt := gates.syntax(fim.prefix, text, fim.suffix, flight.view.language):
            reason = f"syntax gate: {doubt}"
        if reason or isinstance(text, Reject):
            return Entry(fim.prefix, fim.suffix, "", reason, others=flight.others)
        return Entry(fim.prefix, fim.suffix, text, "", flight.mean_logprob(text), flight.others)

    async def _attached(
        self,
        flight: Flight,
        cursor: Cursor,
        view: View,
        trace: Trace,
        is_automatic: bool,
        path: str | None,
        on_text: OnText | None,
    ) -> Completion | Rejected:
        """Wait for the flight's end, or answer an automatic request early with the words there are."""
        typed = flight.typed(view) or ""
        flight.waiters += 1
        flight.is_automatic = is_automatic
        if on_text is not None:
            report = on_text
            flight.listener = lambda text: report(text[len(typed) :])
        wait_ms = pacing.answer_wait_ms(self._rhythm.gap_ms, view.prompt.prefix[-1:])
        is_early = is_automatic and self._config.answer_early
        answered = False
        try:
            while not flight.is_done:
                left_ms = wait_ms - trace.elapsed_ms()
                if is_early and left_ms <= 0 and (words := self._early(flight, typed)):
                    answered = True
                    self._note(flight, trace)
                    trace.is_partial = True
                    return self._suggestion(cursor, words, trace)
                changed = flight.changed
                timeout_s = left_ms / 1000 if is_early and left_ms > 0 else None
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), timeout_s)
        finally:
            flight.waiters -= 1
            if not flight.is_done and flight.waiters == 0:
                self._release(flight, _LINGER_MS if answered else self._config.grace_ms)
        self._note(flight, trace)
        if flight.error is not None:
            raise flight.error
        if flight.is_stopped:
            return _rejected(trace, "superseded", "another request needed the model")
        entry = self._cache.find(view.uri, flight.view.prompt.prefix, flight.view.prompt.suffix)
        if entry is None:
            return _rejected(trace, "superseded", "the answer is for an older text")
        best = entry[0]
        if best.reason and not is_automatic and not typed:
            best = await self._second_thought(best, view)
        rest = best.rest(view.prompt.prefix, view.prompt.suffix)
        return self._finished(cursor, view, best, rest or "", trace, is_automatic, path)

    async def _second_thought(self, rejected: Entry, view: View) -> Entry:
        """When a request by hand would get nothing, try the likeliest other beginning."""
        for beginning, logprob in rejected.others[:1]:
            if logprob >= _LEAST_OTHER_LOGPROB and beginning.startswith(view.prompt.forced):
                text = await self._alternative(view, beginning)
                if text.strip():
                    better = Entry(rejected.prefix, rejected.suffix, text, others=rejected.others)
                    self._cache.put(view.uri, better)
                    return better
        return rejected

    def _early(self, flight: Flight, typed: str) -> str | None:
        """Return the whole words written so far beyond what is typed, if they are fit to be shown."""
        text, _ = flight.cleaned(self._config.disabled_filters)
        if isinstance(text, Reject) or not text.startswith(typed) or not text[len(typed) :].strip():
            return None
        if gates.confidence(flight.mean_logprob(text), self._config.least_confidence):
            return None
        return text[len(typed) :]

    def _finished(
        self,
        cursor: Cursor,
        view: View,
        entry: Entry,
        rest: str,
        trace: Trace,
        is_automatic: bool,
        path: str | None,
    ) -> Completion | Rejected:
        """Answer from a finished entry, and think ahead."""
        trace.mean_logprob = entry.mean_logprob
        if not rest.strip():
            return _rejected(trace, "filtered", entry.reason or "everything suggested here is already typed")
        if is_automatic and (doubt := gates.confidence(entry.mean_logprob, self._config.least_confidence)):
            return _rejected(trace, "unsure", doubt)
        if self._config.prefetch:
            self._think_ahead(cursor, rest, path)
        return self._suggestion(cursor, rest, trace)

    def _suggestion(self, cursor: Cursor, text: str, trace: Trace) -> Completion:
        line_ending = cursor.document.line_ending
        new_text = text.replace("\n", line_ending) if line_ending != "\n" else text
        return Completion(Edit(Span(cursor.offset, cursor.offset), new_text), cursor.document.version, trace)

    def _note(self, flight: Flight, trace: Trace) -> None:
        """Copy what the flight knows into the record of one request."""
        timings = flight.timings
        trace.raw, trace.answer, trace.filters = flight.raw, flight.answer, list(flight.steps)
        trace.stop_reason = flight.cut_reason or flight.stop_reason
        trace.prompt_tokens, trace.cached_tokens = timings.prompt_tokens, timings.cached_tokens
        trace.generated_tokens = timings.generated_tokens or len(flight.marks)
        trace.prompt_ms, trace.generated_ms = timings.prompt_ms, timings.generated_ms
        trace.mean_logprob = flight.mean_logprob(flight.answer)
        if flight.first_text is not None:
            trace.first_text_ms = max((flight.first_text - trace.started) * 1000, 0.0)

    def _think_ahead(self, cursor: Cursor, rest: str, path: str | None) -> None:
        """When the user pauses, compute what would follow the accepted suggestion."""
        after = cursor.document.with_edit(
            Edit(Span(cursor.offset, cursor.offset), rest), cursor.document.version
        )
        next_cursor = Cursor(after, cursor.offset + len(rest))
        self._set_timer(_PREFETCH_PAUSE_MS, lambda: self._prefetch(next_cursor, path))

    def _prefetch(self, cursor: Cursor, path: str | None) -> None:
        client = self._host.idle_client()
        if client is None or (self._flight is not None and not self._flight.is_done):
            return
        view = self._view(cursor, path)
        if self._cache.find(view.uri, view.prompt.prefix, view.prompt.suffix) is None:
            flight = self._launch(client, view, "prefetch")
            flight.is_automatic = True

    def _release(self, flight: Flight, after_ms: float) -> None:
        """End a flight that nobody waits for, unless a request attaches to it in time."""

        def end() -> None:
            if flight.waiters == 0:
                self._stop(flight)

        self._set_timer(after_ms, end)

    def _set_timer(self, after_ms: float, action: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(after_ms / 1000, action)

    def _stop(self, flight: Flight | None) -> None:
        if flight is not None and not flight.is_done and not flight.is_stopped:
            flight.is_stopped = True
            if flight.task is not None:
                flight.task.cancel()


def _rejected(trace: Trace, reason: Reason, detail: str) -> Rejected:
    return Rejected(reason, detail, trace)


def _unwanted(cursor: Cursor) -> str | None:
    """Say why an automatic suggestion would only be in the way here."""
    after = cursor.document.text[cursor.offset : cursor.offset + 1]
    if after.isalnum() or after == "_":
        return "the cursor is inside a word"
    return None
