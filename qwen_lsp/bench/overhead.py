"""What the server costs by itself: everything between a key and its suggestion but the engine's work.

A session over stdio types into a large file while a loopback stands in for the engine and answers at
once. What is left is ours: the protocol, the text, prompt, cache, pacing, HTTP, filters, gates; this
client's own part is counted too, so the figures are upper bounds.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.editor import Session
from qwen_lsp.bench.infill.score import percentile
from qwen_lsp.errors import EndpointUnavailable
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.text import Edit, Span

DID_CHANGE_LINES = 20_000
LISTING_LINES = 5_000
# Files of one line, as generated and minified ones are, beside a usual file as large. Units: characters.
ONE_LINE_CHARS = (200_000, 1_000_000)
# A component of Vue: each part of it is a language of its own.
VUE_LINES = 800
_WARM_UP_KEYS = 10
# At the beginning of a statement a filter may say no; elsewhere each key has a suggestion.
_MIN_ANSWERED = 0.5
_TYPED = "result = [value for value in values if value > 0]  # keep it "
# It never goes on with what is typed next, so no key is answered from memory.
_ANSWER = "§"
_PROPERTIES = {"model_path": "qwen2.5-coder-0.5b.gguf", "default_generation_settings": {"n_ctx": 8192}}

# Two kinds of text: plain, and one in which no shortcut for ASCII or LF applies.
_LINES: dict[str, tuple[str, str]] = {
    "english": ("def total_{n}(values):\n    return sum(values) + {n}  # the sum of all values\n", ""),
    "chinese_crlf": (
        "def 合计_{n}(values):\r\n    return sum(values) + {n}  # 求和，总价😀\r\n",
        "单价😀 = ",
    ),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one kind of event costs. Units: milliseconds.

    `p50` and `p95` are on the clock, so other programs count; `cpu` is the server's own processor time,
    the mean of all events.
    """

    p50: float
    p95: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Report:
    """The costs of each kind of text: of a key with its suggestion, of a change, of a list of actions."""

    lines: int
    keys: int
    overhead: dict[str, Cost]
    did_change: dict[str, Cost]
    listing: dict[str, Cost]
    vue: dict[str, Cost]
    one_line: dict[int, Cost]
    usual: dict[int, Cost]

    def to_json(self) -> dict[str, Any]:
        """Return `overhead_ms`, `did_change_ms` and `listing_ms`, each {kind of text: {p50, p95, cpu}}.

        `vue_ms` is a key with its suggestion in each part of a component, `one_line_ms` and `usual_file_ms`
        by the characters of the file.
        """
        return {
            "keys": self.keys,
            "lines": self.lines,
            "overhead_ms": {kind: asdict(cost) for kind, cost in self.overhead.items()},
            "did_change_lines": DID_CHANGE_LINES,
            "did_change_ms": {kind: asdict(cost) for kind, cost in self.did_change.items()},
            "listing_lines": LISTING_LINES,
            "listing_ms": {kind: asdict(cost) for kind, cost in self.listing.items()},
            "vue_lines": VUE_LINES,
            "vue_ms": {part: asdict(cost) for part, cost in self.vue.items()},
            "one_line_ms": {str(size): asdict(cost) for size, cost in self.one_line.items()},
            "usual_file_ms": {str(size): asdict(cost) for size, cost in self.usual.items()},
        }


def run(lines: int, keys: int) -> Report:
    """Measure `keys` keys in a file of `lines` lines, as many changes in one of 20,000, lists in 5,000."""
    return asyncio.run(_run(lines, keys))


async def _run(lines: int, keys: int) -> Report:
    async with _instant_engine() as url:
        # The client says that it has waited long enough, so pacing adds no wait of its own.
        user = {"endpoint.url": url, "endpoint.kind": "llama", "completion.clientDelayMs": 2000}
        overhead, did_change, listing = {}, {}, {}
        one_line, usual = {}, {}
        async with lsp_session.start(user=user) as session:
            for kind in _LINES:
                overhead[kind] = await _typed(session, kind, lines, keys)
                did_change[kind] = await _changed(session, kind, keys)
                listing[kind] = await _listed(session, kind, keys)
            vue = {
                part: await _keyed(session, part, *halves, keys, "vue")
                for part, halves in (("script", _component(True)), ("template", _component(False)))
            }
            for size in ONE_LINE_CHARS:
                one_line[size] = await _keyed(session, "english-one-line", *_one_line(size), keys)
                usual[size] = await _keyed(session, "english-usual", *_halves("english", size=size), keys)
    return Report(lines, keys, overhead, did_change, listing, vue, one_line, usual)


