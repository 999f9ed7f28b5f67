"""The story of one inline completion: from a cursor to a Completion or a Rejected with its reason.

State: the running request of each document (the newest wins, because some clients never cancel), the typing
rhythm, the last Trace of each document. It knows no LSP and no HTTP. The steps are in other files: the prompt
in views.py, the generation under way in slot.py, finished answers in cache.py, what is shown of them in
display.py, an answer before the end in early.py. A generation that nobody waits for any more ends after a
short grace, and closing its stream frees the engine's slot (invariant 5).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import NamedTuple

from qwen_lsp.completion import candidates, pacing
from qwen_lsp.completion.budget import by_hand
from qwen_lsp.completion.cache import Cache
from qwen_lsp.completion.display import Display
from qwen_lsp.completion.early import Early
from qwen_lsp.completion.flight import Flight
from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.completion.names import Names, NamesOf
from qwen_lsp.completion.outcome import Completion, CompletionRequest, OnText, Rejected, Trigger
from qwen_lsp.completion.pacing import Rhythm
from qwen_lsp.completion.prefetch import Prefetch
from qwen_lsp.completion.slot import CompletionSlot
from qwen_lsp.completion.views import Snippets, Views
from qwen_lsp.config import CompletionConfig
from qwen_lsp.errors import QwenLspError
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.hosts import Host
from qwen_lsp.text import Change, Cursor
from qwen_lsp.trace import Trace

# After an early answer the generation goes on for so long: the next key usually asks for the rest.
_LINGER_MS = 1500


class _Running(NamedTuple):
    """A request under way: its work, and its place in the text."""

    task: asyncio.Task[Completion | Rejected]
    point: InsertionPoint


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
        self._config = config
        self._cache = Cache()
        self._views = Views(profile, config, snippets)
        self.slot = CompletionSlot(host, profile, config, self._cache)
        self._display = Display(config)
        self._early = Early(self._display, Names(names), config.answer_early)
        self._prefetch = Prefetch(self.slot, self._cache, self._views, is_wanted=config.prefetch)
        self._rhythm = Rhythm()
        self._has_met = False
        self._running: dict[str, _Running] = {}
        self.last: dict[str, Trace] = {}
        self._part: tuple[str, int | None, int] | None = None  # URI, version, offset of a part by hand

    async def complete(
        self, cursor: Cursor, trigger: Trigger, path: str | None = None, on_text: OnText | None = None
    ) -> Completion | Rejected:
        """Complete at the cursor; an older request of the same document ends as superseded.

        Shape: `path` is relative to the repository, with forward slashes. `on_text` is called with the
        whole answer so far whenever it grows, before filters have seen it, also after an early answer.
        Raises: asyncio.CancelledError when the caller is cancelled; nothing else.
        """
        uri = cursor.document.uri
        place = uri, cursor.document.version, cursor.offset
        if place == self._part:
            trigger = "invoked"  # the client asks by itself for the rest of what was asked for by hand
        trace = Trace(path=path or "", trigger=trigger)
        if older := self._running.get(uri):
            older.task.cancel()
        if refusal := Rejected.unwanted(self._config, cursor, path, trace):
            return self._kept(refusal, uri)
        point = InsertionPoint(cursor.document, cursor.offset)
        task = asyncio.create_task(self._answer(cursor, point, trace, path, on_text))
        self._running[uri] = running = _Running(task, point)
        try:
            outcome = await task
        except asyncio.CancelledError:
            if self._running.get(uri) is running:  # the caller was cancelled, not we by a newer request
                self._kept(Rejected("cancelled", "the editor cancelled the request", trace), uri)
                raise
            outcome = Rejected("superseded", "a newer request took over", trace)
        except Exception as error:  # whatever it is, the user goes on typing
            outcome = Rejected.failed(error, trace)
        finally:
            is_open = uri in self._running  # else the document was closed meanwhile
            if self._running.get(uri) is running:
                del self._running[uri]
        self._part = place if trigger == "invoked" and outcome.trace.is_partial else None
        return self._kept(outcome, uri if is_open else None)

    def use(self, profile: Profile) -> None:
        """Prompt as this model wants it from now on: an endpoint has named it, or another one answers."""
        self._views.profile = profile
        self.slot.use(profile)

    def prefill(self, cursor: Cursor, path: str | None) -> None:
        """Read the prompt of a place into the engine's cache before anything is asked there."""
        if Rejected.unwanted(self._config, cursor, path, Trace()) is None:
            self.slot.prefill(self._views.at(cursor, path, self.slot.budget))

    async def warm_up(self) -> None:
        """Load the model before the first request, if there is one; a failure is reported when asked."""
        with contextlib.suppress(QwenLspError):
            await self._host.ready()

    def changed(self, change: Change) -> None:
        """Follow the text, and end a generation at once when the new text is not on its way."""
        if (running := self._running.get(change.after.uri)) is not None:
            running.point.follow(change)
        self._prefetch.follow(change)
        self.slot.follow(change)

    def forget(self, uri: str) -> None:
        """Drop what is kept of a closed document and end its request."""
        if running := self._running.pop(uri, None):
            running.task.cancel()
        if self.slot.flight is not None and self.slot.flight.view.uri == uri:
            self.slot.stop()
        self.last.pop(uri, None)
        self._display.forget(uri)
        self._views.forget(uri)

    async def close(self) -> None:
        """End whatever runs; requests under way end as superseded, for the settings are others now."""
        running, self._running = self._running, {}
        for one in running.values():
            one.task.cancel()
        self._prefetch.close()
        await self.slot.close()

    def _kept(self, outcome: Completion | Rejected, uri: str | None) -> Completion | Rejected:
        """Note the end of a request in its trace, and the trace as the document's last."""
        trace = outcome.trace
        trace.end(outcome.reason, outcome.detail) if isinstance(outcome, Rejected) else trace.end()
        if uri is not None:
            self.last[uri] = trace
        return outcome

    async def _answer(
        self, cursor: Cursor, point: InsertionPoint, trace: Trace, path: str | None, on_text: OnText | None
    ) -> Completion | Rejected:
        """From memory, from the generation under way, or from a new one."""
        is_automatic = trace.trigger == "automatic"
        if is_automatic:
            self._rhythm.key(time.monotonic() * 1000)
            if pacing.is_inside_word(cursor):
                return Rejected.inside("word", trace)
        if not self._has_met:
            await self._host.ready()  # an endpoint says which model it runs, and that decides the prompt
            self._has_met = True
        budget = self.slot.budget if is_automatic else by_hand(self.slot.budget)
        view = self._views.at(cursor, path, budget)
        trace.mode, trace.prompt = view.mode, view.prompt.text
        if is_automatic and view.place in self._config.disabled_in:
            return Rejected.inside(view.place, trace)
        request = CompletionRequest(cursor, point, view, trace, is_automatic, path, on_text)
        outcome = await self._remembered(request)
        if outcome is None:
            flight = self._under_way(request) or await self._started(request)
            trace.wait_ms = trace.elapsed_ms()
            outcome = await self._attached(request, flight)
        return self._early.name(request, outcome) or outcome

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
            self._prefetch.after(request, answer.rest)
            # Asking by hand for what is there already means: show me something else.
            if not request.is_automatic and not answer.n_typed and not had_part:
                others = await candidates.others(self.slot, self._cache, request, entry)
                return replace(outcome, alternatives=tuple(request.edit(text) for text in others))
        return outcome

    def _under_way(self, request: CompletionRequest) -> Flight | None:
        """Return the generation that writes, or may yet write, what was typed since it started."""
        flight = self.slot.flight
        # A finished one has given all it has to the cache.
        if flight is None or flight.is_done or flight.kind == "prefill" or flight.typed(request.view) is None:
            return None
        request.trace.source = "flight"
        return flight

    async def _started(self, request: CompletionRequest) -> Flight:
        """Start a generation, an automatic one not before the user has paused a little."""
        self.slot.stop()
        if request.is_automatic:
            await asyncio.sleep(self._rhythm.delay_ms(self.slot.first_text_ms, self._config) / 1000)
        return await self.slot.start(request.view, request.point)

    async def _attached(self, request: CompletionRequest, flight: Flight) -> Completion | Rejected:
        """Wait for the flight's end, or answer an automatic request early with the words there are."""
        trace, view = request.trace, request.view
        typed = flight.typed(view) or ""
        try:
            with flight.attached(typed, request.on_text, is_automatic=request.is_automatic):
                outcome = await self._early.answer(request, flight, typed, self._rhythm.gap_ms)
        finally:
            if not flight.is_done and flight.waiters == 0:
                linger_ms = self._config.timeout_ms if request.on_text else _LINGER_MS
                self.slot.release(flight, linger_ms if trace.is_partial else self._config.grace_ms)
        if outcome is not None:
            return outcome
        # Typing ran ahead of it, and it has gone another way; or others had the engine meanwhile.
        has_parted = typed and not flight.is_stopped and flight.error is None and not flight.agrees(typed)
        if has_parted or flight.is_unserved(typed):
            trace.source = "model"
            return await self._attached(request, await self.slot.start(view, request.point))
        flight.record(trace)
        if flight.error is not None:
            raise flight.error
        entry = flight.entry
        if flight.is_stopped or entry is None:
            return Rejected("superseded", "another request needed the model", trace)
        if entry.reason and not request.is_automatic and not typed:
            entry = await candidates.second_thought(self.slot, self._cache, request, entry)
        answer = entry.left_at(view.prompt.prefix, view.prompt.suffix)
        outcome = self._display.finished(request, entry, answer)
        if isinstance(outcome, Completion):
            self._prefetch.after(request, answer.rest)
        return outcome
