"""Code actions in a real session: listed at once, resolved with the model, streamed, refused, cancelled."""

from __future__ import annotations

import ast
import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.editor import ServerError
from qwen_lsp.index.reader import Index
from qwen_lsp.lsp import convert
from qwen_lsp.text import Edit, Span
from tests.support.editor import Editor, editing, within
from tests.support.engine_server import EngineServer, Generation, endless, running, says
from tests.support.isolation import isolate_user
from tests.support.places import REPOSITORY
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = """def total(prices):
    # 价格 😀：合计
    t = 0
    for price in prices:
        t = t + price
    return t


x = 1
"""
SUM = "def total(prices):\n    # 价格 😀：合计\n    return sum(prices)\n```"
WHOLE = types.Range(types.Position(0, 0), types.Position(5, 12))
ALL = {"streamActions": True, "applyActions": True, "renderMarkdown": True}


def able(*, resolves: bool = True, changes: bool = True, shows: bool = False) -> types.ClientCapabilities:
    """Return the capabilities of an editor with code actions."""
    capabilities = lsp_session.capabilities([types.PositionEncodingKind.Utf16])
    resolve = types.ClientCodeActionResolveOptions(["edit"]) if resolves else None
    assert capabilities.text_document is not None
    capabilities.text_document.code_action = types.CodeActionClientCapabilities(
        data_support=True,
        resolve_support=resolve,
        tag_support=types.CodeActionTagOptions([types.CodeActionTag.LlmGenerated]),
    )
    assert capabilities.workspace is not None
    capabilities.workspace.apply_edit = True
    capabilities.workspace.workspace_edit = types.WorkspaceEditClientCapabilities(
        document_changes=changes,
        resource_operations=[types.ResourceOperationKind.Create],
        change_annotation_support=types.ChangeAnnotationsSupportOptions(),
    )
    if shows:
        assert capabilities.window is not None
        capabilities.window.show_document = types.ShowDocumentClientCapabilities(support=True)
    return capabilities


@asynccontextmanager
async def acting(
    engine: EngineServer,
    root: Path | None = None,
    *,
    ours: bool = True,
    client: types.ClientCapabilities | None = None,
    options: dict[str, Any] | None = None,
    locale: str | None = None,
) -> AsyncIterator[Editor]:
    values = {"client": ALL if ours else {}, **(options or {})}
    async with editing(engine, root, options=values, client=client or able(), locale=locale) as editor:
        yield editor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session_of_ours(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Editor]:
    with pytest.MonkeyPatch.context() as patch:
        isolate_user(patch, tmp_path_factory.mktemp("home"))
        async with running() as server, acting(server) as editor:
            yield editor


@pytest_asyncio.fixture(loop_scope="module")
async def editor(session_of_ours: Editor) -> AsyncIterator[Editor]:
    """A session of a client of ours, which the tests of this module share."""
    editor = session_of_ours
    editor.session.on_stream = None
    editor.session.progress.clear()
    editor.engine.answer = says("pass")
    await until(lambda: not editor.engine.running, "the test before left nothing running")
    editor.engine.generations.clear()
    yield editor
    editor.show_stderr()
    assert editor.take_messages() == []


async def listed(
    editor: Editor,
    uri: str,
    range_: types.Range = WHOLE,
    *,
    only: list[str] | None = None,
    diagnostics: list[types.Diagnostic] | None = None,
) -> list[types.CodeAction]:
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(uri),
        range_,
        types.CodeActionContext(diagnostics or [], list(only) if only else None),
    )
    found = await within(editor.session.request(types.TEXT_DOCUMENT_CODE_ACTION, params))
    return [_whole(entry) for entry in found]


def _whole(entry: Any) -> types.CodeAction:
    """Undo what the framework's client does to an action that carries a command: it takes it for one."""
    if isinstance(entry, types.CodeAction):
        return entry
    command: Any = ast.literal_eval(str(entry.command))
    return types.CodeAction(
        entry.title,
        command=types.Command(command["title"], command["command"], arguments=command["arguments"]),
    )


