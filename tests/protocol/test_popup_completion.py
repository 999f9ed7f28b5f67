"""textDocument/completion: one item for clients without inline completion, and nothing for all others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcMethodNotFound

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.text import Edit
from tests.support.editor import Editor, Place, editing, within
from tests.support.engine_server import Answer, EngineServer, says
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

Kind = types.PositionEncodingKind


def old_client(encoding: Kind = Kind.Utf16) -> types.ClientCapabilities:
    """Return the capabilities of an editor that has a popup menu only."""
    capabilities = lsp_session.capabilities((encoding,))
    capabilities.text_document = types.TextDocumentClientCapabilities(
        completion=types.CompletionClientCapabilities()
    )
    assert capabilities.workspace is not None
    capabilities.workspace.execute_command = types.ExecuteCommandClientCapabilities()
    return capabilities


@asynccontextmanager
async def popping_up(
    engine: EngineServer, options: Mapping[str, Any] | None = None, encoding: Kind = Kind.Utf16
) -> AsyncIterator[Editor]:
    async with editing(engine, options=options, client=old_client(encoding)) as editor:
        yield editor


def provider(editor: Editor) -> types.CompletionOptions | None:
    assert editor.session.result is not None
    return editor.session.result.capabilities.completion_provider


async def ask(
    editor: Editor,
    place: Place,
    position: types.Position,
    kind: types.CompletionTriggerKind = types.CompletionTriggerKind.Invoked,
) -> types.CompletionList:
    params = types.CompletionParams(
        types.TextDocumentIdentifier(place.uri), position, types.CompletionContext(kind)
    )
    result = await within(editor.session.request(types.TEXT_DOCUMENT_COMPLETION, params))
    assert isinstance(result, types.CompletionList)
    return result


async def item_at(editor: Editor, marked: str) -> types.CompletionItem:
    """Open a text whose last line has the cursor, and return the one item there."""
    place = await editor.open(marked)
    before = marked.split("║")[0].split("\n")
    (item,) = (await ask(editor, place, types.Position(len(before) - 1, len(before[-1])))).items
    return item


def edit_of(item: types.CompletionItem) -> types.TextEdit:
    assert isinstance(item.text_edit, types.TextEdit)
    return item.text_edit


async def test_offered_to_clients_without_inline_completion(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        offered = provider(editor)
        assert offered is not None
        assert "." in (offered.trigger_characters or ())
        assert not offered.resolve_provider


async def test_offered_to_clients_that_say_nothing(engine: EngineServer) -> None:
    async with editing(engine, client=types.ClientCapabilities()) as editor:
        assert provider(editor) is not None


async def test_never_offered_beside_inline_completion(engine: EngineServer) -> None:
    async with editing(engine) as editor:
        assert provider(editor) is None
        place = await editor.open("x = ║\n")
        editor.may_log_errors = True  # the framework's word for what is not offered
        with pytest.raises(JsonRpcMethodNotFound):
            await ask(editor, place, types.Position(0, 4))


async def test_the_setting_switches_it_off(engine: EngineServer) -> None:
    async with popping_up(engine, {"completion": {"popup": "off"}}) as editor:
        assert provider(editor) is None


async def test_the_setting_switches_it_off_later_too(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        engine.answer = says("1")
        place = await editor.open("x = ║\n")
        assert (await ask(editor, place, types.Position(0, 4))).items
        editor.session.settings = {"completion": {"popup": "off"}}
        editor.session.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))

        async def is_silent() -> bool:
            return not (await ask(editor, place, types.Position(0, 4))).items

        for _ in range(500):
            if await is_silent():
                return
        pytest.fail("it goes on")


async def test_silent_once_the_client_asks_inline_all_the_same(engine: EngineServer) -> None:
    """A plugin may draw ghost text in an editor whose own client knows nothing of it."""
    async with popping_up(engine) as editor:
        engine.answer = says("1")
        place = await editor.open("x = ║\n")
        assert (await ask(editor, place, types.Position(0, 4))).items
        assert await editor.suggest(place) == "1"
        assert not (await ask(editor, place, types.Position(0, 4))).items


async def test_one_line_after_a_word(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        engine.answer = says('nt("hello")')
        item = await item_at(editor, "def f():\n    pri║\n")
        assert item.label == 'print("hello")'
        assert item.detail == "qwen-lsp"
        assert item.kind == types.CompletionItemKind.Text
        assert item.insert_text_format == types.InsertTextFormat.PlainText
        assert edit_of(item) == types.TextEdit(
            types.Range(types.Position(1, 4), types.Position(1, 7)), 'print("hello")'
        )
        assert item.filter_text is not None
        assert item.filter_text.startswith("pri"), "clients compare it with the text in the range"
        assert item.documentation is None


async def test_after_a_dot_there_is_no_word_yet(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        engine.answer = says("append(1)")
        item = await item_at(editor, "items.║\n")
        here = types.Position(0, 6)
        assert edit_of(item) == types.TextEdit(types.Range(here, here), "append(1)")
        assert item.filter_text == "append(1)"


async def test_it_never_pushes_itself_forward(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        engine.answer = says("append(1)")
        place = await editor.open("items.║\n")
        answer = await ask(editor, place, types.Position(0, 6))
        assert answer.is_incomplete, "the next key may bring another suggestion"
        (item,) = answer.items
        assert item.preselect is False
        assert item.sort_text is not None
        assert item.sort_text > "zzzz"


async def test_several_lines(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        engine.answer = says("if a:\n        return b\n    return a")
        item = await item_at(editor, "def add(a, b):\n    ║\n")
        assert item.label == "if a:…"
        assert item.kind == types.CompletionItemKind.Snippet
        assert edit_of(item).new_text == "if a:\n        return b\n    return a"
        assert item.documentation == edit_of(item).new_text, (
            "the menu shows one line, so the rest is beside it"
        )
        assert item.filter_text == "if a:"
        assert item.insert_text_mode == types.InsertTextMode.AsIs, "it is indented already"


async def test_a_long_line_is_cut_in_the_label_alone(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        text = " + ".join(f"value_{n}" for n in range(12))
        engine.answer = Answer(says(text).chunks, logprob=-0.001)  # sure to its end
        item = await item_at(editor, "x = ║\n")
        assert len(item.label) <= 60
        assert item.label.endswith("…")
        assert text.startswith(item.label[:-1].rstrip())
        assert edit_of(item).new_text == text
        assert item.documentation == text


@pytest.mark.parametrize("encoding", [Kind.Utf8, Kind.Utf16, Kind.Utf32])
async def test_the_range_counts_as_agreed(engine: EngineServer, encoding: Kind) -> None:
    width = {Kind.Utf8: 4, Kind.Utf16: 2, Kind.Utf32: 1}[encoding]
    wide = {Kind.Utf8: 3, Kind.Utf16: 1, Kind.Utf32: 1}[encoding]
    async with popping_up(engine, encoding=encoding) as editor:
        engine.answer = says("数量")
        place = await editor.open("s = '😀'; x = 总║\n")
        start = 5 + width + 3 + 4
        (item,) = (await ask(editor, place, types.Position(0, start + wide))).items
        range_ = types.Range(types.Position(0, start), types.Position(0, start + wide))
        assert edit_of(item) == types.TextEdit(range_, "总数量")


async def test_line_ends_of_the_document(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        engine.answer = says("if a:\n        return b")
        item = await item_at(editor, "def add(a, b):\r\n    ║\r\n")
        assert edit_of(item).new_text == "if a:\r\n        return b"
        assert item.label == "if a:…"


async def test_accepting_makes_the_right_text(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        engine.answer = says("urn a + b")
        place = await editor.open("def add(a, b):\n    ret║\n")
        (item,) = (await ask(editor, place, types.Position(1, 7))).items
        edit = edit_of(item)
        inline = types.InlineCompletionItem(insert_text=edit.new_text, range=edit.range)
        change: Edit = editor.session.accept(place.uri, inline, place.offset)
        after = await editor.session.edit(place.uri, change)
        assert after.text == "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize("kind", list(types.CompletionTriggerKind))
async def test_every_request_counts_as_automatic(
    engine: EngineServer, kind: types.CompletionTriggerKind
) -> None:
    """Clients say `Invoked` also while a word is typed, so what the model is not sure of is not shown."""
    async with popping_up(engine) as editor:
        engine.answer = Answer(says("total").chunks, logprob=-1.5)
        place = await editor.open("x = ║\n")
        assert not (await ask(editor, place, types.Position(0, 4), kind)).items
        why = await editor.why(place.uri)
        assert (why.trigger, why.outcome) == ("automatic", "unsure")


async def test_only_one_item(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        engine.answer = says("total")
        place = await editor.open("x = ║\n")
        for _ in range(3):
            assert len((await ask(editor, place, types.Position(0, 4))).items) == 1


async def test_the_acceptance_is_told(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        engine.answer = says("append(1)")
        item = await item_at(editor, "items.║\n")
        assert item.command is not None
        assert item.command.command == "qwenLsp.didAccept"


async def test_a_document_that_is_not_open(engine: EngineServer) -> None:
    async with popping_up(engine) as editor:
        assert not (await ask(editor, Place("file:///nowhere.py", 0), types.Position(0, 0))).items


async def test_a_failure_is_an_empty_list(engine: EngineServer) -> None:
    async with popping_up(engine, {"completion": {"timeoutMs": 300}}) as editor:
        engine.answer = says("1", first_s=60)
        place = await editor.open("x = ║\n")
        assert not (await ask(editor, place, types.Position(0, 4))).items
        await until(lambda: not engine.running, "the generation is ended")


async def test_the_setting_may_change_in_a_session(engine: EngineServer) -> None:
    """A client that can register methods later is sent them, both ways; the request works once offered."""
    client = old_client()
    assert client.text_document is not None
    assert client.text_document.completion is not None
    client.text_document.completion.dynamic_registration = True
    engine.answer = says("total")
    async with editing(engine, settings={"completion": {"popup": "off"}}, client=client) as editor:
        session = editor.session

        def is_offered() -> bool:
            return "qwen-lsp-popup" in session.registered

        def is_taken_back() -> bool:
            return not is_offered()

        assert provider(editor) is None
        await until(lambda: session.registered, "the server wants to hear of settings")
        for popup in ("auto", "off", "auto"):
            session.settings = {"completion": {"popup": popup}}
            session.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))
            await until(is_offered if popup == "auto" else is_taken_back, f"registered for {popup}")
        registration = session.registered["qwen-lsp-popup"]
        assert registration.method == types.TEXT_DOCUMENT_COMPLETION
        assert edit_of(await item_at(editor, "x = ║")).new_text == "total"
