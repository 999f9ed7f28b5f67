"""The boundary to whoever writes to the server: what is no message neither ends it nor makes it deaf."""

from __future__ import annotations

import io
import json
from typing import Any

import psutil
import pytest

from qwen_lsp.lsp.wire import Messages
from tests.support.editor import frames, within
from tests.support.raw import RawClient

INITIALIZE: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
EXPLAIN = {"textDocument": {"uri": "untitled:a"}}


def framed(body: bytes, length: int | str | None = None) -> bytes:
    return f"Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


GOOD = [b'{"a": 1}', b'{"b": 2}']
# What a legitimate client may write.
LEGITIMATE: dict[str, bytes] = {
    "as everybody": b"Content-Length: %d\r\n\r\n",
    "lower case": b"content-length: %d\r\n\r\n",
    "upper case": b"CONTENT-LENGTH: %d\r\n\r\n",
    "no space": b"Content-Length:%d\r\n\r\n",
    "spaces": b"Content-Length:  %d \r\n\r\n",
    "a space before the colon": b"Content-Length : %d\r\n\r\n",
    "a tab": b"Content-Length:\t%d\r\n\r\n",
    "only line feeds": b"Content-Length: %d\n\n",
    "a type after it": b"Content-Length: %d\r\nContent-Type: application/vscode; charset=utf-8\r\n\r\n",
    "a type before it": b"Content-Type: application/vscode; charset=utf8\r\nContent-Length: %d\r\n\r\n",
    "headers of its own": b"X-Trace: a:b=c\r\nContent-Length: %d\r\nX-Empty:\r\n\r\n",
    "zeros": b"Content-Length: 0000%d\r\n\r\n",
}
# What stands before two good messages.
GARBAGE: dict[str, bytes] = {
    "a line": b"hello\r\n",
    "no line end": b"hello",
    "empty lines": b"\r\n\r\n\r\n",
    "a negative length": framed(b'{"x": 1}', -8),
    "a length in words": framed(b'{"x": 1}', "eight"),
    "a length in hexadecimal": framed(b'{"x": 1}', "0x8"),
    "a length with a point": framed(b'{"x": 1}', "8.0"),
    "an absurd length": framed(b'{"x": 1}', 10**15),
    "a length of a thousand digits": framed(b'{"x": 1}', "9" * 1000),
    "no length": b"\r\n\r\n" + b'{"x": 1}',
    "another header alone": b"Content-Type: text/plain\r\n\r\n" + b'{"x": 1}',
    "a length twice, the second right": b"Content-Length: 5000\r\n",
    "zero bytes": b"\0" * 1000,
    "all bytes": bytes(range(256)) * 40,
    "a long line": b"x" * 1_000_000,
    "many lines": b"line\n" * 100_000,
    "a header that never ends": b"Content-Length: 8\r\n" + b"X-A: b\r\n" * 10_000,
    "a request of a browser": b"POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\n\r\n",
    "UTF-16": "Content-Length: 8\r\n\r\n".encode("utf-16"),
    "a mark of the byte order": b"\xef\xbb\xbf",
    "the end of a message": b'": 1}}',
}


@pytest.mark.parametrize("header", LEGITIMATE)
def test_headers_are_read_as_the_base_protocol_says(header: str) -> None:
    stream = b"".join(LEGITIMATE[header] % len(body) + body for body in GOOD)
    messages = Messages(io.BytesIO(stream))
    assert [messages.next(), messages.next(), messages.next()] == [*GOOD, None]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("step", [1, 7, 65_536])