async def action(editor: Editor, uri: str, kind: str, range_: types.Range = WHOLE) -> types.CodeAction:
    found = await listed(editor, uri, range_)
    (one,) = [entry for entry in found if entry.data and kind == _data(entry)["kind"]]
    return one


def _data(entry: types.CodeAction) -> Any:
    return entry.data if isinstance(entry.data, dict) else entry.data._asdict()  # type: ignore[union-attr]


async def resolved(editor: Editor, entry: types.CodeAction) -> types.CodeAction:
    answer = await within(editor.session.request(types.CODE_ACTION_RESOLVE, entry))
    assert isinstance(answer, types.CodeAction)
    return answer


def applied(editor: Editor, uri: str, edit: types.WorkspaceEdit | None) -> str:
    """Apply an edit as an editor does, which refuses one for another version."""
    assert edit is not None
    document = editor.session.documents[uri]
    if edit.changes:
        edits = list(edit.changes[uri])
    else:
        assert edit.document_changes is not None
        (change,) = edit.document_changes
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document.version == document.version
        edits = list(change.edits)  # type: ignore[arg-type]
    text = document.text
    for one in reversed(edits):
        span = convert.span(document, one.range, "utf-16")
        text = text[: span.start] + one.new_text + text[span.end :]
    return text


async def test_a_list_without_the_model(editor: Editor) -> None:
    engine = editor.engine
    place = await editor.open(f"║{CODE}")
    found = await listed(editor, place.uri)
    kinds = {_data(entry)["kind"] for entry in found if entry.data}
    assert kinds == {"docstring", "test", "types", "rename", "simplify", "errors", "optimise", "translate"}
    assert all(entry.edit is None for entry in found)
    assert {tuple(entry.tags or ()) for entry in found if entry.data} == {(types.CodeActionTag.LlmGenerated,)}
    explain = next(entry for entry in found if entry.command is not None)
    assert explain.command is not None
    assert explain.command.command == "qwenLsp.action"
    assert engine.generations == []
    rewriting = await listed(editor, place.uri, only=["refactor.rewrite"])
    assert {str(entry.kind) for entry in rewriting} == {"refactor.rewrite"}
    assert await listed(editor, place.uri, only=["source.organizeImports"]) == []


async def test_a_fix_belongs_to_its_diagnostic(engine: EngineServer) -> None:
    async with acting(engine, locale="zh-cn") as editor:
        function = CODE.partition("\n\n")[0].replace("t = t +", "t +=")
        given, _, rest = function.partition("    t = 0")
        engine.answer = says(f"    t = 0{rest}\n```")
        place = await editor.open(f"║{CODE}")
        where = types.Range(types.Position(4, 8), types.Position(4, 9))
        problem = types.Diagnostic(where, "t is slow", source="lint")
        found = await listed(editor, place.uri, where, only=["quickfix"], diagnostics=[problem])
        (fix,) = found
        assert list(fix.diagnostics or ()) == [problem]
        assert fix.title == "修复：t is slow"
        fix.diagnostics = None  # some clients do not send them back
        answer = await resolved(editor, fix)
        assert applied(editor, place.uri, answer.edit) == CODE.replace("t = t +", "t +=")
        assert "t is slow (lint)" in engine.last.prompt
        assert "in the line `t = t + price`" in engine.last.prompt
        assert engine.last.prompt.endswith(given), "what stands above the place need not be written"


async def test_an_edit_is_small_versioned_and_annotated(engine: EngineServer) -> None:
    async with acting(engine, ours=False) as editor:
        engine.answer = says(SUM)
        place = await editor.open(f"║{CODE}")
        answer = await resolved(editor, await action(editor, place.uri, "simplify"))
        assert answer.edit is not None
        assert answer.edit.document_changes is not None
        (change,) = answer.edit.document_changes
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document.version == 1
        for edit in change.edits:
            assert isinstance(edit, types.AnnotatedTextEdit)
            assert edit.range.start.line >= 2, "the lines above are untouched"
            assert edit.range.end.line <= 5
        ((_, annotation),) = (answer.edit.change_annotations or {}).items()
        assert annotation.needs_confirmation
        assert applied(editor, place.uri, answer.edit) == CODE.replace(
            CODE[CODE.index("    t = 0") : CODE.index("\n\n\nx")], "    return sum(prices)"
        )
        assert engine.last.slot == 1, "the slot of completion is left alone"


