"""Several hosts in their order of preference, used as one: the first that is up is asked.

State: which host is in use, which are down, and when each of those is tried again: in the background, with
pauses that grow and are forgotten after a quiet time, so that no request waits for a host that is down.
It is a host itself (`ready()` -> Client, `state`, `close()`); knows no HTTP and no LSP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from qwen_lsp.child import Backoff
from qwen_lsp.endpoints import ENGINE
from qwen_lsp.errors import ConfigError, EndpointError, EndpointUnavailable, ModelError
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import Engine
from qwen_lsp.model.remote import RemoteEndpoint
from qwen_lsp.model.shared import SharedEngine
from qwen_lsp.model.state import CLOSED, Listener, State

log = logging.getLogger(__name__)

_PAUSES_S = (1.0, 3.0, 10.0, 30.0, 60.0)
_QUIET_S = 120.0
# A host that has not answered for so long is asked for its health before it gets a request ...
_FRESH_S = 5.0
# ... which it has so long to answer.
_PROBE_S = 3.0

# Makes a host that reports to a listener.
Maker = Callable[[Listener], Engine | SharedEngine | RemoteEndpoint]


@dataclass(slots=True)
class _Member:
    """One host, and whether it is down."""

    host: Engine | SharedEngine | RemoteEndpoint
    is_down: bool = False
    reason: str = ""
    up_s: float = float("-inf")
    backoff: Backoff = field(default_factory=lambda: Backoff(_PAUSES_S, _QUIET_S))
    retry: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """What people know it by."""
        return self.host.url or ENGINE


class FailOver:
    """Hosts in their order of preference."""

    def __init__(self, makers: Sequence[Maker], on_state: Listener) -> None:
        self._on_state = on_state
        self._active: _Member | None = None
        self._is_closed = False
        self.state = State("off")
        self._members: list[_Member] = []
        for number, make in enumerate(makers):
            self._members.append(_Member(make(partial(self._changed, number))))

    async def ready(self) -> Client:
        """Return a client of the first host that is up; those that are down come last.

        Raises: EndpointUnavailable when none can be used, with the reason of each.
        """
        for member in sorted(self._members, key=lambda one: one.is_down):
            if self._is_closed:
                raise EndpointUnavailable(CLOSED)
            try:
                return await self._asked(member)
            except (EndpointError, ModelError, ConfigError) as error:
                self._down(member, str(error), is_tried_again=not isinstance(error, ConfigError))
        reasons = "; ".join(f"{member.name}: {member.reason}" for member in self._members)
        raise EndpointUnavailable(f"no endpoint of the list can be used: {reasons}")

    def idle_client(self) -> Client | None:
        """Return the client of the host in use if it is loaded or was reached already."""
        return None if self._active is None else self._active.host.idle_client()

    @property
    def model(self) -> str:
        """What the endpoint in use calls its model; ENGINE for the engine on this machine."""
        if self._active is None:
            return ""
        return self._active.host.model if self._active.host.is_endpoint else ENGINE

    @property
    def url(self) -> str:
        """The address of the endpoint in use, or of the first."""
        return (self._active or self._members[0]).host.url

    @property
    def is_endpoint(self) -> bool:
        """Whether an endpoint answers, and not the engine on this machine."""
        return (self._active or self._members[0]).host.is_endpoint

    async def close(self) -> None:
        """Close every host."""
        self._is_closed = True
        for member in self._members:
            if member.retry is not None:
                member.retry.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await member.retry
        for member in self._members:
            await member.host.close()
        self._set(State("off"))

    async def _asked(self, member: _Member) -> Client:
        """Return the client of a host that is up. Raises: EndpointError, ModelError, ConfigError."""
        client = await member.host.ready()
        now_s = asyncio.get_running_loop().time()
        if member.host.is_endpoint and now_s - client.answered_s > _FRESH_S:
            try:
                is_up = await asyncio.wait_for(client.health(), _PROBE_S)
            except TimeoutError:
                is_up = False
            if not is_up:
                raise EndpointUnavailable("it does not answer")
        self._up(member)
        return client

    def _up(self, member: _Member) -> None:
        if member.is_down or member.up_s < 0:
            log.info("%s answers", member.name)
            member.is_down, member.reason = False, ""
            member.up_s = asyncio.get_running_loop().time()
            if member.retry is not None and member.retry is not asyncio.current_task():
                member.retry.cancel()
                member.retry = None
        if not any(one is not member and one is self._active for one in self._before(member)):
            self._active = member
        self._publish()

    def _down(self, member: _Member, reason: str, *, is_tried_again: bool = True) -> None:
        member.reason = reason
        if self._is_closed or member.is_down:
            return
        log.warning("%s is down: %s", member.name, reason)
        now_s = asyncio.get_running_loop().time()
        member.is_down = True
        pause_s = member.backoff.died(now_s, max(now_s - member.up_s, 0) if member.up_s > 0 else 0.0)
        if is_tried_again:
            member.retry = asyncio.create_task(self._try_again(member, pause_s or _PAUSES_S[-1]))
        if self._active is member:
            self._active = None
        self._publish()

    async def _try_again(self, member: _Member, pause_s: float) -> None:
        """Ask a host that is down until it is up."""
        while member.is_down:
            await asyncio.sleep(pause_s)
            try:
                await self._asked(member)
            except (EndpointError, ModelError, ConfigError) as error:
                member.reason = str(error)
                pause_s = next((one for one in _PAUSES_S if one > pause_s), _PAUSES_S[-1])

    def _changed(self, number: int, state: State) -> None:
        """Take note of what a host reports of itself."""
        if self._is_closed or number >= len(self._members):
            return
        member = self._members[number]
        if state.phase == "failed":
            self._down(member, state.detail, is_tried_again=state.cause not in ("address", "remote", "key"))
        self._publish()

    def _before(self, member: _Member) -> list[_Member]:
        """Return the hosts that are preferred to one, and are up."""
        return [one for one in self._members[: self._members.index(member)] if not one.is_down]

    def _publish(self) -> None:
        if self._active is not None:
            shown = self._active
        elif up := [one for one in self._members if not one.is_down]:
            shown = up[0]
        else:
            first = self._members[0]
            reasons = "; ".join(f"{one.name}: {one.reason}" for one in self._members[1:])
            cause = first.host.state.cause or "unreachable"
            self._set(State("failed", f"{first.reason}; {reasons}", cause, first.name))
            return
        before = self._members[: self._members.index(shown)]
        skipped = tuple(one.name for one in before if one.is_down)
        self._set(replace(shown.host.state, url=shown.name, skipped=skipped))

    def _set(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self._on_state(state)
