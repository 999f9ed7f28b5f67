"""textDocument/inlineCompletion: the right text in the right column of the right version, or a reason."""

from __future__ import annotations

import asyncio
import contextlib
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcRequestCancelled

from qwen_lsp.text import Edit, Span
from tests.support.editor import Editor, editing, is_error, within
from tests.support.engine_server import Answer, EngineServer, Generation, recorded, says
from tests.support.places import split
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

Kind = types.PositionEncodingKind
CODECS = {Kind.Utf8: ("utf-8", 1), Kind.Utf16: ("utf-16-le", 2), Kind.Utf32: ("utf-32-le", 4)}


def position(before: str, encoding: Kind) -> types.Position:
    """Where the text ends, counted by the specification and Python's codecs alone."""
    lines = re.split(r"\r\n|\n|\r", before)
    codec, unit = CODECS[encoding]
    return types.Position(len(lines) - 1, len(lines[-1].encode(codec)) // unit)


# text with the cursor, what the model writes there, what is inserted
PLACES: dict[str, tuple[str, str, str]] = {
    "ascii": ("def add(a, b):\n    ║\n", "return a + b", "return a + b"),
    "emoji before the cursor": ("face = '😀👩‍💻'; n = ║\n", "len(face)", "len(face)"),
    "emoji written": ("face = ║\n", "'😀'", "'😀'"),
    "Chinese": ("价格 = 总价 / 数量\n单价 = ║\n", "价格 * 2", "价格 * 2"),
    "combining marks": ("cafe\u0301 = 'e\u0301'; n = ║\n", "len('e\u0301')", "len('e\u0301')"),
    "right to left": ("שם = 'א'; n = ║\n", "len(שם)", "len(שם)"),
    "CRLF": (
        "def f(x):\r\n    ║\r\n",
        "if x:\n        return 1\n    return 2",
        "if x:\r\n        return 1\r\n    return 2",
    ),
    "CR only": (
        "def f(x):\r    ║\r",
        "if x:\n        return 1\n    return 2",
        "if x:\r        return 1\r    return 2",
    ),
    "tabs": ("def f(x):\n\tif x:\n\t\t║\n", "return 1", "return 1"),
    "tab in the line": ("a\t=\t1;\tb = ║\n", "2", "2"),
    "an empty file": ("║", "import os", "import os"),
    "the end of a file without a line end": ("a = 1\nb = ║", "2", "2"),
    "blank lines around": ("\n\n\n║\n\n\n", "import os", "import os"),
    "form feed above": ("a = 1\n\f\nb = ║\n", "2", "2"),
    "form feed in the line": ("\fb = ║\n", "2", "2"),
    "U+2028 above": ("a = '\u2028'\nb = ║\n", "2", "2"),
    "NEL and vertical tab": ("a = '\x85\x0b'\nb = ║\n", "2", "2"),
    "a NUL": ("a = '\0'\nb = ║\n", "2", "2"),
    "a BOM": ("\ufeffa = 1\nb = ║\n", "2", "2"),
    "text follows": ("total = sum(║)\n", "prices)", "prices"),
}


@pytest.mark.parametrize("encoding", [Kind.Utf8, Kind.Utf16, Kind.Utf32])
async def test_right_text_right_column(engine: EngineServer, encoding: Kind) -> None:
    async with editing(engine, encodings=[encoding]) as editor:
        for name, (marked, answer, inserted) in PLACES.items():
            engine.answer = says(answer)
            place = await editor.open(marked)
            at = position(split(marked)[0], encoding)
            found = await editor.suggest_at(place.uri, at.line, at.character)
            assert found == (inserted, types.Range(at, at)), f"{name}: {await editor.reason(place.uri)}"


@pytest.mark.parametrize("encoding", [Kind.Utf8, Kind.Utf16, Kind.Utf32])
async def test_incremental_edits_below_strange_lines(engine: EngineServer, encoding: Kind) -> None:
    """Line tables that break at form feeds or U+2028 put every later edit one line off."""
    before = "a = '\u2028'\n\f\nface = '😀'  # 价格\r\nb = '\x85'\r"
    async with editing(engine, encodings=[encoding]) as editor:
        place = await editor.open(f"{before}x = ║\nlast = 1\n")
        at = position(before + "x = ", encoding)
        for number, char in enumerate("len(face) + "):
            editor.change(place.uri, (at.line, at.character + number), (at.line, at.character + number), char)
        emoji = position("a = '\u2028'\n\f\nface = '", encoding)
        width = position("😀", encoding).character
        editor.change(place.uri, (emoji.line, emoji.character), (emoji.line, emoji.character + width), "😀😀")
        editor.change(place.uri, (at.line + 1, 0), (at.line + 2, 0), "")
        engine.answer = says("len(b)")
        column = at.character + len("len(face) + ")
        found = await editor.suggest_at(place.uri, at.line, column)
        where = types.Position(at.line, column)
        assert found == ("len(b)", types.Range(where, where))
        seen = engine.last.prompt + engine.last.forced
        assert seen.endswith("face = '😀😀'  # 价格\nb = '\x85'\nx = len(face) + ")
        assert "last" not in seen


async def test_a_recorded_answer_of_the_real_model(editor: Editor) -> None:
    editor.engine.answer = recorded("return_sum")
    place = await editor.open('def total(prices):\n    """Return the sum of all prices."""\n║')
    suggestion = await editor.suggest(place)
    assert suggestion is not None
    assert suggestion.strip().startswith("return sum(prices)")


async def test_the_end_is_found_in_a_recorded_answer_that_runs_on(editor: Editor) -> None:
    editor.engine.answer = recorded("runs_on", between_s=0.01)
    place = await editor.open("import json\n\n\ndef load(path):\n    with open(path) as file:\n║")
    suggestion = await editor.suggest(place)
    assert suggestion is not None
    assert suggestion.strip() == "return json.load(file)"
    await until(lambda: editor.engine.generations[0].state == "left", "the rest is not waited for")


async def test_an_untitled_document(editor: Editor) -> None:
    editor.engine.answer = says("1")
    place = await editor.open("x = ║\n", uri="untitled:Untitled-1")
    assert await editor.suggest(place) == "1"
    editor.engine.answer = says("2")
    other = await editor.open("y = ║\n", uri="untitled:/folder/Untitled-2")
    assert await editor.suggest(other) == "2"


async def test_a_document_that_is_not_open(editor: Editor) -> None:
    assert await editor.suggest_at("file:///never/opened.py", 0, 0) is None
    place = await editor.open("x = ║\n")
    await editor.session.close(place.uri)
    assert await editor.suggest_at(place.uri, 0, 4) is None
    assert editor.engine.generations == []


@pytest.mark.parametrize(("line", "character"), [(99, 0), (0, 99), (1, 5), (2**31 - 1, 2**31 - 1)])
async def test_a_cursor_past_the_end_is_the_end(editor: Editor, line: int, character: int) -> None:
    editor.engine.answer = says("1")
    place = await editor.open("x = ║")
    found = await editor.suggest_at(place.uri, line, character)
    end = types.Position(0, 4)
    assert found == ("1", types.Range(end, end))


async def test_a_cursor_inside_a_character_is_before_it(editor: Editor) -> None:
    editor.engine.answer = says("1 + ")
    place = await editor.open("f(║'😀')\n")
    for character in (3, 4):  # before it, and between its two halves
        found = await editor.suggest_at(place.uri, 0, character)
        start = types.Position(0, 3)
        assert found is not None
        assert found[1] == types.Range(start, start)


async def test_half_a_character_is_no_error(editor: Editor) -> None:
    """Editors that count in UTF-16 can send one half of a pair, and then the other."""
    editor.engine.answer = says("len(s)")
    place = await editor.open("s = '\ud83d'; n = ║\n")
    assert await editor.suggest_at(place.uri, 0, 12) == (
        "len(s)",
        types.Range(types.Position(0, 12), types.Position(0, 12)),
    )


async def test_a_file_of_20000_lines(editor: Editor) -> None:
    lines = "".join(
        f"def function_{number}(value):\n    return value * {number}\n" for number in range(10_000)
    )
    before, after = lines[: len(lines) // 2 // 2 * 2], lines[len(lines) // 2 // 2 * 2 :]
    cut = before.rindex("\n") + 1
    before, after = before[:cut], before[cut:] + after
    editor.engine.answer = says("x = 1")
    place = await editor.open(f"{before}║\n{after}")
    assert await editor.suggest(place) == "x = 1"
    for char in "y = [":
        place = await editor.type(place, char)
    editor.engine.answer = says("2]")
    assert await editor.suggest(place) == "2]"
    assert len(editor.engine.last.prompt) < 20_000


async def test_a_line_of_10_kb(editor: Editor) -> None:
    editor.engine.answer = says("3, ")
    place = await editor.open("values = [" + "1, 2, " * 1700 + "║" + "1, 2, " * 1700 + "]\n")
    await editor.suggest(place)
    assert 0 < len(editor.engine.last.prompt) < 20_000


async def test_unsaved_text_wins_over_the_disk(engine: EngineServer, tmp_path: Path) -> None:
    path = tmp_path / "src" / "价 格.py"
    path.parent.mkdir()
    path.write_text("on_disk = 1\n", "utf-8")
    async with editing(engine, tmp_path) as editor:
        engine.answer = says("2")
        place = await editor.open("unsaved = ║\n", uri=path.as_uri())
        assert await editor.suggest(place) == "2"
        assert "unsaved" in engine.last.prompt + engine.last.forced
        assert "on_disk" not in engine.last.prompt
        assert "src/价 格.py" in engine.last.prompt, "the model is given the path in the repository"
        assert str(tmp_path) not in engine.last.prompt, "and no more of it"
        path.unlink()
        place = await editor.type(place, "1 + ")
        assert await editor.suggest(place) == "2"


async def test_one_line_when_text_follows(editor: Editor) -> None:
    editor.engine.answer = says("items, key=len)\nprint(1)\nmore = 2\n")
    place = await editor.open("ordered = sorted(║)\n")
    assert await editor.suggest(place) == "items, key=len"


async def test_an_answer_that_repeats_the_suffix_is_dropped_with_a_reason(editor: Editor) -> None:
    editor.engine.answer = says("return total / count")
    place = await editor.open("def mean(total, count):\n    ║\n    return total / count\n")
    assert await editor.suggest(place) is None
    reason, detail = await editor.reason(place.uri)
    assert reason == "filtered"
    assert "repeats" in detail


async def test_nothing_written_has_a_reason(editor: Editor) -> None:
    editor.engine.answer = Answer()
    place = await editor.open("x = 1║\n")
    assert await editor.suggest(place) is None
    reason, detail = await editor.reason(place.uri)
    assert (reason, bool(detail)) == ("filtered", True)


async def test_explain(editor: Editor) -> None:
    place = await editor.open("x = ║\n")
    assert getattr(await editor.why(place.uri), "prompt", "") == "", "nothing was asked yet"
    editor.engine.answer = says("1 + 1")
    assert await editor.suggest(place) == "1 + 1"
    trace = await editor.why(place.uri)
    assert (trace.reason, trace.detail, trace.trigger) == ("", "", "invoked")
    assert trace.prompt == editor.engine.generations[0].prompt
    assert trace.raw.endswith("1 + 1")
    assert trace.timings.total_ms >= trace.timings.first_text_ms > 0
    assert 0 < trace.probability <= 1
    assert getattr(await editor.why("untitled:other"), "prompt", "") == ""


def by_need(answers: dict[str, Answer]) -> Any:
    """Answer by a word in the prompt."""

    def script(generation: Generation) -> Answer:
        text = generation.prompt + generation.forced
        return next((answer for word, answer in answers.items() if word in text), says("other"))

    return script


async def test_the_newest_request_of_a_document_wins(editor: Editor) -> None:
    """Neovim does not cancel what it no longer wants."""
    editor.engine.script = by_need({"bravo": says("2"), "alpha": says("1", first_s=60)})
    place = await editor.open("alpha = ║\n")
    first = asyncio.create_task(editor.suggest(place))
    await until(lambda: editor.engine.running, "the first request arrives")
    await editor.session.edit(place.uri, Edit(Span(0, 5), "bravo"))
    second = asyncio.create_task(editor.suggest(place))
    assert await within(second) == "2"
    assert await within(first) is None
    await until(lambda: editor.engine.generations[0].state == "left", "the first generation is ended")


async def test_every_request_is_answered_when_many_come_at_once(editor: Editor) -> None:
    editor.engine.answer = says("value", first_s=0.02)
    place = await editor.open("x = ║\n")
    tasks = []
    for char in "abcdefghij":
        place = await editor.type(place, char)
        tasks.append(asyncio.create_task(editor.suggest(place, invoked=False)))
    answers = await within(asyncio.gather(*tasks))
    assert set(answers) <= {None, "value"}
    assert answers[-1] == "value", "the newest request wins"
    await until(lambda: not editor.engine.running, "nothing is left running")


async def test_a_change_on_the_way_keeps_the_answer_and_any_other_drops_it(editor: Editor) -> None:
    editor.engine.answer = says("alpha + beta", first_s=0.3, between_s=0.05)
    place = await editor.open("x = ║\n")
    asked = asyncio.create_task(editor.session.complete(place.uri, place.offset))
    await until(lambda: editor.engine.running, "the request arrives")
    await editor.type(place, "al")  # what is being written anyway
    items = await within(asked)
    assert items, "typing what is being written must not lose it"
    for item in items:
        edit = editor.session.accept(place.uri, item, place.offset)
        document = editor.session.documents[place.uri].with_edit(edit, 9)
        assert document.text == "x = alpha + beta\n"

    place = await editor.open("y = ║\n")
    asked = asyncio.create_task(editor.session.complete(place.uri, place.offset))
    await until(lambda: editor.engine.running, "the request arrives")
    await editor.session.edit(place.uri, Edit(Span(0, 1), "something_else"))
    assert not await within(asked), "the text before the cursor is another one now"
    reason, detail = await editor.reason(place.uri)
    assert reason
    assert detail


async def test_a_document_closed_while_the_model_writes(editor: Editor) -> None:
    editor.engine.answer = says("1", first_s=60)
    place = await editor.open("x = ║\n")
    asked = asyncio.create_task(editor.suggest(place))
    await until(lambda: editor.engine.running, "the request arrives")
    uri = place.uri
    editor.session.client.text_document_did_close(
        types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
    )
    with contextlib.suppress(JsonRpcRequestCancelled):  # nobody is left to answer
        assert await within(asked) is None
    await until(lambda: not editor.engine.running, "the generation is ended")


async def test_two_documents_do_not_disturb_each_other_s_text(editor: Editor) -> None:
    editor.engine.script = by_need({"alpha": says("1"), "bravo": says("2")})
    first = await editor.open("alpha = ║\n")
    second = await editor.open("bravo = ║\n")
    assert await editor.suggest(first) == "1"
    assert await editor.suggest(second) == "2"
    assert await editor.suggest(first) == "1"


async def test_automatic_requests_are_answered_too(editor: Editor) -> None:
    editor.engine.answer = says("return a + b")
    place = await editor.open("def add(a, b):\n    ║\n")
    assert await editor.suggest(place, invoked=False) == "return a + b"
    assert (await editor.why(place.uri)).trigger == "automatic"


async def test_typing_through_a_suggestion_keeps_it(editor: Editor) -> None:
    editor.engine.answer = says("return a + b")
    place = await editor.open("def add(a, b):\n    ║\n")
    for typed in range(len("return")):
        assert await editor.suggest(place) == "return a + b"[typed:]
        place = await editor.type(place, "return a + b"[typed])


@pytest.mark.parametrize("wants", [True, False])
async def test_text_streams_only_to_clients_that_ask_for_it(engine: EngineServer, wants: bool) -> None:
    options = {"client": {"streamCompletion": True}} if wants else {}
    async with editing(engine, options=options) as editor:
        partial: list[str] = []
        editor.session.on_partial = partial.append
        engine.answer = says("return first + second", between_s=0.02)
        place = await editor.open("def add(first, second):\n    ║\n")
        suggestion = await editor.suggest(place)
        assert suggestion == "return first + second"
        if not wants:
            assert partial == []
            return
        assert len(partial) >= 3
        assert partial[-1] == suggestion
        assert all(late.startswith(early) for early, late in pairwise(partial))


@pytest.mark.parametrize("invoked", [True, False])
async def test_the_first_whole_line_comes_at_once(engine: EngineServer, invoked: bool) -> None:
    """To clients that stream: the line is the answer, the rest follows and is then in memory."""
    whole = "if x:\n        return 1\n    return 2"
    async with editing(engine, options={"client": {"streamCompletion": True}}) as editor:
        partial: list[str] = []
        editor.session.on_partial = partial.append
        engine.answer = says(whole, between_s=0.1)
        place = await editor.open("def f(x):\n    ║\n")
        assert await editor.suggest(place, invoked=invoked) == "if x:"
        assert engine.running, "the model is still at work on the rest"
        assert (await editor.why(place.uri)).isPartial
        await until(lambda: not engine.running, "the rest is written")
        await until(lambda: whole in partial, "the rest is streamed")
        assert await editor.suggest(place, invoked=invoked) == whole
        assert (await editor.why(place.uri)).source == "cache"
        assert len(engine.generations) == 1


async def test_typing_that_a_slow_model_does_not_follow_is_asked_again(editor: Editor) -> None:
    editor.engine.answer = says("alpha", first_s=0.5)
    place = await editor.open("x = ║\n")
    first = asyncio.create_task(editor.suggest(place, invoked=False))
    await until(lambda: editor.engine.running, "the model is at work")
    place = await editor.type(place, "b")
    editor.engine.answer = says("eta")
    assert await editor.suggest(place) == "eta"
    await within(first)


async def test_an_openai_endpoint(engine: EngineServer) -> None:
    engine.kind = "openai"
    async with editing(engine) as editor:
        engine.answer = says("    return a + b")
        place = await editor.open("def add(a, b):\n    ║\n")
        suggestion = await editor.suggest(place)
        assert suggestion is not None, await editor.reason(place.uri)
        assert suggestion.strip() == "return a + b"
        assert engine.last.path == "/v1/completions"
        assert engine.last.body["model"] == "scripted-0.5b"


@pytest.mark.parametrize(
    ("marked", "written", "expected"),
    [
        ("def add(a, b):\n    ║\n", "return a + b", "return a + b"),  # no indentation
        ("def add(a, b):\n    ║\n", "\treturn a + b", "return a + b"),  # another one
        ("def add(a, b):\n    ║\n", "\nreturn a + b", None),
    ],
)
async def test_an_endpoint_that_cannot_be_forced(
    engine: EngineServer, marked: str, written: str, expected: str | None
) -> None:
    """White space that is typed already may come back in another form; anything else is a mismatch."""
    engine.kind = "openai"
    engine.answer = says(written)
    async with editing(engine, locale="zh") as editor:
        place = await editor.open(marked)
        assert await editor.suggest(place) == expected
        if expected is None:
            assert (await editor.reason(place.uri))[0] == "filtered"
            trace = await editor.why(place.uri)
            assert trace.rule == "prefix_mismatch"
            assert "模型没有接着" in trace.summary


async def test_a_focus_without_a_model_is_no_error(engine: EngineServer) -> None:
    async with editing(
        engine, user={"endpoint.url": None}, options={"model": {"name": "no-such-model"}}
    ) as editor:
        place = await editor.open("x = ║\n")
        for _ in range(3):
            params = {"textDocument": {"uri": place.uri}, "position": {"line": 0, "character": 4}}
            editor.session.client.protocol.notify("qwenLsp/didFocus", params)
        assert await editor.suggest(place) is None
        assert not [line for line in editor.session.stderr if is_error(line)]


async def test_a_security_hole_is_shown_only_when_asked_for(editor: Editor) -> None:
    editor.engine.answer = says("subprocess.run(f'rm {path}', shell=True)")
    place = await editor.open("import subprocess\n\n\ndef remove(path):\n    ║\n")
    assert await editor.suggest(place, invoked=False) is None
    trace = await editor.why(place.uri)
    assert (trace.reason, trace.rule) == ("filtered", "security")
    assert "command-injection" in trace.detail
    assert await editor.suggest(place) == "subprocess.run(f'rm {path}', shell=True)"


async def test_completion_can_be_switched_off(engine: EngineServer) -> None:
    async with editing(engine, options={"completion": {"enabled": False}}) as editor:
        place = await editor.open("x = ║\n")
        assert await editor.suggest(place) is None
        assert (await editor.reason(place.uri))[0] == "off"
        assert engine.generations == []


async def test_version_and_place_come_from_the_moment_of_asking(editor: Editor) -> None:
    editor.engine.answer = says("1", first_s=0.3)
    place = await editor.open("x = ║\n")
    asked = asyncio.create_task(editor.session.complete(place.uri, place.offset))
    await until(lambda: editor.engine.running, "the request arrives")
    assert editor.engine.last.prompt.endswith("x =")
    await editor.session.edit(place.uri, Edit(Span(6, 6), "y = 2\n"))  # below the cursor
    assert not await within(asked), "the text after the cursor is another one now"
    assert (await editor.reason(place.uri))[0] == "superseded"


async def ask_beside_a_list(editor: Editor, marked: str, typed: str, item: str) -> Any:
    """Ask with an item selected in the list of completions that would replace what is `typed`."""
    place = await editor.open(marked)
    at = position(split(marked)[0], Kind.Utf16)
    where = types.Range(types.Position(at.line, at.character - len(typed)), at)
    params = types.InlineCompletionParams(
        types.InlineCompletionContext(
            types.InlineCompletionTriggerKind.Automatic, types.SelectedCompletionInfo(where, item)
        ),
        types.TextDocumentIdentifier(place.uri),
        at,
    )
    answer = await within(editor.session.request(types.TEXT_DOCUMENT_INLINE_COMPLETION, params))
    return [(found.insert_text, found.range) for found in answer.items], where


async def test_a_suggestion_goes_on_from_the_item_selected_in_the_list(editor: Editor) -> None:
    editor.engine.answer = says("(items)")
    marked = "import json\n\ntext = json.du║\n"
    found, where = await ask_beside_a_list(editor, marked, "du", "dumps")
    assert found == [("dumps(items)", where)]
    seen = editor.engine.last.prompt + editor.engine.last.forced
    assert seen.endswith("text = json.dumps")


async def test_nothing_goes_on_from_an_item_that_would_stand_elsewhere(editor: Editor) -> None:
    """The reverse case: what does not continue the item is no suggestion, and neither is the item alone."""
    editor.engine.answer = says("(items)")
    place = await editor.open("first = 1\nsecond = ║\n")
    elsewhere = types.Range(types.Position(0, 0), types.Position(0, 5))
    at = position("first = 1\nsecond = ", Kind.Utf16)
    context = types.InlineCompletionContext(
        types.InlineCompletionTriggerKind.Automatic, types.SelectedCompletionInfo(elsewhere, "third")
    )
    params = types.InlineCompletionParams(context, types.TextDocumentIdentifier(place.uri), at)
    answer = await within(editor.session.request(types.TEXT_DOCUMENT_INLINE_COMPLETION, params))
    assert not answer.items
    editor.engine.answer = says("")
    found, _ = await ask_beside_a_list(editor, "text = json.du║\n", "du", "dumps")
    assert found == []