def test_after_garbage_it_finds_the_next_message(
    garbage: str, step: int, caplog: pytest.LogCaptureFixture
) -> None:
    if step == 1 and len(GARBAGE[garbage]) > 20_000:
        step = 4_001

    class Slow(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return super().read1(step)

    messages = Messages(Slow(GARBAGE[garbage] + framed(GOOD[0]) + framed(GOOD[1])))
    assert [messages.next(), messages.next(), messages.next()] == [*GOOD, None]
    assert len(caplog.records) <= 3, "one line says what was skipped, not one for each byte"


def test_a_message_that_swallowed_the_next_gives_it_back() -> None:
    stream = framed(b'{"a": ', 6 + len(framed(GOOD[0])) + 3) + framed(GOOD[0]) + framed(GOOD[1])
    messages = Messages(io.BytesIO(stream))
    wrong = messages.next()
    assert wrong is not None
    messages.resume(wrong)
    assert [messages.next(), messages.next()] == GOOD


def test_a_body_is_held_as_far_as_it_has_come() -> None:
    """An announced length costs nothing; one beyond the limit is not even waited for."""

    class Announced(io.BytesIO):
        asked = 0

        def read1(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            self.asked = max(self.asked, size)
            return super().read1(size)

    stream = Announced(framed(b"x" * 100, 60_000_000))
    assert Messages(stream).next() is None
    assert stream.asked <= 1 << 16
    assert Messages(io.BytesIO(framed(b"x" * 101) + framed(GOOD[0])), max_body_bytes=100).next() == GOOD[0]


async def test_a_server_under_fire_still_answers() -> None:
    """The real process: garbage of every kind, bodies that are no JSON, and between them its answers."""
    async with RawClient.started() as client:
        client.send(GARBAGE["a line"])
        await client.request("initialize", INITIALIZE)
        memory = psutil.Process(client.process.pid).memory_info().rss
        bodies = [
            b"",
            b"{",
            b"\xff\xfe\xfd",
            b"[" * 100_000,
            b"9" * 10_000,
            b"nul",
            b'"\xed\xa0\x80"',
            b"[]",
            b"1",
        ]
        for sent in [*GARBAGE.values(), *map(framed, bodies), framed(b"", 2_000_000_000)]:
            client.send(sent)
            assert (await client.answer("qwenLsp/explain", EXPLAIN))["result"] is None
        assert psutil.Process(client.process.pid).memory_info().rss < memory + (64 << 20)
        await client.goodbye()
    assert not [line for line in client.stderr if "Traceback" in line]


DEEP: Any = "x"
for _ in range(150):
    DEEP = [DEEP]
# What has an id and is no request, with the code of its error.
WRONG: list[tuple[dict[str, Any], int]] = [
    ({"method": "textDocument/didOpen", "params": {}}, -32600),
    ({"method": "textDocument/didOpen", "params": {"textDocument": {}}}, -32600),
    ({"method": "textDocument/didChange"}, -32600),
    ({"method": "initialized", "params": {}}, -32600),
    ({"method": "exit"}, -32600),
    ({"method": "$/cancelRequest", "params": {"id": 1}}, -32600),
    ({"method": "$/setTrace", "params": {"value": "off"}}, -32600),
    ({"method": "workspace/didChangeConfiguration", "params": {"settings": {}}}, -32600),
    ({"method": "initialize", "params": INITIALIZE}, -32600),
    ({"method": "no/such", "params": {}}, -32601),
    ({"method": "$/no/such"}, -32601),
    ({"method": "textDocument/inlineCompletion"}, -32602),
    ({"method": "textDocument/inlineCompletion", "params": []}, -32602),
    ({"method": "textDocument/codeAction", "params": {"range": 5}}, -32602),
    ({"method": "codeAction/resolve", "params": {"title": "t", "data": DEEP}}, -32600),
    ({"method": 5}, -32600),
    ({"method": None}, -32600),
    ({}, -32600),
    ({"params": {}}, -32600),
    ({"jsonrpc": "1.0", "method": "shutdown"}, -32600),
    ({"jsonrpc": None, "method": "shutdown"}, -32600),
]


async def test_every_message_with_an_id_is_answered_exactly_once() -> None:
    async with RawClient.started() as client:
        early = await client.answer("textDocument/codeAction", {})
        assert early["error"]["code"] == -32002
        await client.request("initialize", INITIALIZE)
        numbers = {1000 + number: code for number, (_, code) in enumerate(WRONG)}
        for number, (message, _) in zip(numbers, WRONG, strict=True):
            client.message({"id": number, **message})
        odd: list[Any] = [None, 1.5, True, [], {}]
        for id_ in odd:
            client.message({"id": id_, "method": "shutdown"})
        await client.request("shutdown", None)
        late = await client.answer("qwenLsp/explain", EXPLAIN)
        assert late["error"]["code"] == -32600
        client.notify("exit", None)
        assert await within(client.process.wait()) == 0
    answers = [json.loads(body) for body in frames(bytes(client.stdout))]
    ids = [answer.get("id") for answer in answers if "method" not in answer]
    assert ids.count(None) == 5
    codes = {answer["id"]: answer["error"]["code"] for answer in answers if answer.get("id") in numbers}
    assert codes == numbers
    assert all(ids.count(number) == 1 for number in numbers)
