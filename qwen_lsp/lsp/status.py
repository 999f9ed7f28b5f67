"""`qwenLsp/status`: what the server is doing, for clients that show it.

`judge` turns the facts (settings, model host, what became of the requests, speed) into one Status;
Reporter collects the facts and sends the Status when it has changed. A client asks for it with
`{"client": {"status": true}}` in its initializationOptions; for others nothing is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from qwen_lsp.config import Config, user_file
from qwen_lsp.endpoints import ENGINE, Use, host_of
from qwen_lsp.errors import ModelError
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.progress import Progress
from qwen_lsp.lsp.session import Session
from qwen_lsp.messages import Locale, text
from qwen_lsp.model.client import Client as ModelClient
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.speed import Speed
from qwen_lsp.model.state import State
from qwen_lsp.trace import Trace

STATUS = "qwenLsp/status"
_LOADING = "qwen-lsp/engine"

Name = Literal["starting", "loading", "asleep", "ready", "busy", "slow", "off", "error"]

# Shorter work, and shorter rests between two pieces of work, would only make the sign flicker.
_BUSY_S = 0.15
# Tokens per second below which a suggestion rarely comes before the next key; the second keeps a
# machine that is near the limit from changing its mind with each request.
_SLOW, _NOT_SLOW = 10.0, 12.0


@dataclass(frozen=True, slots=True)
class Status:
    """What a client shows. `remedy` says what to do, "" where nothing is wrong.

    `model` is "" until it is known, and becoming known is no change worth telling.
    """

    state: Name
    message: str
    remedy: str = ""
    model: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why requests fail although the host itself has not failed."""

    kind: Literal["no_model", "bad_model", "failed", "late"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a Status depends on."""

    config: Config
    host: State
    chat: State | None = None  # where it is another host
    model: str = ""
    trouble: Trouble | None = None
    is_busy: bool = False
    is_slow: bool = False


def judge(facts: Facts, locale: Locale) -> Status:
    """Say the one thing that matters most now: switched off, broken, loading, at work, slow, ready."""
    url = facts.host.url or facts.config.endpoint.urls[0]
    values: dict[str, Any] = {
        "model": facts.model,
        "url": url,
        "host": host_of(url),
        "file": user_file(),
        "least": _SLOW,
        "seconds": facts.config.completion.timeout_ms / 1000,
    }

    def status(
        state: Name, message: str, remedy: str = "", detail: str = "", of: State | None = None
    ) -> Status:
        if of is not None:
            values.update(url=of.url, host=host_of(of.url), skipped=", ".join(of.skipped))
        message_text = text(f"status.{message}", locale, **values, detail=detail)
        return Status(
            state, message_text, text(f"remedy.{remedy}", locale, **values) if remedy else "", facts.model
        )

    trouble, host, chat = facts.trouble, facts.host, facts.chat
    at_fault = "engine" if url == ENGINE else "endpoint"
    if not facts.config.completion.enabled:
        return status("off", "off", "off")
    if host.phase == "failed":
        remedy = host.cause if host.cause in ("address", "remote") else at_fault
        return status("error", host.cause or "failed", remedy, host.detail)
    if host.phase == "starting":
        if host.cause == "died":
            return status("starting", "restarting")
        return status("loading", "waking" if host.cause == "asleep" else "loading")
    if trouble is not None and trouble.kind != "late":
        return status(
            "error", trouble.kind, at_fault if trouble.kind == "failed" else trouble.kind, trouble.detail
        )
    if chat is not None and chat.phase == "failed":
        remedy = "remote" if chat.cause == "remote" else "chat"
        return status("error", "chat_failed", remedy, chat.detail, chat)
    if host.phase == "off":
        return status("starting", "starting")
    if host.phase == "asleep":
        return status("asleep", "asleep")
    if facts.is_busy:
        return status("busy", "busy")
    if trouble is not None or facts.is_slow:
        return status("slow", "late" if trouble else "slow", "slow")
    if host.skipped:
        return status("ready", "ready_instead", of=host)
    if chat is not None and chat.skipped:
        return status("ready", "chat_instead", of=chat)
    return status("ready", "ready")


class Reporter:
    """The facts of one session, and the status that its client was last sent."""

    def __init__(self, session: Session, client: Client) -> None:
        self._session = session
        self._client = client
        self._loading: Progress | None = None
        self._is_open = False
        self._sent: Status | None = None
        self._model = ""
        self._trouble: Trouble | None = None
        self._is_slow = False
        self._jobs = 0
        self._is_busy = False
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begin to notify: the client is ready."""
        self._is_open = self._client.options.status
        self._look_again()
        self._watch_jobs()  # a quick client has asked already

    def close(self) -> None:
        """End: what the shutdown does is nobody's concern."""
        self._is_open = False
        if self._timer is not None:
            self._timer.cancel()

    def configured(self) -> None:
        """Take note of new settings."""
        self._trouble = None
        self._look_again()

    def host_changed(self, use: Use, state: State) -> None:
        """Take note of what a model host is doing."""
        if use == "completion" and state.phase in ("starting", "ready"):
            self._trouble = None
        self._refresh()
        self._show_loading(state)

    def noted(self, trace: Trace) -> None:
        """Take note of how a request ended."""
        if trace.reason == "model":
            self._session.spawn(self._check_model())
        elif trace.reason == "engine":
            self._trouble = Trouble("failed", trace.detail)
        elif trace.reason == "timeout":
            self._trouble = Trouble("late")
        elif trace.reason in ("", "filtered", "unsure") and trace.source != "cache":
            self._trouble = None
        self._refresh()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Be busy for as long as this lasts."""
        self._jobs += 1
        self._watch_jobs()
        try:
            yield
        finally:
            self._jobs -= 1
            self._watch_jobs()

    def current(self) -> Status:
        """Return the status of this moment, also for a client that gets no notifications."""
        session = self._session
        host, chat = session.host_state("completion"), session.host_state("chat")
        facts = Facts(
            session.config,
            host,
            chat if session.host_now("chat") is not session.host_now("completion") else None,
            self._model_name(),
            self._trouble,
            self._is_busy,
            self._is_slow,
        )
        return judge(facts, self._client.locale)

    def _show_loading(self, state: State) -> None:
        """Show that the model is loading as a progress bar."""
        if state.phase == "starting":
            if self._loading is None:
                self._loading = Progress(self._client, _LOADING, "qwen-lsp")
                self._session.spawn(self._loading.begin(state.detail))
        elif self._loading is not None:
            self._loading.end(state.detail or state.phase)
            self._loading = None

    def _look_again(self) -> None:
        if self._is_open:
            self._refresh()
            self._session.spawn(self._check_model())

    def _watch_jobs(self) -> None:
        """Change over when the work, or the rest, has lasted."""
        if not self._is_open or (self._jobs > 0) == self._is_busy:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None:  # one job that takes over from another is no rest
            self._timer = asyncio.get_running_loop().call_later(_BUSY_S, self._change_over)

    def _change_over(self) -> None:
        self._timer = None
        self._is_busy = self._jobs > 0
        self._refresh()

    def _refresh(self) -> None:
        if not self._is_open:
            return
        speed = self._session.engine_speed
        self._is_slow = speed is not None and speed.write < (_NOT_SLOW if self._is_slow else _SLOW)
        status = self.current()
        if status == self._sent:
            return
        self._sent = status
        message: dict[str, Any] = {
            "state": status.state,
            "message": status.message,
            "remedy": status.remedy,
            "model": status.model,
        }
        if speed is not None and speed != Speed():  # a first guess is no measurement
            message["tokensPerSecond"] = round(speed.write, 1)
        if (client := self._endpoint()) is not None:
            end = client.endpoint
            message["endpoint"] = {
                "kind": end.dialect.name,
                "contextTokens": end.context_tokens,
                "without": list(client.can.missing),
            }
        self._client.notify(STATUS, message)

    def _endpoint(self) -> ModelClient | None:
        """Return the client of the endpoint that completes; None before it is reached, and for the engine."""
        host = self._session.host_now("completion")
        return host.idle_client() if host is not None and host.is_endpoint else None

    def _model_name(self) -> str:
        config = self._session.config
        if config.endpoint.of("completion").is_engine:
            return self._model
        host = self._session.host_now("completion")
        client = host.idle_client() if host is not None else None
        return client.endpoint.model if client is not None else config.endpoint.model

    async def _check_model(self) -> None:
        """Find the model's file, so that a missing one is reported before anything is asked."""
        config = self._session.config
        if config.endpoint.urls[0] != ENGINE:
            return
        model, trouble = await asyncio.to_thread(_look_for_model, config)
        if config == self._session.config:  # the same settings, though sent once more meanwhile
            self._model = model
            if trouble is not None or (self._trouble is not None and self._trouble.kind.endswith("_model")):
                self._trouble = trouble
            self._refresh()


def _look_for_model(config: Config) -> tuple[str, Trouble | None]:
    """Return the model's name, and what is wrong with it."""
    name = Path(config.model.path).name
    try:
        model = chosen_model(config)
        name = name or model.profile.name
        model.path()
    except ModelError as error:
        can_be_pulled = name and not config.model.path and not model.profile.endpoint_only
        return name, Trouble("no_model" if can_be_pulled else "bad_model", str(error))
    return name, None
