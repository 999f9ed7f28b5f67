"""What would follow an accepted suggestion, computed when the user pauses.

State: one timer, and what it is for. It starts a generation only when nothing else runs, and its answer goes
to the cache.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from qwen_lsp.completion.cache import Cache
from qwen_lsp.completion.outcome import CompletionRequest
from qwen_lsp.completion.slot import CompletionSlot
from qwen_lsp.completion.views import Views
from qwen_lsp.text import Change, Cursor, Edit, Span

# Nothing is computed ahead before the user has paused for so long.
_PAUSE_MS = 400


class _Next(NamedTuple):
    """What follows `rest`, typed at the request's place."""

    request: CompletionRequest
    rest: str


class Prefetch:
    """Computes ahead for the suggestion that was offered last."""

    def __init__(self, slot: CompletionSlot, cache: Cache, views: Views, *, is_wanted: bool) -> None:
        self._slot = slot
        self._cache = cache
        self._views = views
        self._is_wanted = is_wanted
        self._next: _Next | None = None
        self._timer: asyncio.TimerHandle | None = None

    def after(self, request: CompletionRequest, rest: str) -> None:
        """Compute what follows `rest`, typed at the request's cursor, once the user pauses."""
        if not self._is_wanted:
            return
        self.close()
        self._next = _Next(request, rest)
        self._wait(self._next)

    def follow(self, change: Change) -> None:
        """Follow the text until then: wait for the next pause while it is on its way there."""
        if self._next is None or self._next.request.point.document.uri != change.after.uri:
            return
        following = self._next
        self.close()
        following.request.point.follow(change)
        typed = following.request.point.typed
        if typed is not None and following.rest.startswith(typed):
            self._next = following
            self._wait(following)

    def close(self) -> None:
        """Compute nothing ahead any more."""
        self._next = None
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, following: _Next) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_PAUSE_MS / 1000, self._start, following)

    def _start(self, following: _Next) -> None:
        self._next = None
        request, rest = following.request, following.rest
        document, at = request.cursor.document, request.cursor.offset
        after = document.with_edit(Edit(Span(at, at), rest), document.version)
        view = self._views.at(Cursor(after, at + len(rest)), request.path, self._slot.budget)
        if self._cache.find(view.uri, view.prompt.prefix, view.prompt.suffix) is None:
            self._slot.start_if_idle(view, request.point, ahead=rest)
