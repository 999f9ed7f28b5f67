"""The published policy of llama.vim, written from its description, to measure ours against.

What it asks of llama.cpp's `/infill` and when, what it caches, what it discards, which chunks of other
text it sends along. Source: the description and numbers in docs/traces.md (llama.vim of 2026-01-31);
none of its code. It knows no HTTP: whoever calls brings `infill`, and hears through `Watch` what is shown.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache

from qwen_lsp.text import Document, Edit, Span

N_PREFIX_LINES, N_SUFFIX_LINES = 256, 64
N_PREDICT = 128
FIRST_MS, FOLLOW_UP_MS = 250, 1000
"""`t_max_predict_ms` of the first request and of the speculative one; the engine looks at it at line ends."""
MAX_LINE_SUFFIX_CHARS = 8
REARM_MS = 100
CACHE_ENTRIES, CACHE_TYPED_CHARS, CACHE_DROPPED_LINES = 250, 128, 3

RING_CHUNKS, RING_QUEUE, CHUNK_LINES, MIN_CHUNK_LINES = 16, 16, 64, 3
RING_SCOPE_LINES, PICK_AFTER_LINES = 1024, 32
SAME_CHUNK, TOO_NEAR = 0.9, 0.5

_SAMPLING = {"top_k": 40, "top_p": 0.90, "samplers": ["top_k", "top_p", "infill"]}
_PROMOTE_MS, _STILL_MS = 1000, 3000


@dataclass(frozen=True, slots=True)
class Local:
    """The text around a cursor as the requests carry it.

    Shape: `prefix` ends before the cursor's line and `suffix` begins at the cursor; all line ends are LF.
    """

    prefix: str
    line_prefix: str
    suffix: str

    @property
    def line_suffix(self) -> str:
        """What stands right of the cursor."""
        return self.suffix.partition("\n")[0]

    @property
    def prompt(self) -> str:
        """The cursor's line as it is sent: empty when it is only indentation."""
        return self.line_prefix if self.line_prefix.strip() else ""

    @property
    def indent(self) -> int:
        """The width of the line's indentation."""
        return len(self.line_prefix) - len(self.line_prefix.lstrip())


def local(document: Document, offset: int) -> Local:
    """Cut the local context out of a document."""
    line = document.line_of(offset)
    before = [document.line(number) for number in range(max(line - N_PREFIX_LINES, 0), line)]
    last = min(line + N_SUFFIX_LINES, document.line_count - 1)
    after = [document.line(number) for number in range(line + 1, last + 1)]
    line_suffix = document.text[offset : document.line_end(line)]
    return Local(
        "".join(f"{text}\n" for text in before),
        document.text[document.starts[line] : offset],
        "\n".join([line_suffix, *after]) + "\n",
    )


def request(around: Local, chunks: Sequence[Chunk], max_predict_ms: int) -> dict[str, Any]:
    """Write the body of a completion request."""
    return {
        "id_slot": 0,
        "input_prefix": around.prefix,
        "prompt": around.prompt,
        "input_suffix": around.suffix,
        "input_extra": [chunk.extra for chunk in chunks],
        "n_predict": N_PREDICT,
        "n_indent": around.indent,
        **_SAMPLING,
        "cache_prompt": True,
        "t_max_predict_ms": max_predict_ms,
        "stream": False,
    }


