"""How much of the processors the shared engine takes while several windows are typed in at once.

Their servers answer each key in some milliseconds, and the engine computes all the time: for as long as keys
of more than one window come, its session is the last that gets a processor. One window alone, or one beside
a compiler, changes nothing. State: when each window last completed. Knows no HTTP and no turns.
Source of the constants: docs/benchmarks.md, "Several windows".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from qwen_lsp.child import set_session_nice

log = logging.getLogger(__name__)

# So long after its last key a window counts as typed in: a longer word, a short thought.
_TYPED_S = 2.0
# Of 0 to 19. With 5 it was not enough, with 10 just; 19 gained no more.
_NICE = 15
# The kernel lets users do it ten times a second.
_TOO_SOON_S = 0.15


class EngineShare:
    """Follows who types. `set_nice` gives this process's session, the engine's, a niceness."""

    def __init__(self, set_nice: Callable[[int], None] = set_session_nice, typed_s: float = _TYPED_S) -> None:
        self._set_nice = set_nice
        self._typed_s = typed_s
        self._typed: dict[str, float] = {}
        self._nice = 0
        self._can = True
        self._timer: asyncio.TimerHandle | None = None

    def typed(self, window: str) -> None:
        """Note a key of a window."""
        if self._can:
            self._typed[window] = asyncio.get_running_loop().time()
            self._look()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        oldest_s = loop.time() - self._typed_s
        self._typed = {window: at_s for window, at_s in self._typed.items() if at_s > oldest_s}
        nice = _NICE if len(self._typed) > 1 else 0
        again_s = self._typed_s
        if nice != self._nice:
            try:
                self._set_nice(nice)
                self._nice = nice
            except BlockingIOError:
                again_s = _TOO_SOON_S
            except OSError as error:
                log.debug("the engine's session stays as it is: %s", error)
                self._can = False
                return
        if nice or self._nice:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_later(again_s, self._look)