async def test_the_answer_is_streamed(editor: Editor) -> None:
    engine = editor.engine
    streamed: list[Any] = []
    editor.session.on_stream = streamed.append
    engine.answer = says(SUM)
    place = await editor.open(f"║{CODE}")
    one = await action(editor, place.uri, "simplify")
    answer = await resolved(editor, one)
    assert applied(editor, place.uri, answer.edit)
    await until(lambda: streamed and streamed[-1].done, "the end is reported")
    assert {message.id for message in streamed} == {_data(one)["id"]}
    assert all(message.version == 1 and message.uri == place.uri for message in streamed)
    assert streamed[-1].text == SUM.removesuffix("\n```")
    assert [message.done for message in streamed].count(True) == 1
    assert (streamed[-1].range.start.line, streamed[-1].range.end.line) == (0, 5)
    texts = [message.text for message in streamed[:-1]]
    assert all(streamed[-1].text.startswith(text) for text in texts)
    assert len(set(texts)) > 3


async def test_progress_is_readable(editor: Editor) -> None:
    engine = editor.engine
    engine.answer = says(SUM, between_s=0.05)
    place = await editor.open(f"║{CODE}")
    await resolved(editor, await action(editor, place.uri, "simplify"))

    def values() -> list[Any]:
        return [entry.value for entry in editor.session.progress if "action" in str(entry.token)]

    await until(lambda: values() and values()[-1]["kind"] == "end", "the progress ends")
    assert (values()[0]["title"], values()[0]["cancellable"]) == ("Simplify", True)
    assert any("lines written" in value.get("message", "") for value in values()[1:-1])


@pytest.mark.parametrize("ours", [True, False])
async def test_a_stale_document_is_refused(engine: EngineServer, ours: bool) -> None:
    async with acting(engine, ours=ours) as editor:
        place = await editor.open(f"║{CODE}")
        one = await action(editor, place.uri, "simplify")
        await editor.type(place, "# new\n")
        if ours:
            with pytest.raises(ServerError) as reported:
                await resolved(editor, one)
            assert reported.value.code == -32801
        else:
            assert (await resolved(editor, one)).edit is None
            assert "has changed since" in editor.take_messages()[0]
        assert engine.generations == []


async def test_a_document_that_changes_while_the_model_writes(editor: Editor) -> None:
    engine = editor.engine
    engine.answer = says(SUM, first_s=600)
    place = await editor.open(f"║{CODE}")
    one = await action(editor, place.uri, "simplify")
    work = asyncio.create_task(resolved(editor, one))
    await until(lambda: engine.running, "the model writes")
    await editor.type(place, "# new\n")
    await until(work.done, "the action ends, though the model never answers")
    with pytest.raises(ServerError) as reported:
        await work
    assert reported.value.code == -32801


async def test_rubbish_is_told_and_not_applied(editor: Editor) -> None:
    engine = editor.engine
    streamed: list[Any] = []
    editor.session.on_stream = streamed.append
    engine.answer = says("I'm sorry, but I can't assist with that.")
    place = await editor.open(f"║{CODE}")
    with pytest.raises(ServerError) as reported:
        await resolved(editor, await action(editor, place.uri, "simplify"))
    assert reported.value.code == -32803
    assert "refused" in str(reported.value)
    await until(lambda: streamed and streamed[-1].done, "the end is reported")
    assert streamed[-1].text == ""


async def test_a_cancel_frees_the_slot(editor: Editor) -> None:
    engine = editor.engine
    engine.answer = endless("total = total + price\n")
    place = await editor.open(f"║{CODE}")
    for _ in range(5):
        one = await action(editor, place.uri, "simplify")
        work = asyncio.create_task(resolved(editor, one))
        await until(lambda: engine.running, "the model writes")
        work.cancel()
        await until(lambda: not engine.running, "the slot is free")
    assert engine.last.state == "left"
    engine.answer = says(SUM)
    assert (await resolved(editor, await action(editor, place.uri, "simplify"))).edit is not None


