"""One replay of one trace: keys go out at their times, suggestions come back or do not, the user judges.

Knows neither the language server nor any engine: an Editor stands between, one for each policy. The clock
is the event loop's, so that tests may run hours in no time. `play` is the way in; Strokes are what comes out.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal, Protocol

from qwen_lsp.bench.replay import typist
from qwen_lsp.bench.replay.traces import Trace
from qwen_lsp.bench.replay.typist import REACTION_MS, User
from qwen_lsp.text import Document, Edit, Span

Action = Literal["open", "key", "accept"]

_FOLLOWING_CHARS = 80


@dataclass(frozen=True, slots=True)
class Reply:
    """What is shown at a state of the text, and when; an empty text: nothing will be.

    Units: `arrived` is the loop's time. `replaced` is the text right of the cursor that accepting replaces.
    """

    text: str
    replaced: str
    arrived: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What happened behind one state of the text. Milliseconds; tokens.

    `prompt_tokens` are those that had to be read, None where nobody knows (an engine that is cut off does
    not tell). `stage` is what the engine was doing for the request when the next key came: `loading`,
    `waiting`, `reading` or `writing`; "" where nobody knows. `answer_tokens` and `answer_chars` are of the
    whole generation that the answer came from.
    """

    source: str = ""
    reason: str = ""
    is_asked: bool = False
    wait_ms: float = 0.0
    prompt_ms: float = 0.0
    generated_ms: float = 0.0
    prompt_tokens: int | None = 0
    generated_tokens: int | None = 0
    answer_tokens: int = 0
    answer_chars: int = 0
    probability: float | None = None
    is_partial: bool = False
    stop_reason: str = ""
    stage: str = ""


class Ask(Protocol):
    """A state of the text that a suggestion may come for."""

    @property
    def reply(self) -> asyncio.Future[Reply]:
        """What is shown; never done when nothing comes."""

    def leave(self) -> None:
        """The next key has come."""

    async def cost(self) -> Cost:
        """What it took; asked once, when the trace is over."""


class Editor(Protocol):
    """An editor with a completion policy, and the trace's file open in it."""

    @property
    def document(self) -> Document:
        """The text as it is now."""

    async def rest(self, cursor: int) -> None:
        """Put the cursor at a place and write nothing there: what an editor sends when a cursor rests."""

    async def ask(self, edit: Edit | None, cursor: int) -> Ask:
        """Make an edit, if there is one, put the cursor, and ask for a suggestion as the policy does."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key, and what was seen before the next one.

    Units: `at_ms` since the cursor was placed; `answered_ms` and `latency_ms` since the key. `keys` is how
    many keys of the trace it stands for: an accept for those it spared. `answered_ms` is None where no
    answer came in time, `latency_ms` and `is_right` also where the answer was nothing to show.
    """

    trace: str
    user: User
    number: int
    at_ms: float
    action: Action
    text: str
    keys: int
    following: str
    shown: str
    answered_ms: float | None
    latency_ms: float | None
    is_right: bool | None
    cost: Cost


@dataclass(slots=True)
class _Open:
    """A stroke whose costs are not known yet."""

    action: Action
    text: str
    keys: int
    following: str
    ask: Ask
    pressed: float
    reply: Reply | None = None


async def play(trace: Trace, editor: Editor, user: User, speed: float = 1.0) -> list[Stroke]:
    """Type a trace, accept what is right, and tell of every key.

    The user sees a suggestion when it comes before the next key is due. One that agrees is accepted
    REACTION_MS after it came, in place of that key; typing goes on from there at the trace's own rhythm.
    Raises: whatever the editor raises.
    """
    loop = asyncio.get_running_loop()
    edits, cursor = trace.edits, trace.cursor
    strokes: list[_Open] = []

    async def press(action: Action, edit: Edit | None, keys: int) -> None:
        if strokes:
            strokes[-1].ask.leave()
        following = typist.upcoming(edits, cursor)
        pressed = loop.time()
        ask = await editor.ask(edit, cursor)
        strokes.append(_Open(action, edit.new_text if edit else "", keys, following, ask, pressed))

    for place in trace.places:
        await editor.rest(place.offset)
        await asyncio.sleep(place.stay_ms / 1000 / speed)
    await editor.rest(cursor)
    await press("open", None, 0)
    last, last_at_ms = loop.time(), 0.0
    while edits:
        due = last + (edits[0].at_ms - last_at_ms) / 1000 / speed
        stroke = strokes[-1]
        stroke.reply = reply = await _before(due, stroke.ask.reply)
        chars = typist.accepted(user, reply.text, reply.replaced, edits, cursor) if reply else 0
        if reply is not None and chars:
            await _until(reply.arrived + REACTION_MS / 1000 / speed)
            rest, keys = typist.skip(edits, chars)
            last, last_at_ms = loop.time(), edits[keys - 1].at_ms
            edit = Edit(Span(cursor, cursor), reply.text[:chars])
            edits, cursor = rest, cursor + chars
            await press("accept", edit, keys)
        else:
            await _until(due)
            key, edits = edits[0], edits[1:]
            last, last_at_ms = due, key.at_ms
            cursor = key.start + len(key.text)
            await press("key", Edit(Span(key.start, key.end), key.text), 1)
    strokes[-1].ask.leave()
    assert editor.document.text == trace.final_text, f"the replay of {trace.id} ended with another text"
    started = strokes[0].pressed
    return [await _told(trace, user, number, stroke, started) for number, stroke in enumerate(strokes)]


async def _before(due: float, reply: asyncio.Future[Reply]) -> Reply | None:
    left = max(due - asyncio.get_running_loop().time(), 0)
    done, _ = await asyncio.wait({reply}, timeout=left)
    return reply.result() if done else None


async def _until(moment: float) -> None:
    await asyncio.sleep(max(moment - asyncio.get_running_loop().time(), 0))


async def _told(trace: Trace, user: User, number: int, stroke: _Open, started: float) -> Stroke:
    reply = stroke.reply
    shown = reply.text if reply is not None else ""
    answered_ms = (reply.arrived - stroke.pressed) * 1000 if reply is not None else None
    return Stroke(
        trace=trace.id,
        user=user,
        number=number,
        at_ms=(stroke.pressed - started) * 1000,
        action=stroke.action,
        text=stroke.text,
        keys=stroke.keys,
        following=stroke.following[:_FOLLOWING_CHARS],
        shown=shown,
        answered_ms=answered_ms,
        latency_ms=answered_ms if shown else None,
        is_right=typist.is_right(shown, reply.replaced, stroke.following) if reply and shown else None,
        cost=await stroke.ask.cost(),
    )
