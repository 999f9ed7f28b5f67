"""When to start and when to answer: the user's typing rhythm against the engine's speed. Pure but for Rhythm.

A person types a key each 150-250 ms; a small CPU writes 25-40 tokens a second. So an automatic request
starts at once on a slow engine (a generation that the next key agrees with is not lost) and is answered
before the next key is due, with the whole words there are; the rest is there when the next key asks.
"""

from __future__ import annotations

from collections import deque
from statistics import median

from qwen_lsp.config import CompletionConfig
from qwen_lsp.text import Cursor

# Longer gaps are pauses, not rhythm. Source: Tabby's debouncer leaves out gaps over 400 ms.
_MAX_GAP_MS = 600.0
_FIRST_GUESS_MS = 200.0
_WINDOW = 20

# An engine that answers this fast gains nothing from starting at each key, and would only heat the machine.
_MAX_DELAY_MS = 100.0
# The part of the gap after which an answer still reaches the screen before the next key.
_ANSWER_PART = 0.8
_MIN_WAIT_MS = 120.0
# After these a person more often stops to think, so waiting longer for more text costs little.
_PAUSE_AFTER = {"\n": 4.0, " ": 1.5, "(": 2.0, ",": 1.5, "=": 2.0, ":": 2.0, ".": 1.5}


class Rhythm:
    """The gaps between the last keys of this session. Units: milliseconds."""

    def __init__(self) -> None:
        self._gaps: deque[float] = deque(maxlen=_WINDOW)
        self._last_ms: float | None = None

    def key(self, now_ms: float) -> None:
        """Note an automatic request, which is what follows a key."""
        if self._last_ms is not None and now_ms - self._last_ms <= _MAX_GAP_MS:
            self._gaps.append(now_ms - self._last_ms)
        self._last_ms = now_ms

    @property
    def gap_ms(self) -> float:
        """The usual gap between two keys."""
        return median(self._gaps) if len(self._gaps) >= 3 else _FIRST_GUESS_MS

    def delay_ms(self, first_text_ms: float, config: CompletionConfig) -> float:
        """How long an automatic request waits in this rhythm, when the first text takes so long."""
        return delay_ms(self.gap_ms, first_text_ms, config.client_delay_ms, config.min_pause_ms)


def delay_ms(gap_ms: float, first_text_ms: float, client_delay_ms: float, min_pause_ms: float = 0.0) -> float:
    """Return how long to wait before an automatic request starts, at least the pause that the user wants.

    Half a gap would spare an interrupted start on a fast engine; a slow one needs that time itself: for its
    first text, and as long again to end what it was writing and to be sure of what it writes now.
    """
    wanted = max(min(gap_ms / 2 - 2 * first_text_ms, _MAX_DELAY_MS), min_pause_ms)
    return max(wanted - client_delay_ms, 0.0)


def answer_wait_ms(gap_ms: float, last_char: str) -> float:
    """Return how long an automatic request may wait before it is answered with what there is."""
    return max(gap_ms * _ANSWER_PART * _PAUSE_AFTER.get(last_char, 1.0), _MIN_WAIT_MS)


def is_inside_word(cursor: Cursor) -> bool:
    """Whether a word goes on after the cursor: an automatic suggestion would only be in the way there."""
    after = cursor.document.text[cursor.offset : cursor.offset + 1]
    return after.isalnum() or after == "_"