async def test_the_progress_bar_s_stop_button(editor: Editor) -> None:
    engine = editor.engine
    engine.answer = endless("total = total + price\n")
    place = await editor.open(f"║{CODE}")
    work = asyncio.create_task(resolved(editor, await action(editor, place.uri, "simplify")))
    await until(lambda: any("action" in str(p.token) for p in editor.session.progress), "it is shown")
    token = next(p.token for p in editor.session.progress if "action" in str(p.token))
    editor.session.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))
    with pytest.raises(ServerError) as reported:
        await within(work)
    assert reported.value.code == -32800
    await until(lambda: not engine.running, "the slot is free")


async def command(editor: Editor, **values: Any) -> Any:
    params = types.ExecuteCommandParams("qwenLsp.action", [values])
    answer = await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))
    return answer if isinstance(answer, dict) else answer._asdict()


def range_json(range_: types.Range) -> dict[str, Any]:
    start, end = range_.start, range_.end
    return {
        "start": {"line": start.line, "character": start.character},
        "end": {"line": end.line, "character": end.character},
    }


async def test_a_cancelled_command_frees_the_slot(editor: Editor) -> None:
    engine = editor.engine
    engine.answer = endless("total = total + price\n")
    place = await editor.open(f"║{CODE}")
    values = {"kind": "simplify", "uri": place.uri, "version": 1, "range": range_json(WHOLE), "id": "one"}
    work = asyncio.create_task(command(editor, **values))
    await until(lambda: engine.running, "the model writes")
    work.cancel()
    await until(lambda: not engine.running, "the slot is free")
    assert engine.last.state == "left"


async def test_the_command_for_clients_that_apply_by_themselves(editor: Editor) -> None:
    engine = editor.engine
    engine.answer = says(SUM)
    place = await editor.open(f"║{CODE}")
    values = {"uri": place.uri, "version": 1, "range": range_json(WHOLE), "id": "mine"}
    answer = await command(editor, kind="edit", instruction="use sum", **values)
    assert answer["title"] == "Edit by instruction"
    assert answer["edit"]["documentChanges"][0]["textDocument"]["version"] == 1
    assert "use sum" in engine.last.prompt
    assert editor.session.applied == []
    refused = await command(editor, kind="edit", **values)
    assert refused["message"] == "Describe the change to make."


async def test_the_command_for_other_clients(engine: EngineServer) -> None:
    async with acting(engine, ours=False, client=able(resolves=False, changes=False)) as editor:
        engine.answer = says(SUM)
        place = await editor.open(f"║{CODE}")
        found = await listed(editor, place.uri)
        one = next(entry for entry in found if entry.title == "Simplify")
        assert one.command is not None
        assert one.data is None
        params = types.ExecuteCommandParams(one.command.command, one.command.arguments)
        await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))
        ((edit, label),) = [(entry.edit, entry.label) for entry in editor.session.applied]
        assert label == "Simplify"
        assert "return sum(prices)" in applied(editor, place.uri, edit)


async def test_an_explanation_comes_back_as_markdown(engine: EngineServer) -> None:
    async with acting(engine, locale="zh") as editor:
        engine.answer = says("这段代码计算价格的总和。")
        place = await editor.open(f"║{CODE}")
        answer = await command(editor, kind="explain", uri=place.uri, version=1, range=range_json(WHOLE))
        assert answer["markdown"] == "这段代码计算价格的总和。"


async def test_an_explanation_in_the_wrong_language(engine: EngineServer) -> None:
    async with acting(engine, locale="zh") as editor:
        engine.answer = says("This code adds up all the prices that it is given.")
        place = await editor.open(f"║{CODE}")
        answer = await command(editor, kind="explain", uri=place.uri, version=1, range=range_json(WHOLE))
        assert answer["message"] == "回答使用的语言不对。"


async def test_an_explanation_as_a_document_or_a_message(engine: EngineServer) -> None:
    engine.answer = says("It adds up prices.")
    async with acting(engine, ours=False, client=able(shows=True)) as editor:
        place = await editor.open(f"║{CODE}")
        await command(editor, kind="explain", uri=place.uri, version=1, range=range_json(WHOLE))
        (shown,) = editor.session.shown
        assert Path(shown.uri.removeprefix("file://")).read_text("utf-8") == "It adds up prices.\n"
    async with acting(engine, ours=False) as editor:
        place = await editor.open(f"║{CODE}")
        await command(editor, kind="explain", uri=place.uri, version=1, range=range_json(WHOLE))
        assert editor.take_messages() == ["qwen-lsp: It adds up prices."]


