"""`qwenLsp.review`, its diagnostics and quick fixes, `qwenLsp.dismiss`: over stdio, in a real repository."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from qwen_lsp.lsp.requests.commit_message import COMMIT_MESSAGE
from qwen_lsp.lsp.review_shown import DISMISS, FORGET, REVIEW
from qwen_lsp.text import Edit, Span
from tests.support.editor import Editor, editing, within
from tests.support.engine_server import EngineServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLEAN = "def total(items):\n    return sum(items)\n"
BAD = """def total(items):
    # 你好 😀
    for index in range(len(items) + 1):
        print("😀", items[index])
    return sum(items) if items != None else 0
"""


def git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "shop.py").write_text(CLEAN)
    (root / "other.py").write_text("A = 1\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one")
    return root


async def command(editor: Editor, name: str, *arguments: Any) -> Any:
    params = types.ExecuteCommandParams(name, list(arguments))
    answer = await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))
    return json.loads(json.dumps(answer, default=lambda value: value._asdict()))


def listen(editor: Editor) -> dict[str, list[types.Diagnostic]]:
    reported: dict[str, list[types.Diagnostic]] = {}

    @editor.session.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
    def publish(params: types.PublishDiagnosticsParams) -> None:
        reported[params.uri] = list(params.diagnostics)

    return reported


async def actions(editor: Editor, uri: str, diagnostic: types.Diagnostic) -> list[types.CodeAction]:
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(uri),
        diagnostic.range,
        types.CodeActionContext([diagnostic], only=[types.CodeActionKind.QuickFix]),
    )
    answer = await within(editor.session.request(types.TEXT_DOCUMENT_CODE_ACTION, params)) or []
    return [action for action in answer if action.title.startswith(("Fix: One step", "Dismiss"))]


async def test_a_workspace_with_unsaved_text(engine: EngineServer, repository: Path) -> None:
    async with editing(engine, repository) as editor:
        reported = listen(editor)
        uri = (repository / "shop.py").as_uri()
        await editor.session.open(uri, "python", BAD)
        (repository / "new.py").write_text("eval(input())\n")
        answer = await command(editor, REVIEW, {"scope": "workspace", "minSeverity": "info"})
        assert answer["status"] == "findings"
        found = {entry["rule"]: entry for entry in answer["findings"]}
        assert set(found) == {"off-by-one", "compare-to-none", "code-injection"}
        assert found["off-by-one"]["uri"] == uri
        assert found["off-by-one"]["range"]["start"] == {"line": 2, "character": 23}
        assert found["off-by-one"]["fix"]["newText"] == "len(items)"
        assert found["off-by-one"]["fix"]["lines"] == "    for index in range(len(items)):"
        assert found["code-injection"]["path"] == "new.py"
        cover = answer["coverage"]
        assert cover["lines"] == cover["reviewed"]["lines"] == 5
        by_rule = {str(diagnostic.code): diagnostic for diagnostic in reported[uri]}
        assert set(by_rule) == {"off-by-one", "compare-to-none"}
        diagnostic = by_rule["off-by-one"]
        assert diagnostic.source == "qwen-lsp"
        assert diagnostic.severity == types.DiagnosticSeverity.Error
        assert diagnostic.code_description is not None
        assert diagnostic.code_description.href.endswith("off-by-one.md")


async def test_a_fix_follows_the_text(engine: EngineServer, repository: Path) -> None:
    async with editing(engine, repository) as editor:
        reported = listen(editor)
        uri = (repository / "shop.py").as_uri()
        await editor.session.open(uri, "python", BAD)
        await command(editor, REVIEW, {"scope": "file", "uri": uri, "minSeverity": "info"})
        (diagnostic,) = (one for one in reported[uri] if one.code == "off-by-one")
        fix, *dismissals = await actions(editor, uri, diagnostic)
        assert len(dismissals) == 2
        assert fix.is_preferred
        assert fix.edit is not None
        # the text moves down, and so does the diagnostic of an editor
        await editor.session.edit(uri, Edit(Span(0, 0), "# one more line\n"))
        start, end = diagnostic.range.start, diagnostic.range.end
        moved = types.Range(
            types.Position(start.line + 1, start.character), types.Position(end.line + 1, end.character)
        )
        diagnostic = types.Diagnostic(
            range=moved, message=diagnostic.message, source=diagnostic.source, data=diagnostic.data
        )
        fix, *_ = await actions(editor, uri, diagnostic)
        assert fix.edit is not None
        assert fix.edit.document_changes is not None
        (change,) = fix.edit.document_changes
        assert isinstance(change, types.TextDocumentEdit)
        assert (change.text_document.uri, change.text_document.version) == (uri, 2)
        (edit,) = change.edits
        assert edit.range == moved
        # what is edited there is no longer what was found
        offset = editor.session.documents[uri].text.index("+ 1")
        await editor.session.edit(uri, Edit(Span(offset, offset + 3), "+ 2"))
        assert await actions(editor, uri, diagnostic) == []
        assert [one.code for one in reported[uri]] == ["compare-to-none"]
        assert reported[uri][0].range.start.line == 5


async def test_what_is_typed_during_a_review_moves_its_findings(
    engine: EngineServer, repository: Path
) -> None:
    async with editing(engine, repository) as editor:
        reported = listen(editor)
        uri = (repository / "shop.py").as_uri()
        await editor.session.open(uri, "python", BAD)
        # Messages are read in their order, and a review asks git first.
        reviewing = asyncio.ensure_future(command(editor, REVIEW, {"scope": "file", "uri": uri}))
        await asyncio.sleep(0)
        await editor.session.edit(uri, Edit(Span(0, 0), "# one more line\n# 😀\n"))
        offset = editor.session.documents[uri].text.index("!= None")
        await editor.session.edit(uri, Edit(Span(offset, offset + 7), "is not None"))
        answer = await reviewing
        assert [entry["rule"] for entry in answer["findings"]] == ["off-by-one"]
        assert answer["findings"][0]["range"]["start"] == {"line": 4, "character": 23}
        (diagnostic,) = reported[uri]
        assert (diagnostic.code, diagnostic.range.start) == ("off-by-one", types.Position(4, 23))
        fix, *_ = await actions(editor, uri, diagnostic)
        assert fix.edit is not None
        assert fix.edit.document_changes is not None
        (change,) = fix.edit.document_changes
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document.version == 3
        # and they go on following it
        offset = editor.session.documents[uri].text.index("+ 1")
        await editor.session.edit(uri, Edit(Span(offset, offset + 3), "+ 2"))
        assert await actions(editor, uri, diagnostic) == []
        assert reported[uri] == []


async def test_a_file_that_is_opened_later_has_its_findings_where_they_are(
    engine: EngineServer, repository: Path
) -> None:
    async with editing(engine, repository) as editor:
        reported = listen(editor)
        uri = (repository / "shop.py").as_uri()
        (repository / "shop.py").write_text(BAD)
        await command(editor, REVIEW, {"scope": "workspace"})
        (diagnostic,) = (one for one in reported[uri] if one.code == "off-by-one")
        await editor.session.open(uri, "python", "# unsaved\n" + BAD)
        moved = types.Diagnostic(
            range=diagnostic.range, message="", source=diagnostic.source, data=diagnostic.data
        )
        fix, *_ = await actions(editor, uri, moved)
        assert fix.edit is not None
        assert fix.edit.document_changes is not None
        (change,) = fix.edit.document_changes
        assert isinstance(change, types.TextDocumentEdit)
        assert change.edits[0].range.start.line == diagnostic.range.start.line + 1


async def test_dismissing(engine: EngineServer, repository: Path) -> None:
    async with editing(engine, repository) as editor:
        reported = listen(editor)
        uri = (repository / "shop.py").as_uri()
        await editor.session.open(uri, "python", BAD)
        answer = await command(editor, REVIEW, {"scope": "file", "uri": uri, "minSeverity": "info"})
        print_ = next(entry["id"] for entry in answer["findings"] if entry["rule"] == "off-by-one")
        assert await command(editor, DISMISS, {"fingerprint": print_, "uri": uri}) is True
        assert [diagnostic.code for diagnostic in reported[uri]] == ["compare-to-none"]
        answer = await command(editor, REVIEW, {"scope": "file", "uri": uri, "minSeverity": "info"})
        assert [entry["rule"] for entry in answer["findings"]] == ["compare-to-none"]
        assert await command(editor, DISMISS, {"rule": "compare-to-none", "uri": uri}) is True
        answer = await command(editor, REVIEW, {"scope": "file", "uri": uri, "minSeverity": "info"})
        assert (answer["findings"], answer["status"]) == ([], "no_findings")
        assert reported[uri] == []
        assert len(editor.take_messages()) == 1, "that the folder's own file waits for trust is said once"


async def test_forgetting(engine: EngineServer, repository: Path) -> None:
    async with editing(engine, repository) as editor:
        reported = listen(editor)
        uri = (repository / "shop.py").as_uri()
        await editor.session.open(uri, "python", BAD)
        # a client may name the folder that it means; remarks are shown to those who ask
        answer = await command(editor, REVIEW, {"scope": "workspace", "uri": repository.as_uri()})
        assert [entry["rule"] for entry in answer["findings"]] == ["off-by-one"]
        assert [one.code for one in reported[uri]] == ["off-by-one"]
        assert "Remarks not shown: 1" in answer["summary"]
        await command(editor, FORGET)
        assert reported[uri] == []


async def test_a_commit_message_for_what_is_staged(engine: EngineServer, repository: Path) -> None:
    async with editing(engine, repository) as editor:
        argument = {"uri": (repository / "shop.py").as_uri()}
        assert await command(editor, COMMIT_MESSAGE, argument) == {"message": ""}
        (refused,) = editor.take_messages()
        assert "nothing is staged" in refused
        added = "\n\ndef average(items):\n    return total(items) / len(items)\n"
        (repository / "shop.py").write_text(CLEAN + added)
        git(repository, "add", ".")
        answer = await command(editor, COMMIT_MESSAGE, argument)
        assert "average" in answer["message"]
        assert len(answer["message"].splitlines()) <= 2


async def test_a_file_in_no_repository(engine: EngineServer) -> None:
    async with editing(engine) as editor:
        uri = "untitled:Untitled-1"
        await editor.session.open(uri, "python", "assert (1, 2)\n")
        answer = await command(editor, REVIEW, {"scope": "file", "uri": uri})
        assert answer["coverage"]["lines"] == 1


async def test_in_chinese(engine: EngineServer, repository: Path) -> None:
    async with editing(engine, repository, locale="zh-cn") as editor:
        reported = listen(editor)
        uri = (repository / "shop.py").as_uri()
        await editor.session.open(uri, "python", BAD)
        answer = await command(editor, REVIEW, {"scope": "workspace"})
        assert "发现" in answer["summary"]
        assert reported[uri][0].message.startswith("最后一个下标")


async def test_what_cannot_be_reviewed_is_told(engine: EngineServer, repository: Path) -> None:
    async with editing(engine, repository) as editor:
        answer = await command(editor, REVIEW, {"scope": "workspace", "base": "nowhere"})
        assert answer["status"] == "failed"
        (message,) = editor.take_messages()
        assert "nowhere" in message


async def test_the_selection_is_reviewed_and_nothing_else(engine: EngineServer, repository: Path) -> None:
    """The light bulb offers it; unchanged lines count, lines outside of the selection do not."""
    async with editing(engine, repository) as editor:
        listen(editor)
        uri = (repository / "other.py").as_uri()
        code = "eval(a)\r\n# 价格 😀\r\neval(b)\r\neval(c)\r\n"
        (repository / "other.py").write_bytes(code.encode())
        git(repository, "commit", "-qam", "two")
        await editor.session.open(uri, "python", code)
        chosen = types.Range(types.Position(1, 0), types.Position(3, 0))
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(uri), chosen, types.CodeActionContext([])
        )
        listed = await within(editor.session.request(types.TEXT_DOCUMENT_CODE_ACTION, params)) or []
        assert sum("Review this selection" in str(action) for action in listed) == 1
        spot = {"start": {"line": 1, "character": 0}, "end": {"line": 3, "character": 0}}
        answer = await command(editor, REVIEW, {"scope": "file", "uri": uri, "range": spot})
        assert [entry["range"]["start"]["line"] for entry in answer["findings"]] == [2]
        assert answer["coverage"]["lines"] == 2
        broken = await command(editor, REVIEW, {"uri": uri, "range": {"start": 1, "end": 2}})
        assert broken["status"] == "failed"
        assert "range" in broken["summary"]
        assert len(editor.take_messages()) == 1