async def _typed(session: Session, kind: str, lines: int, keys: int) -> Cost:
    """Type in the middle of a file of so many lines and ask after each key."""
    return await _keyed(session, kind, *_halves(kind, lines), keys)


async def _keyed(
    session: Session, name: str, before: str, after: str, keys: int, language: str = "python"
) -> Cost:
    """Type between two texts and ask after each key."""
    uri, start = await _opened(session, name, before, after, language)

    async def key(number: int) -> float:
        at = start + number
        params = session.change(uri, [_key(at, number)])
        started = time.perf_counter()
        session.client.text_document_did_change(params)
        items = await session.complete(uri, at + 1, invoked=False)
        taken_s = time.perf_counter() - started
        n_answered[bool(items)] += 1
        return taken_s

    n_answered = Counter[bool]()
    cost = await _cost(session, key, keys)
    if n_answered[True] < _MIN_ANSWERED * n_answered.total():
        raise EndpointUnavailable(
            f"{n_answered[False]} keys in {uri} had no suggestion: nothing was measured"
        )
    await session.close(uri)
    return cost


async def _changed(session: Session, kind: str, keys: int) -> Cost:
    """Type without asking. A question follows each change, and what a question alone takes is taken off."""
    uri, start = await _opened(session, kind, *_halves(kind, DID_CHANGE_LINES))
    about = {"textDocument": {"uri": uri}}

    async def question(number: int) -> float:
        started = time.perf_counter()
        await session.request(EXPLAIN, about)
        return time.perf_counter() - started

    async def key(number: int) -> float:
        params = session.change(uri, [_key(start + number, number)])
        started = time.perf_counter()
        session.client.text_document_did_change(params)
        await session.request(EXPLAIN, about)
        return time.perf_counter() - started

    alone, both = await _cost(session, question, keys), await _cost(session, key, keys)
    await session.close(uri)
    return Cost(
        *(
            round(max(value - less, 0.0), 2)
            for value, less in ((both.p50, alone.p50), (both.p95, alone.p50), (both.cpu, alone.cpu))
        )
    )


async def _listed(session: Session, kind: str, keys: int) -> Cost:
    """List the code actions of selections all over a file, of one line to many."""
    uri, _ = await _opened(session, kind, *_halves(kind, LISTING_LINES))
    document = session.documents[uri]

    async def selection(number: int) -> float:
        first = 37 * number % (LISTING_LINES - 100)
        span = Span(document.starts[first], document.line_end(first + number % 40))
        started = time.perf_counter()
        await session.actions(uri, span.start, span.end)
        return time.perf_counter() - started

    cost = await _cost(session, selection, keys)
    await session.close(uri)
    return cost


def _key(at: int, number: int) -> Edit:
    return Edit(Span(at, at), _TYPED[number % len(_TYPED)])


async def _cost(session: Session, event: Callable[[int], Awaitable[float]], n: int) -> Cost:
    """Let an event, which returns its seconds, happen `n` times after a warm-up."""
    for number in range(_WARM_UP_KEYS):
        await event(number)
    process = psutil.Process(session.server_process.pid)
    before = process.cpu_times()
    taken = [await event(_WARM_UP_KEYS + number) * 1000 for number in range(n)]
    after = process.cpu_times()
    cpu_s = after.user + after.system - before.user - before.system
    p50, p95 = percentile(taken, 50), percentile(taken, 95)
    assert p50 is not None
    assert p95 is not None
    return Cost(round(p50, 2), round(p95, 2), round(cpu_s * 1000 / n, 2))