@pytest.mark.parametrize("values", [{}, {"kind": "dance"}, {"kind": "fix", "range": 3}])
async def test_a_command_that_cannot_be_read(editor: Editor, values: dict[str, Any]) -> None:
    place = await editor.open(f"║{CODE}")
    with pytest.raises(ServerError) as reported:
        await command(editor, **{"uri": place.uri, **values})
    assert reported.value.code == -32602


async def test_a_command_for_a_document_that_is_not_open(editor: Editor) -> None:
    answer = await command(editor, kind="fix", uri="file:///none", version=1, range=range_json(WHOLE))
    assert "has changed since" in answer["message"]


async def test_a_new_test_file(engine: EngineServer, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "shop.py").write_text(CODE, "utf-8")
    async with acting(engine, tmp_path) as editor:
        engine.answer = says("def test_total():\n    assert total([1, 2]) == 3\n```")
        uri = (tmp_path / "shop.py").as_uri()
        await editor.open(f"║{CODE}", uri=uri)
        answer = await resolved(editor, await action(editor, uri, "test"))
        assert answer.edit is not None
        create, edit = answer.edit.document_changes or ()
        assert isinstance(create, types.CreateFile)
        assert create.uri == (tmp_path / "tests" / "test_shop.py").as_uri()
        assert isinstance(edit, types.TextDocumentEdit)
        (one,) = edit.edits
        assert isinstance(one, types.AnnotatedTextEdit)
        assert (
            one.new_text == "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
        )


async def test_actions_of_the_user_s_own(engine: EngineServer) -> None:
    custom = [
        {"name": "sum-up", "title": "Use sum", "prompt": "Use sum() in {language}.", "languages": ["python"]}
    ]
    async with acting(engine, options={"actions": {"custom": custom}}) as editor:
        engine.answer = says(SUM)
        place = await editor.open(f"║{CODE}")
        answer = await resolved(editor, await action(editor, place.uri, "sum-up"))
        assert answer.title == "Use sum"
        assert "sum(prices)" in applied(editor, place.uri, answer.edit)
        assert "Use sum() in Python." in engine.last.prompt


async def test_a_comment_that_asks_for_something(editor: Editor) -> None:
    engine = editor.engine
    text = CODE.replace("    t = 0", "    # TODO: use the built-in sum\n    t = 0")
    engine.answer = says(SUM)
    place = await editor.open(f"║{text}")
    one = await action(editor, place.uri, "edit", types.Range(types.Position(2, 4), types.Position(2, 4)))
    assert one.title == "Edit: use the built-in sum"
    await resolved(editor, one)
    assert "use the built-in sum" in engine.last.prompt


async def test_a_selection_that_lasts_is_read_ahead(editor: Editor) -> None:
    engine = editor.engine
    place = await editor.open(f"║{CODE}")
    await editor.suggest(place)  # now the engine is loaded
    engine.generations.clear()
    await listed(editor, place.uri)

    def of_actions() -> list[Generation]:  # the completion's own slot may be prefetching
        return [generation for generation in engine.generations if generation.slot == 1]

    await until(of_actions, "the selection is read")
    assert all(generation.max_tokens == 0 for generation in of_actions())
    read = of_actions()[-1].prompt
    engine.answer = says(SUM)
    await resolved(editor, await action(editor, place.uri, "simplify"))
    shared = read[: read.rindex("```")]
    assert of_actions()[-1].prompt.startswith(shared), "what was read is where the question begins"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    root = tmp_path / "inventory"
    shutil.copytree(REPOSITORY / "fixtures" / "repos" / "inventory-py", root)
    return root


