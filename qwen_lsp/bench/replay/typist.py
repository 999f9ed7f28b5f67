"""The person at the keyboard of a replay: how fast they type, and what they make of a suggestion.

Pure functions over texts and timed edits. Knows no server, no model and no clock: the times are part
of the edits, and whoever replays them looks at the clock.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

User = Literal["whole", "words"]
USERS: tuple[User, ...] = ("whole", "words")

KEY_MS = 180.0
"""Between two keys inside a word, for a practised typist. 168,000 volunteers copying prose averaged 239 ms
over all keys (Dhakal et al., "Observations on Typing from 136 Million Keystrokes", CHI 2018)."""

LEAD_MS = 3000.0
"""From placing the cursor to the first key: nobody types at the moment the file opens."""

JUMP_LEAD_MS = 1500.0
"""The same after a jump within a file that is open already."""

REACTION_MS = 250.0
"""From seeing a suggestion to the accepting key. A choice between a few reactions takes 200-300 ms once
it is practised (Hick 1952); reading a longer suggestion would take longer."""

# Starting a word is slower than going on with it: 20 % in copying known text (Salthouse 1986), more when
# the text is one's own. Lines of code are thought of one at a time. Both beyond 20 % are our choice.
_WORD_START, _LINE_END, _LINE_START = 1.5, 2.0, 4.0
# Intervals are skewed to the right; a log-normal of this sigma has its 95th percentile at 1.7 times its mean.
_SIGMA = 0.35
_MIN_MS = 40.0

# A newline takes the indentation along, because every editor types that by itself.
_KEY = re.compile(r"(?:\r\n|\n|\r)[^\S\r\n]*|.", re.DOTALL)

# What one "accept the next word" takes. Han and kana have no spaces between words: each is one.
_CJK = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"\s*(?:[^\W{_CJK}]+|\S)")
_LETTER = re.compile(rf"[^\W{_CJK}]")

# An accept is a key as well, so accepting what takes one key gains nothing.
_MIN_KEYS = 2


@dataclass(frozen=True, slots=True)
class TimedEdit:
    """One key or one paste: replace [start, end) by `text`.

    Units: `at_ms` since the cursor was placed; offsets in code points of the text at that moment.
    """

    at_ms: float
    start: int
    end: int
    text: str


def typed(
    text: str, at: int, key_ms: float, rng: random.Random, *, lead_ms: float = LEAD_MS
) -> tuple[TimedEdit, ...]:
    """Type a text at an offset at a human rhythm, one edit a key; the newline brings its indentation."""
    keys = _KEY.findall(text)
    edits: list[TimedEdit] = []
    for at_ms, key in zip(rhythm(keys, key_ms, rng, lead_ms=lead_ms), keys, strict=True):
        edits.append(TimedEdit(at_ms, at, at, key))
        at += len(key)
    return tuple(edits)


def rhythm(
    keys: Sequence[str], key_ms: float, rng: random.Random, *, lead_ms: float = LEAD_MS
) -> list[float]:
    """Return the time of each key; an empty one stands for a deletion."""
    times = [lead_ms] * min(len(keys), 1)
    for before, key in pairwise(keys):
        times.append(round(times[-1] + _interval_ms(before or " ", key or " ", key_ms, rng)))
    return times


def _interval_ms(before: str, key: str, key_ms: float, rng: random.Random) -> float:
    if before[0] in "\r\n":
        factor = _LINE_START
    elif key[0] in "\r\n":
        factor = _LINE_END
    else:
        factor = _WORD_START if key.isalnum() and not (before.isalnum() or before == "_") else 1.0
    # exp(N(-s^2/2, s)) has the mean 1.
    return max(key_ms * factor * rng.lognormvariate(-_SIGMA * _SIGMA / 2, _SIGMA), _MIN_MS)


def upcoming(edits: Sequence[TimedEdit], cursor: int) -> str:
    """Return the text that will be typed from the cursor on without moving or deleting."""
    text = ""
    for edit in edits:
        if not edit.start == edit.end == cursor + len(text):
            break
        text += edit.text
    return text


def skip(edits: Sequence[TimedEdit], chars: int) -> tuple[tuple[TimedEdit, ...], int]:
    """Leave out the first `chars` code points of what `upcoming` returns.

    Returns the edits still to make, and the number of keys that were left out whole. A key that is left
    out in part (the indentation after a newline) still has to be pressed for its rest.
    """
    for n_keys, edit in enumerate(edits):
        if chars < len(edit.text):
            rest = replace(edit, start=edit.start + chars, end=edit.end + chars, text=edit.text[chars:])
            return ((rest, *edits[n_keys + 1 :]) if chars else tuple(edits[n_keys:])), n_keys
        chars -= len(edit.text)
        if not chars:
            return tuple(edits[n_keys + 1 :]), n_keys + 1
    return (), len(edits)


def judged(shown: str) -> str:
    """Return the part of a suggestion that is judged: up to the end of the first line that says something."""
    match = re.match(r"\s*[^\r\n]*", shown)
    assert match is not None
    return match.group()


def is_right(shown: str, replaced: str, following: str) -> bool:
    """Say whether the judged part agrees, to its full length, with what is typed next.

    Shape: `replaced` is the text right of the cursor that accepting would replace; it may come last in
    the suggestion, and nothing else that is not typed may.
    """
    part = judged(shown)
    return bool(part.strip()) and (following + replaced).startswith(part)


def accepted(user: User, shown: str, replaced: str, edits: Sequence[TimedEdit], cursor: int) -> int:
    """Return how many code points of a suggestion the user accepts; 0: they type on.

    Source: `whole` accepts all of it, else its first line, if that is what comes next. `words` accepts
    the longest run of whole words that agree. Neither accepts half a word, nor what takes one key.
    """
    following = upcoming(edits, cursor)
    chars = min(_agreed(user, shown, following + replaced), len(following))
    return chars if chars and skip(edits, chars)[1] >= _MIN_KEYS else 0


def _agreed(user: User, shown: str, target: str) -> int:
    if user == "whole":
        return next((len(part) for part in (shown, judged(shown)) if _agrees(part, target)), 0)
    best = 0
    for word in _WORD.finditer(shown):
        if not target.startswith(shown[: word.end()]):
            break
        if not _splits_word(target, word.end()):
            best = word.end()
    return best


def _agrees(part: str, target: str) -> bool:
    return bool(part.strip()) and target.startswith(part) and not _splits_word(target, len(part))


def _splits_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and all(_LETTER.match(text[place]) for place in (at - 1, at))