async def _opened(
    session: Session, name: str, before: str, after: str, language: str = "python"
) -> tuple[str, int]:
    """Open a file; return its URI and the place between the two texts."""
    uri = f"untitled:{name}-{len(before)}.{'py' if language == 'python' else language}"
    await session.open(uri, language, before + after)
    return uri, len(before)


def _halves(kind: str, lines: int = 0, size: int = 0) -> tuple[str, str]:
    """Write a file of so many lines or characters, cut in its middle."""
    text, start = _LINES[kind]
    line_end = "\r\n" if "\r" in text else "\n"
    half = "".join(text.format(n=n) for n in range(lines // 4 or size // (2 * len(text))))
    return half + start, line_end + half


def _one_line(size: int) -> tuple[str, str]:
    """Write a file of one line, cut in its middle."""
    half = "".join(f"[{n}, 'value {n}'], " for n in range(size // 40))
    return f"rows = [{half}", f" {half}]"


def _component(in_script: bool) -> tuple[str, str]:
    """Write a component of Vue, cut in the middle of its script or of its template."""
    n = (VUE_LINES - 8) // 2

    def script(first: int, last: int) -> str:
        return "".join(
            f"const total{n} = computed(() => items.value.length + {n})\n" for n in range(first, last)
        )

    def template(first: int, last: int) -> str:
        return "".join(
            f'  <li :key="{n}" @click="open(total{n})">{{{{ total{n} }}}}</li>\n' for n in range(first, last)
        )

    head, end = '<script setup lang="ts">\n', "  </ul>\n</template>\n"
    middle = "</script>\n\n<template>\n  <ul>\n"
    if in_script:
        before, after = script(0, n // 2) + "const ", "\n" + script(n // 2, n) + middle + template(0, n)
    else:
        before = script(0, n) + middle + template(0, n // 2) + "  <li>{{ "
        after = " }}</li>\n" + template(n // 2, n)
    return head + before, after + end


@asynccontextmanager
async def _instant_engine() -> AsyncIterator[str]:
    """Run a loopback that speaks as much of llama.cpp's API as one completion needs."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=2**24)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of a connection until its client closes it, as llama.cpp's server does."""
    with suppress(EOFError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            length = next((int(line[15:]) for line in head if line.lower().startswith("content-length:")), 0)
            answer = _answer(json.loads(await reader.readexactly(length)) if length else {})
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()
    writer.close()


def _answer(body: dict[str, Any]) -> bytes:
    """Answer a completion with what it must begin with and `_ANSWER`, all else with what we are."""
    if "prompt" not in body:
        return json.dumps(_PROPERTIES).encode()
    grammar = body.get("grammar", 'root ::= ""').removeprefix("root ::= ")
    forced, _ = json.JSONDecoder().raw_decode(grammar)
    text = {"content": forced + _ANSWER, "stop": False}
    last = {"content": "", "stop": True, "stop_type": "eos"}
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in (text, last))


def _row(label: str, cost: Cost) -> tuple[str, str, str, str]:
    return label, f"{cost.p50:.1f}", f"{cost.p95:.1f}", f"{cost.cpu:.1f}"


def as_text(report: Report) -> str:
    """Return the costs as a table, in milliseconds."""
    rows = [("milliseconds", "p50", "p95", "cpu")]
    for what, costs in (
        (f"key to suggestion, {report.lines:,} lines", report.overhead),
        (f"didChange, {DID_CHANGE_LINES:,} lines", report.did_change),
        (f"code actions listed, {LISTING_LINES:,} lines", report.listing),
    ):
        rows += [_row(f"{what}, {kind}", cost) for kind, cost in costs.items()]
    for part, cost in report.vue.items():
        rows.append(_row(f"key to suggestion, Vue, {VUE_LINES} lines, {part}", cost))
    for size, cost in report.one_line.items():
        rows.append(_row(f"key to suggestion, one line of {size // 1000:,} kB", cost))
        rows.append(_row(f"key to suggestion, usual file of {size // 1000:,} kB", report.usual[size]))
    return "\n".join(f"{label:<48}{p50:>8}{p95:>8}{cpu:>8}" for label, p50, p95, cpu in rows)