def prefill(chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Write the body of the request that only reads the chunks into the engine's cache."""
    return {
        "id_slot": 0,
        "input_prefix": "",
        "prompt": "",
        "input_suffix": "",
        "input_extra": [chunk.extra for chunk in chunks],
        "n_predict": 0,
        "samplers": [],
        "cache_prompt": True,
        "t_max_predict_ms": 1,
        "stream": False,
    }


def keys(around: Local) -> list[str]:
    """Return the keys of an answer: as asked, and as seen after scrolling by one to three lines."""
    lines = around.prefix.splitlines(keepends=True)
    return [
        _key("".join(lines[dropped:]) + around.line_prefix, around.suffix)
        for dropped in range(min(CACHE_DROPPED_LINES, len(lines)) + 1)
    ]


def _key(before: str, after: str) -> str:
    return hashlib.sha256(f"{before}\0{after}".encode()).hexdigest()


Cached = LRUCache[str, "Answer"]


def lookup(cache: Cached, around: Local) -> tuple[Answer, str] | None:
    """Find the answer that what was typed agrees with, and its rest; the longest rest wins."""
    before = around.prefix + around.line_prefix
    best: tuple[Answer, str] | None = None
    for n_typed in range(min(CACHE_TYPED_CHARS, len(before)) + 1):
        start, typed = before[: len(before) - n_typed], before[len(before) - n_typed :]
        answer = cache.get(_key(start, around.suffix))
        if answer is None or not answer.text.startswith(typed):
            continue
        rest = answer.text[n_typed:]
        if rest and (best is None or len(rest) > len(best[1])):
            best = answer, rest
    return best


def trimmed(content: str, around: Local) -> str:
    """Take back the indentation that the model wrote because the line's own was not sent."""
    if around.prompt:
        return content
    surplus = len(content) - len(content.lstrip(" \t"))
    return content[min(surplus, len(around.line_prefix)) :]


def shown(text: str, around: Local) -> str:
    """Pass an answer through the discard rules: what is shown of it, or nothing."""
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    following = around.suffix.split("\n")[1:]
    if not lines or not "".join(lines).strip():
        return ""
    if not lines[0].strip() and lines[1:] == following[: len(lines) - 1]:
        return ""
    if around.line_suffix and "\n".join(lines) == around.line_suffix:
        return ""
    if _repeats(around.line_prefix + lines[0], lines[1:], following):
        return ""
    return "\n".join(lines)


def _repeats(first: str, rest: list[str], following: list[str]) -> bool:
    """Whether the answer writes the next line that is not empty once more.

    One line: that alone tells. Two: the second must begin the line after it. More: all must agree.
    """
    at = next((number for number, line in enumerate(following) if line.strip()), None)
    if at is None or first != following[at]:
        return False
    below = following[at + 1 :]
    if len(rest) == 1:
        return bool(below) and below[0].startswith(rest[0])
    return below[: len(rest)] == rest


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of other text that is sent along."""

    lines: tuple[str, ...]
    name: str

    @property
    def extra(self) -> dict[str, str]:
        """The chunk as the request carries it."""
        return {"text": "".join(f"{line}\n" for line in self.lines), "filename": self.name}


_TOKEN = re.compile(r"\w+")


def similarity(first: Sequence[str], second: Sequence[str]) -> float:
    """Return 2 * |common words| / (|words| + |words|) of two lists of lines."""
    ours, theirs = (set(_TOKEN.findall("\n".join(lines))) for lines in (first, second))
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) if ours or theirs else 1.0


def pick(lines: Sequence[str], name: str, rng: random.Random) -> Chunk | None:
    """Take a random window of half a chunk out of a region, or all of a shorter region."""
    if len(lines) < MIN_CHUNK_LINES:
        return None
    size = CHUNK_LINES // 2
    first = rng.randint(0, max(len(lines) - size, 0))
    return Chunk(tuple(lines[first : first + size]), name)


def add(chunks: Sequence[Chunk], chunk: Chunk, limit: int) -> tuple[Chunk, ...]:
    """Put a chunk at the end; ones that it nearly equals go, and the oldest when there are too many."""
    kept = [old for old in chunks if similarity(old.lines, chunk.lines) <= SAME_CHUNK]
    return (*kept, chunk)[-limit:]


def without_near(chunks: Sequence[Chunk], around: Local) -> tuple[Chunk, ...]:
    """Evict what is too similar to the text at the cursor: the model would only repeat it."""
    half = CHUNK_LINES // 2
    here = [
        *around.prefix.splitlines()[-half:],
        around.line_prefix + around.line_suffix,
        *around.suffix.split("\n")[1 : half + 1],
    ]
    return tuple(chunk for chunk in chunks if similarity(chunk.lines, here) <= TOO_NEAR)


def far_regions(document: Document, offset: int) -> list[list[str]]:
    """Return the regions that a long cursor move picks from: above the local prefix, and below the suffix."""
    line = document.line_of(offset)
    above = range(max(line - RING_SCOPE_LINES, 0), max(line - N_PREFIX_LINES, 0))
    below = range(line + N_SUFFIX_LINES, min(line + N_SUFFIX_LINES + CHUNK_LINES, document.line_count))
    return [[document.line(number) for number in region] for region in (above, below)]


@dataclass(frozen=True, slots=True)
class Infill:
    """What `/infill` gave. Units: tokens, of the prompt only those that had to be read; milliseconds."""

    text: str
    prompt_tokens: int = 0
    generated_tokens: int = 0
    prompt_ms: float = 0.0
    generated_ms: float = 0.0


@dataclass(eq=False, slots=True)
class Answer:
    """An answer in the cache, its cost, and whether the user ever saw it."""

    text: str
    infill: Infill
    sent: float
    was_shown: bool = False


@dataclass(eq=False, slots=True)
class Watch:
    """One state of the text: the requests it caused, and what was shown at it. Times are the loop's."""

    document: Document
    offset: int
    pressed: float
    shown: asyncio.Future[str]
    answer: Answer | None = None
    is_from_cache: bool = False
    reason: str = ""
    sent: list[asyncio.Task[Infill]] = field(default_factory=list)


class LlamaVim:
    """The plugin in one buffer: its cache, its ring of chunks, and the one request under way."""

    def __init__(self, infill: Callable[[dict[str, Any]], Awaitable[Infill]], seed: int) -> None:
        self._infill = infill
        self._rng = random.Random(seed)
        self._cache: Cached = LRUCache(CACHE_ENTRIES)
        self._ring: tuple[Chunk, ...] = ()
        self._queue: tuple[Chunk, ...] = ()
        self._running: asyncio.Task[Infill] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watch: Watch | None = None
        self._picked_line: int | None = None
        self._promoted = self._moved = 0.0
        self.answers: list[Answer] = []
        self.requests: list[asyncio.Task[Infill]] = []

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """What the next request sends along."""
        return self._ring

    def visit(self, document: Document, name: str, offset: int = 0) -> None:
        """Enter a buffer: the lines around the cursor become a chunk. Leaving it again picks once more."""
        line, half = document.line_of(offset), CHUNK_LINES // 2
        first, last = max(line - half, 0), min(line + half, document.line_count)
        self._enqueue([document.line(number) for number in range(first, last)], name)

    async def settle(self) -> None:
        """Browse in normal mode for long enough that every queued chunk is promoted and read."""
        while self._queue:
            self._promote()
        if self._ring:
            await self._send(prefill(self._ring))

    def move(self, document: Document, offset: int, name: str) -> Watch:
        """The text or the cursor has changed: hide what is shown, and see what can be shown now."""
        loop = asyncio.get_running_loop()
        self.passes(document, offset, name)
        self._watch = watch = Watch(document, offset, loop.time(), loop.create_future())
        self._try()
        return watch

    def passes(self, document: Document, offset: int, name: str) -> None:
        """The cursor has moved, and nothing is asked for: far moves make chunks."""
        self._moved = asyncio.get_running_loop().time()
        line = document.line_of(offset)
        if self._picked_line is None or abs(line - self._picked_line) > PICK_AFTER_LINES:
            self._picked_line = line
            for region in far_regions(document, offset):
                self._enqueue(region, name)

    def still(self) -> None:
        """A tick of the ring's clock: promote one chunk when the user has been still for long enough."""
        now = asyncio.get_running_loop().time()
        is_due = (now - self._promoted) * 1000 >= _PROMOTE_MS and (now - self._moved) * 1000 >= _STILL_MS
        if is_due and self._queue and self._running is None:
            self._promoted = now
            self._promote()
            self._send(prefill(self._ring))

    def leave(self) -> None:
        """Stop asking; the request under way goes on to its end, as always."""
        self._watch = None
        if self._timer is not None:
            self._timer.cancel()

    def _enqueue(self, lines: Sequence[str], name: str) -> None:
        chunk = pick(lines, name, self._rng)
        if chunk is not None:
            self._ring = tuple(old for old in self._ring if similarity(old.lines, chunk.lines) <= SAME_CHUNK)
            self._queue = add(self._queue, chunk, RING_QUEUE)

    def _promote(self) -> None:
        first, *rest = self._queue
        self._queue = tuple(rest)
        self._ring = add(self._ring, first, RING_CHUNKS)

    def _try(self) -> None:
        """Show from the cache; else ask, or come back in a moment when a request is under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        watch = self._watch
        if watch is None:
            return
        around = local(watch.document, watch.offset)
        if len(around.line_suffix) > MAX_LINE_SUFFIX_CHARS:
            watch.reason = "too much text right of the cursor"
            return
        if not watch.shown.done() and not self._show(watch, around, is_from_cache=True):
            self._ask(watch, around, FIRST_MS)
        elif watch.shown.done():
            self._ask_ahead(watch)

    def _show(self, watch: Watch, around: Local, *, is_from_cache: bool) -> bool:
        """Show what the cache has for this state; tell whether it had anything, be it discarded."""
        found = lookup(self._cache, around)
        if found is None:
            return False
        answer, rest = found
        text = shown(rest, around)
        if not text:
            watch.reason = "discarded"
            return True
        answer.was_shown = True
        watch.answer, watch.is_from_cache = answer, is_from_cache
        watch.shown.set_result(text)
        self._ask_ahead(watch)
        return True

    def _ask_ahead(self, watch: Watch) -> None:
        """Ask for what follows the suggestion that is shown, as if it had been accepted."""
        text = watch.shown.result()
        document = watch.document.with_edit(
            Edit(Span(watch.offset, watch.offset), text), watch.document.version
        )
        around = local(document, watch.offset + len(text))
        if lookup(self._cache, around) is None:
            self._ask(watch, around, FOLLOW_UP_MS)

    def _ask(self, watch: Watch, around: Local, max_predict_ms: int) -> None:
        """Send a request, or re-arm the timer while another one is under way: never two at once."""
        loop = asyncio.get_running_loop()
        if self._running is not None:
            self._timer = loop.call_later(REARM_MS / 1000, self._try)
            return
        self._ring = without_near(self._ring, around)
        sent = loop.time()
        task = self._send(request(around, self._ring, max_predict_ms))
        watch.sent.append(task)
        task.add_done_callback(lambda done: self._answered(done, around, sent))

    def _send(self, body: dict[str, Any]) -> asyncio.Task[Infill]:
        async def run() -> Infill:
            return await self._infill(body)

        self._running = task = asyncio.get_running_loop().create_task(run())
        self.requests.append(task)
        task.add_done_callback(self._free)
        return task

    def _free(self, task: asyncio.Task[Infill]) -> None:
        if self._running is task:
            self._running = None

    def _answered(self, task: asyncio.Task[Infill], around: Local, sent: float) -> None:
        """Keep the answer wherever the cursor is by now, and show it if it still fits."""
        if task.cancelled() or task.exception() is not None:
            return
        answer = Answer(trimmed(task.result().text, around), task.result(), sent)
        self.answers.append(answer)
        for key in keys(around):
            self._cache[key] = answer
        watch = self._watch
        if watch is not None and not watch.shown.done():
            here = local(watch.document, watch.offset)
            if len(here.line_suffix) <= MAX_LINE_SUFFIX_CHARS:
                self._show(watch, here, is_from_cache=False)