async def test_signatures_and_names_of_other_files(engine: EngineServer, inventory: Path) -> None:
    """The prompt tells what the names of the selection mean elsewhere; a name from there is imported."""
    file = inventory / "inventory" / "service.py"
    text = file.read_text("utf-8")
    first = text[: text.index("    def sell(")].count("\n")
    selection = types.Range(types.Position(first, 0), types.Position(first + 9, 42))
    sell = text[text.index("    def sell(") : text.index("    def correct(")].rstrip()
    longer = "        amount = -quantity\n        self._move(item, amount"
    text = text.replace("        self._move(item, -quantity", longer)
    async with acting(engine, inventory) as editor:
        await editor.open(f"║{text}", uri=file.as_uri())
        index = Index(inventory)
        await until(lambda: index.definitions_named(["net_price"]), "the folder is indexed", 60.0)
        index.close()
        chosen = await action(editor, file.as_uri(), "simplify", selection)
        engine.answer = says(sell.replace("gross_price(item", "net_price(item") + "\n```")
        answer = await resolved(editor, chosen)
        changed = applied(editor, file.as_uri(), answer.edit)
        assert "return net_price(item, quantity)" in changed
        assert "\nfrom inventory.pricing import net_price\n" in changed
        engine.answer = says(sell.replace("gross_price(item", "made_up_price(item") + "\n```")
        with pytest.raises(ServerError, match="made_up_price"):
            await resolved(editor, chosen)
    shown = engine.last.prompt
    assert "def gross_price(item: Item, quantity: int) -> Decimal" in shown
    assert "class OutOfStock(Exception)" in shown
    assert "def net_price" not in shown, "only what is used"


async def test_five_thousand_lines_are_listed_quickly(editor: Editor) -> None:
    """The median of many lists against that of a small file: a window is parsed, not the file."""
    small = await editor.open(f"║{CODE}", uri="file:///small.py")
    large = await editor.open("║" + CODE * 560, uri="file:///large.py")
    line = 2500 - 2500 % 9
    middle = types.Range(types.Position(line, 0), types.Position(line + 4, 0))
    taken: dict[str, list[float]] = {small.uri: [], large.uri: []}
    for _ in range(20):
        for uri, range_ in ((small.uri, WHOLE), (large.uri, middle)):
            started = time.perf_counter()
            assert await listed(editor, uri, range_)
            taken[uri].append((time.perf_counter() - started) * 1000)
    for uri, times in taken.items():
        times.sort()
        print(f"{uri}: median {times[10]:.1f} ms, p95 {times[18]:.1f} ms")
    # 560 times the text: whatever looked at all of it would show, also on a busy machine.
    assert taken[large.uri][0] <= 10 * taken[small.uri][0]


async def test_line_ends_and_wide_characters_survive(editor: Editor) -> None:
    engine = editor.engine
    engine.answer = says(SUM)
    text = CODE.replace("\n", "\r\n").replace("x = 1", "x = '😀'")
    place = await editor.open(f"║{text}")
    answer = await resolved(editor, await action(editor, place.uri, "simplify"))
    result = applied(editor, place.uri, answer.edit)
    assert result == text.replace(
        text[text.index("    t = 0") : text.index("\r\n\r\n\r\nx")], "    return sum(prices)"
    )


async def test_nothing_for_documents_that_are_not_code(editor: Editor) -> None:
    place = await editor.open("║# Title\n\nText.\n", language="markdown")
    assert await listed(editor, place.uri, types.Range(types.Position(0, 0), types.Position(2, 3))) == []
    assert await listed(editor, "file:///not-open.py") == []
    await editor.session.edit(place.uri, Edit(Span(0, 1), ""))


async def test_the_place_where_the_cursor_rests_is_read_ahead(editor: Editor) -> None:
    engine = editor.engine
    await editor.suggest(await editor.open("x = ║\n"))  # now the engine is loaded
    await until(lambda: not engine.running, "nothing is being made")
    engine.generations.clear()
    place = await editor.open("def area(width, height):\n    ║\n")
    here = types.Position(1, 4)
    await listed(editor, place.uri, types.Range(here, here))
    await until(lambda: engine.generations, "the place is read")
    read = engine.last
    assert (read.max_tokens, read.slot) == (0, 0)
    await editor.suggest(place)
    assert engine.last.prompt.startswith(read.prompt)
