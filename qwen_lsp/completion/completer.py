"""One inline completion, from a cursor to a Completion or a Rejected with its reason.

State: the cache of finished answers, the running request of each document (the newest wins, because some
clients never cancel), the typing rhythm, the last Trace of each document; the generation under way is
in slot.py. It knows no LSP and no HTTP. A generation that nobody waits for any more ends after a short
grace, and closing its stream frees the engine's slot (invariant 5).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from qwen_lsp.completion import candidates, confidence, gates, pacing, prompt, stopping
from qwen_lsp.completion.cache import Cache, Entry
from qwen_lsp.completion.confidence import Marks, Shown
from qwen_lsp.completion.filters import Reject
from qwen_lsp.completion.flight import Flight, View
from qwen_lsp.completion.pacing import Rhythm
from qwen_lsp.completion.slot import CompletionSlot, Stage
from qwen_lsp.config import CompletionConfig
from qwen_lsp.errors import ModelError, QwenLspError
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.engine import Host
from qwen_lsp.model.speed import Speed
from qwen_lsp.secret_files import is_left_out
from qwen_lsp.syntax import languages, parsing
from qwen_lsp.text import Change, Cursor, Edit, Span
from qwen_lsp.trace import Trace

Trigger = Literal["automatic", "invoked"]
Reason = Literal[
    "off",
    "superseded",
    "cancelled",
    "not wanted here",
    "excluded",
    "filtered",
    "unsure",
    "timeout",
    "engine",
    "model",
    "internal",
]
OnText = Callable[[str], None]
# What helps from other files at a cursor, (path, text), within a number of tokens; it stays the same while
# the cursor stays in one scope.
Snippets = Callable[[Cursor, int], Sequence[tuple[str, str]]]

EXCLUDED = "the file is left out by `completion.exclude` or a `.qwenignore`"
# After an early answer the generation goes on for so long: the next key usually asks for the rest.
_LINGER_MS = 1500
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request on its way through: what was asked, and its record."""

    cursor: Cursor
    view: View
    trace: Trace
    is_automatic: bool
    path: str | None
    on_text: OnText | None

    def danger(self, prefix: str, text: str, suffix: str) -> str | None:
        """Say what makes a text insecure here, if anything does."""
        return gates.security(prefix, text, suffix, self.view.language, self.path or "")


