"""$/cancelRequest: the client is answered, the engine is left alone, and its slot is free soon after."""

from __future__ import annotations

import asyncio
import contextlib
import time
from statistics import median
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcRequestCancelled

from qwen_lsp.text import Edit, Span
from tests.support.editor import Editor, Place, within
from tests.support.engine_server import Answer, says
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = says("value = value + 1", between_s=60)
TRIES = 20
GRACE_S = 0.2


async def asked(editor: Editor, place: Place) -> asyncio.Task[object]:
    """Ask, and return when the model has begun to write."""
    n_before = len(editor.engine.generations)
    task: asyncio.Task[object] = asyncio.create_task(editor.session.complete(place.uri, place.offset))
    await until(
        lambda: len(editor.engine.generations) > n_before and editor.engine.last.sent, "the model writes"
    )
    return task


async def cancel(task: asyncio.Task[object]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_the_client_is_told(editor: Editor) -> None:
    editor.engine.answer = SLOW
    place = await editor.open("x = ║\n")
    client = editor.session.client
    position = types.Position(0, 4)
    params = types.InlineCompletionParams(
        types.InlineCompletionContext(types.InlineCompletionTriggerKind.Invoked),
        types.TextDocumentIdentifier(place.uri),
        position,
    )
    future = client.protocol.send_request(types.TEXT_DOCUMENT_INLINE_COMPLETION, params, msg_id="mine")
    await until(lambda: editor.engine.running, "the request arrives")
    client.cancel_request(types.CancelParams("mine"))
    answered = asyncio.gather(within(asyncio.wrap_future(future)), return_exceptions=True)
    answer: Any = (await answered)[0]
    if isinstance(answer, JsonRpcRequestCancelled):
        assert answer.code == -32800
    else:
        assert not answer.items
    assert (await editor.reason(place.uri))[0] == "cancelled"


async def test_the_slot_is_free_soon_after_the_grace(editor: Editor) -> None:
    """The median of 20 tries without a newer request, measured in round trips of this machine."""
    editor.engine.answer = SLOW
    taken: list[float] = []
    trips: list[float] = []
    for number in range(TRIES):
        place = await editor.open(f"value_{number} = ║\n")
        task = await asked(editor, place)
        started = time.monotonic()
        await cancel(task)
        await until(lambda: not editor.engine.running, "the slot is free")
        assert editor.engine.last.state == "left"
        taken.append(time.monotonic() - started)
        started = time.monotonic()
        await editor.why(place.uri)
        trips.append(time.monotonic() - started)
    print("seconds from cancel to a free slot:", *(f"{seconds:.3f}" for seconds in taken))
    assert median(taken) < GRACE_S + 50 * median(trips)


async def test_a_request_cancelled_before_the_model_answers(editor: Editor) -> None:
    editor.engine.answer = Answer(first_s=60)
    place = await editor.open("x = ║\n")
    task = asyncio.create_task(editor.session.complete(place.uri, place.offset))
    await until(lambda: editor.engine.running, "the request arrives")
    task.cancel()
    await until(lambda: not editor.engine.running, "the slot is free")
    assert editor.engine.last.state == "left"


async def test_the_next_request_is_answered_at_once(editor: Editor) -> None:
    editor.engine.answer = SLOW
    place = await editor.open("x = ║\n")
    await cancel(await asked(editor, place))
    await editor.session.edit(place.uri, Edit(Span(0, 1), "other"))
    editor.engine.answer = says("1")
    assert await editor.suggest(Place(place.uri, place.offset + 4)) == "1", "the slow one was not waited for"
    await until(lambda: not editor.engine.running, "nothing is left running")


async def test_cancelling_what_is_over_or_never_was(editor: Editor) -> None:
    editor.engine.answer = says("1")
    place = await editor.open("x = ║\n")
    assert await editor.suggest(place) == "1"
    for number in ("session-1", "no such request", 7):
        editor.session.client.cancel_request(types.CancelParams(number))
    place = await editor.open("y = ║\n")
    assert await editor.suggest(place) == "1"


async def test_many_requests_cancelled_one_after_another(editor: Editor) -> None:
    """What a fast typist does in an editor that cancels."""
    editor.engine.answer = says("value", first_s=0.05, between_s=0.05)
    place = await editor.open("x = ║\n")
    for char in "abcdefghijkl":
        place = await editor.type(place, char)
        task = asyncio.create_task(editor.session.complete(place.uri, place.offset, invoked=False))
        await asyncio.sleep(0)
        await cancel(task)
    await until(lambda: not editor.engine.running, "nothing is left running")
    editor.engine.answer = says(" + 1")
    place = await editor.type(place, "z")
    assert await editor.suggest(place) is not None, await editor.reason(place.uri)
