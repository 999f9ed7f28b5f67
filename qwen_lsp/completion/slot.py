"""The engine's one completion slot: what flies on it, for how long, and what becomes of the answer.

State: the flight under way, one timer, the measured speed. It starts flights, ends those that nobody waits
for, judges finished ones and puts them into the cache. When and why is the completer's to decide.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Literal

from qwen_lsp.completion import gates
from qwen_lsp.completion.answer import Answer
from qwen_lsp.completion.budget import Budget, budget
from qwen_lsp.completion.cache import Cache, Entry
from qwen_lsp.completion.filters import Reject
from qwen_lsp.completion.flight import Flight, Kind
from qwen_lsp.completion.insertion_point import InsertionPoint
from qwen_lsp.completion.view import View
from qwen_lsp.config import CompletionConfig
from qwen_lsp.errors import QwenLspError
from qwen_lsp.model import speed
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import COMPLETION_SLOT
from qwen_lsp.model.generation import Request
from qwen_lsp.model.hosts import Host
from qwen_lsp.model.speed import Speed
from qwen_lsp.text import Change

# The likeliest other tokens to ask for, to make other candidates of.
_N_ALTERNATIVES = 8

log = logging.getLogger(__name__)

Stage = Literal["waiting", "reading", "writing"]


class CompletionSlot:
    """Runs one generation at a time on the model host."""

    def __init__(self, host: Host, profile: Profile, config: CompletionConfig, cache: Cache) -> None:
        self._host = host
        self._config = config
        self._cache = cache
        self._timer: asyncio.TimerHandle | None = None
        self.flight: Flight | None = None
        self._used: tuple[str, Profile] | None = None
        self.use(profile)

    def use(self, profile: Profile) -> None:
        """Size the prompts for a model: once each, because a prompt whose start moves is read again."""
        client = self._host.idle_client()
        if client is not None and client.endpoint.context_tokens:  # it may be started with less than it can
            most = min(profile.context_tokens, client.endpoint.context_tokens)
            profile = replace(profile, context_tokens=most)
        model = speed.key(profile.name, is_endpoint=self._host.is_endpoint)
        if (model, profile) == self._used:
            return
        self._model, self._used = model, (model, profile)
        self.speed: Speed = speed.load(self._model)
        self.budget: Budget = budget(self._config, self.speed, profile)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being generated."""
        return self.flight is None or self.flight.is_done

    async def idle(self) -> None:
        """Return as soon as nothing is being generated."""
        while self.flight is not None and not self.flight.is_done and self.flight.task is not None:
            await asyncio.wait([self.flight.task])

    @property
    def stage(self) -> Stage:
        """What the engine is doing for a request: nothing yet, reading its prompt, or writing."""
        if self.flight is None or self.flight.is_done or self.flight.kind == "prefill":
            return "waiting"
        return "writing" if self.flight.raw else "reading"

    @property
    def first_text_ms(self) -> float:
        """What a warm request takes until its first word: two prompt tokens and two written ones."""
        return 2000 / self.speed.read + 2000 / self.speed.write

    @property
    def cold_prompt_ms(self) -> float:
        """How long the engine takes to read a whole prompt that it has nothing of."""
        return (self.budget.prefix_tokens + self.budget.suffix_tokens) / self.speed.read * 1000

    async def start(self, view: View, point: InsertionPoint, *, beginning: str | None = None) -> Flight:
        """End what runs and start a generation, loading the model if need be.

        `beginning` makes it another candidate: it takes the place of the healed prefix.
        Raises: EndpointError or ModelError when there is no engine to be had.
        """
        client = await self._host.ready()
        self.stop()
        kind: Kind = "request" if beginning is None else "alternative"
        forced = view.prompt.healed_prefix if beginning is None else beginning
        return self._launch(client, Flight(view, kind, point), forced)

    def start_if_idle(self, view: View, point: InsertionPoint, ahead: str = "") -> Flight | None:
        """Start a prefetch if the model is loaded and nothing else runs."""
        client = self._host.idle_client()
        if client is None or not self.is_idle:
            return None
        flight = Flight(view, "prefetch", point, ahead, is_automatic=True)
        return self._launch(client, flight, view.prompt.healed_prefix)

    def follow(self, change: Change) -> None:
        """End the flight at once when the document's new text is not on its way."""
        if not self.is_idle and self.flight is not None and not self.flight.follows(change):
            self.stop()

    def prefill(self, view: View) -> None:
        """Read a prompt if the model is loaded and no request runs; the newest place wins."""
        flight, client = self.flight, self._host.idle_client()
        if client is None or not client.can.prompt_cache:
            return
        if flight is not None and not flight.is_stopped:
            if view.prompt.text.startswith(flight.view.prompt.text):
                return  # read already, or being read
            if flight.kind == "prefill":
                self.stop()
            elif not flight.is_done:
                return
        self._launch(client, Flight(view, "prefill"), "")

    def _launch(self, client: Client, flight: Flight, forced: str) -> Flight:
        view = flight.view
        tokens = self.budget.line_tokens if view.mode == "line" else self.budget.block_tokens
        request = Request(
            prompt=view.prompt.text,
            max_tokens=0 if flight.kind == "prefill" else tokens,
            stop=view.stops,
            slot=COMPLETION_SLOT,
            forced=forced,
            n_alternatives=_N_ALTERNATIVES,
            around=view.prompt.around,
            sources=view.prompt.sources,
            is_renewable=flight.kind == "request",
        )
        self.flight = flight
        flight.task = asyncio.create_task(self._fly(flight, client, request))
        # A task that is cancelled before its first step never gets to its own end.
        flight.task.add_done_callback(lambda task: flight.end())
        return flight

    async def _fly(self, flight: Flight, client: Client, request: Request) -> None:
        """Run a generation to its end; leaving the stream early is what frees the slot.

        Whatever goes wrong is kept as the flight's error, for whoever waits; such an answer is no answer.
        """
        try:
            await asyncio.wait_for(self._read(flight, client, request), self._config.timeout_ms / 1000)
            flight.is_done = True
            if flight.kind != "prefill" and not flight.is_stopped:
                entry = self._judged(flight)
                # What was given up for lack of confidence is no answer; another candidate is not the first.
                if flight.kind != "alternative" and flight.cut_reason != "unsure":
                    self._cache.put(flight.view.uri, entry)
                flight.entry = entry
        except (QwenLspError, TimeoutError) as error:
            flight.error = error
        except Exception as error:
            flight.error = error
            if flight.waiters == 0:  # else the request that waits for it says so
                log.exception("a generation for %s failed", flight.kind)
        finally:
            self.speed = self.speed.measured(flight.timings)
            flight.end()

    async def _read(self, flight: Flight, client: Client, request: Request) -> None:
        async with client.stream(request) as chunks:
            async for chunk in chunks:
                flight.feed(chunk)
                if flight.cut_reason is not None:
                    return
                if flight.is_automatic and flight.is_hopeless:
                    flight.cut_reason = "unsure"
                    return

    def _judged(self, flight: Flight) -> Entry:
        """Judge a finished answer once, for every state that it will serve."""
        fim = flight.view.prompt
        text, flight.steps = flight.cleaned(self._config.disabled_filters)
        reason = rule = ""
        if flight.cut_reason == "prefix mismatch":
            rule, reason = "prefix_mismatch", "the model did not continue the typed text"
        elif isinstance(text, Reject):
            rule = flight.steps[-1].name
            reason = f"{rule}: {text.reason}"
        elif doubt := gates.syntax(fim.prefix, text, fim.suffix, flight.view.language):
            rule, reason = "syntax", f"syntax gate: {doubt}"
        answer = Answer("") if reason or isinstance(text, Reject) else flight.answer(text=text)
        return Entry(fim.prefix, fim.suffix, answer, reason, flight.others, rule=rule)

    def stop(self) -> None:
        """End the flight under way, which frees the slot."""
        flight = self.flight
        if flight is not None and not flight.is_done and not flight.is_stopped:
            flight.is_stopped = True
            if flight.task is not None:
                flight.task.cancel()

    def release(self, flight: Flight, after_ms: float) -> None:
        """End a flight that nobody waits for, unless a request attaches to it in time."""

        def end() -> None:
            if flight.waiters == 0 and self.flight is flight:
                self.stop()

        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(after_ms / 1000, end)

    async def close(self) -> None:
        """End whatever runs and remember how fast the machine was."""
        if self._timer is not None:
            self._timer.cancel()
        self.stop()
        if self.flight is not None and self.flight.task is not None:
            await asyncio.wait({self.flight.task})  # whatever came of it: closing goes on
        if self.speed != speed.load(self._model):  # the first guess is no measurement
            speed.save(self._model, self.speed)