class Completer:
    """Answers completion requests from one model host."""

    def __init__(
        self, host: Host, profile: Profile, config: CompletionConfig, snippets: Snippets | None = None
    ) -> None:
        self._host = host
        self._snippets = snippets
        self._profile = profile
        self._config = config
        self._cache = Cache()
        self._slot = CompletionSlot(host, profile, config, self._cache)
        self._rhythm = Rhythm()
        self._has_met = False
        self._running: dict[str, asyncio.Task[Completion | Rejected]] = {}
        self._shown: dict[str, Shown] = {}
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
            self._slot.start_if_idle(self._view(cursor, path), "prefill")

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
        self._shown.pop(uri, None)

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
        document = cursor.document
        language = languages.find(document.language, document.path)
        budget = self._slot.budget
        files = self._snippets(cursor, budget.snippet_tokens) if self._snippets else ()
        layout = self._profile.fim_layout if self._config.layout == "auto" else self._config.layout
        fim = prompt.fim(cursor, self._profile.tokens, layout, budget, path, language, files)
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
        self, cursor: Cursor, trace: Trace, is_automatic: bool, path: str | None, on_text: OnText | None
    ) -> Completion | Rejected:
        if is_automatic:
            self._rhythm.key(time.monotonic() * 1000)
            if reason := _unwanted(cursor):
                trace.rule = "inside_word"
                return Rejected("not wanted here", reason, trace)
        if not self._has_met:
            await self._host.ready()  # an endpoint says which model it runs, and that decides the prompt
            self._has_met = True
        view = self._view(cursor, path)
        trace.mode, trace.prompt = view.mode, view.prompt.text
        asked = _Asked(cursor, view, trace, is_automatic, path, on_text)
        if hit := self._cache.find(view.uri, view.prompt.prefix, view.prompt.suffix):
            entry, rest = hit
            trace.source = "cache"
            outcome = self._finished(asked, entry, rest)
            # Asking by hand for what is there already means: show me something else.
            had_part = (last := self.last.get(view.uri)) is not None and last.is_partial
            if isinstance(outcome, Completion) and not is_automatic and rest == entry.text and not had_part:
                others = await candidates.others(self._slot, self._cache, view, entry, trace.elapsed_ms)
                edits = tuple(_suggestion(asked, text).edit for text in others)
                return replace(outcome, alternatives=edits)
            return outcome
        flight = self._slot.flight
        # A finished one has given all it has to the cache.
        if flight is None or flight.is_done or flight.kind == "prefill" or flight.typed(view) is None:
            self._slot.stop()
            if is_automatic:
                gap_ms, first_ms = self._rhythm.gap_ms, self._slot.first_text_ms
                wait_ms = pacing.delay_ms(gap_ms, first_ms, self._config.client_delay_ms)
                await asyncio.sleep(wait_ms / 1000)
            flight = await self._slot.start(view, "request")
        else:
            trace.source = "flight"
        trace.wait_ms = trace.elapsed_ms()
        return await self._attached(asked, flight)

    async def _attached(self, asked: _Asked, flight: Flight) -> Completion | Rejected:
        """Wait for the flight's end, or answer an automatic request early with the words there are."""
        trace, view = asked.trace, asked.view
        typed = flight.typed(view) or ""
        flight.waiters += 1
        flight.is_automatic = asked.is_automatic
        flight.listener = _listener(asked.on_text, typed)
        wait_ms = pacing.answer_wait_ms(self._rhythm.gap_ms, view.prompt.prefix[-1:])
        is_early = asked.is_automatic and self._config.answer_early
        try:
            while not flight.is_done and flight.agrees(typed):
                left_ms = wait_ms - trace.elapsed_ms()
                # A client that shows the text grow gets the first line as soon as it is whole.
                has_line = asked.on_text is not None and "\n" in flight.answer[len(typed) :].lstrip()
                outcome = None
                if is_early or (has_line and asked.is_automatic):
                    outcome = self._early(asked, flight, typed, is_due=has_line or left_ms <= 0)
                elif has_line:
                    outcome = self._first_line(asked, flight, typed)
                if outcome is not None:
                    self._note(flight, trace)
                    trace.is_partial = True
                    return outcome
                timeout_s = left_ms / 1000 if is_early and left_ms > 0 else None
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(flight.changed.wait(), timeout_s)
        finally:
            flight.waiters -= 1
            if not flight.is_done and flight.waiters == 0:
                linger_ms = self._config.timeout_ms if asked.on_text else _LINGER_MS
                self._slot.release(flight, linger_ms if trace.is_partial else self._config.grace_ms)
        if typed and not flight.is_stopped and flight.error is None and not flight.agrees(typed):
            trace.source = "model"  # typing ran ahead of it, and it has gone another way
            return await self._attached(asked, await self._slot.start(view, "request"))
        self._note(flight, trace)
        if flight.error is not None:
            raise flight.error
        entry = flight.entry
        if flight.is_stopped or entry is None:
            return Rejected("superseded", "another request needed the model", trace)
        if entry.reason and not asked.is_automatic and not typed:
            entry = await candidates.second_thought(self._slot, self._cache, view, entry)
        return self._finished(asked, entry, entry.rest(view.prompt.prefix, view.prompt.suffix) or "")

    def _early(
        self, asked: _Asked, flight: Flight, typed: str, *, is_due: bool
    ) -> Completion | Rejected | None:
        """Answer before the end: with the sure words there are when it is due, or when no more can come."""
        least = self._config.least_confidence
        marks = flight.marks_of(flight.answer)
        is_settled = confidence.is_settled(marks, len(typed), least)
        if not is_due and not is_settled:
            return None
        text, _ = flight.cleaned(self._config.disabled_filters)
        if not isinstance(text, Reject) and text.startswith(typed):
            words = self._sure_part(asked, text, flight.marks_of(text), len(typed), is_whole=False)
            fim = flight.view.prompt
            if words.strip() and not asked.danger(fim.prefix, typed + words, fim.suffix):
                return _suggestion(asked, words)
        return self._unsure(asked, flight.answer, marks, len(typed)) if is_settled else None

    def _first_line(self, asked: _Asked, flight: Flight, typed: str) -> Completion | None:
        """Answer a request by hand with the first whole line; the rest is streamed, then in the cache."""
        text, _ = flight.cleaned(self._config.disabled_filters)
        if isinstance(text, Reject) or not text.startswith(typed):
            return None
        rest = text[len(typed) :]
        body = rest.lstrip()
        line = rest[: len(rest) - len(body)] + body.partition("\n")[0]
        return _suggestion(asked, line) if body else None

    def _sure_part(self, asked: _Asked, text: str, marks: Marks, typed: int, *, is_whole: bool) -> str:
        """Return what of text[typed:] may be shown unasked, and note that it was."""
        document, offset = asked.cursor.document, asked.cursor.offset
        last = self._shown.get(document.uri)
        passed_over = last.passed_over_at(document.text, offset, text[typed:]) if last else 0
        least = confidence.least_for(self._config.least_confidence, passed_over)
        part = confidence.sure_part(text, marks, typed, least, is_whole=is_whole)
        self._shown[document.uri] = Shown(offset, text[typed:], part, passed_over)
        return part

    def _unsure(self, asked: _Asked, text: str, marks: Marks, typed: int) -> Rejected:
        """Say how unsure the model is of what would come first."""
        asked.trace.first_word = sure = confidence.first_word(text, marks, typed)
        least = self._config.least_confidence
        return Rejected("unsure", f"the model gives it {sure:.0%}, less than {least:.0%}", asked.trace)

    def _finished(self, asked: _Asked, entry: Entry, rest: str) -> Completion | Rejected:
        """Answer from a finished entry, and think ahead."""
        trace = asked.trace
        typed = len(entry.text) - len(rest)
        trace.probability = confidence.probability(entry.marks, typed, len(entry.text))
        trace.tokens = confidence.tokens(entry.text, entry.marks)
        if not rest.strip():
            trace.rule = entry.rule or "typed"
            return Rejected("filtered", entry.reason or "everything suggested here is already typed", trace)
        shown = rest
        if asked.is_automatic:
            shown = self._sure_part(asked, entry.text, entry.marks, typed, is_whole=True)
            if not shown.strip():
                return self._unsure(asked, entry.text, entry.marks, typed)
            trace.is_partial = len(shown) < len(rest)
            text = entry.text[:typed] + shown
            if danger := asked.danger(entry.prefix, text, entry.suffix):
                trace.rule = "security"
                return Rejected("filtered", f"security gate: {danger}", trace)
        if self._config.prefetch:
            self._think_ahead(asked, rest)
        return _suggestion(asked, shown)

    def _note(self, flight: Flight, trace: Trace) -> None:
        """Copy what the flight knows into the record of one request."""
        timings = flight.timings
        trace.raw, trace.answer, trace.filters = flight.raw, flight.answer, list(flight.steps)
        trace.stop_reason = flight.cut_reason or flight.stop_reason
        trace.prompt_tokens, trace.cached_tokens = timings.prompt_tokens, timings.cached_tokens
        trace.generated_tokens = timings.generated_tokens or len(flight.marks)
        trace.prompt_ms, trace.generated_ms = timings.prompt_ms, timings.generated_ms
        marks = flight.marks_of(flight.answer)
        trace.probability = confidence.probability(marks, 0, len(flight.answer))
        trace.tokens = confidence.tokens(flight.answer, marks)
        if flight.first_text is not None:
            trace.first_text_ms = max((flight.first_text - trace.started) * 1000, 0.0)

    def _think_ahead(self, asked: _Asked, rest: str) -> None:
        """When the user pauses, compute what would follow the accepted suggestion."""
        document, at = asked.cursor.document, asked.cursor.offset

        def prefetch() -> None:
            after = document.with_edit(Edit(Span(at, at), rest), document.version)
            view = self._view(Cursor(after, at + len(rest)), asked.path)
            if self._cache.find(view.uri, view.prompt.prefix, view.prompt.suffix) is None:
                flight = self._slot.start_if_idle(view, "prefetch")
                if flight is not None:
                    flight.is_automatic = True

        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._idle_timer = asyncio.get_running_loop().call_later(_PREFETCH_PAUSE_MS / 1000, prefetch)


def _suggestion(asked: _Asked, text: str) -> Completion:
    """Make the edit, with the document's own line ends."""
    document, at = asked.cursor.document, asked.cursor.offset
    new_text = text.replace("\n", document.line_ending) if document.line_ending != "\n" else text
    return Completion(Edit(Span(at, at), new_text), document.version, asked.trace)


def _listener(on_text: OnText | None, typed: str) -> OnText | None:
    """Tell a request only of what comes after the text that was typed when it was made."""
    if on_text is None:
        return None
    return lambda text: on_text(text[len(typed) :])


def _unwanted(cursor: Cursor) -> str | None:
    """Say why an automatic suggestion would only be in the way here."""
    after = cursor.document.text[cursor.offset : cursor.offset + 1]
    if after.isalnum() or after == "_":
        return "the cursor is inside a word"
    return None
