"""Workspace folders are indexed by a process of the server's, kept up, and never in the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from qwen_lsp.bench.editor import SERVER_COMMAND, capabilities
from qwen_lsp.index import database
from qwen_lsp.index.reader import Index
from tests.support.editor import Editor, editing
from tests.support.engine_server import EngineServer
from tests.support.places import REPOSITORY
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

INDEX_S = 60.0  # a process starts, on a machine that may be busy


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "inventory"
    shutil.copytree(REPOSITORY / "fixtures" / "repos" / "inventory-py", root)
    return root


def watching() -> types.ClientCapabilities:
    """The capabilities of an editor that watches files for its servers."""
    client = capabilities([types.PositionEncodingKind.Utf16])
    assert client.workspace is not None
    client.workspace.did_change_watched_files = types.DidChangeWatchedFilesClientCapabilities(
        dynamic_registration=True
    )
    return client


def defines(root: Path, name: str) -> Callable[[], bool]:
    def look() -> bool:
        index = Index(root)
        try:
            return bool(index.definitions_named([name]))
        finally:
            index.close()

    return look


def indexers(editor: Editor) -> list[psutil.Process]:
    server = psutil.Process(editor.session.server_process.pid)
    return [child for child in server.children() if "qwen_lsp.index.host" in child.cmdline()]


def announce(editor: Editor, *files: Path) -> None:
    changes = [types.FileEvent(file.as_uri(), types.FileChangeType.Changed) for file in files]
    editor.session.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes))


async def test_a_folder_is_indexed_and_kept_up_by_the_clients_own_watching(
    engine: EngineServer, root: Path
) -> None:
    async with editing(engine, root, client=watching(), command=SERVER_COMMAND) as editor:
        await until(defines(root, "Storage"), "the folder is indexed", INDEX_S)
        (root / "inventory" / "late.py").write_text("def arrived_late(): ...\n")
        announce(editor, root / "inventory" / "late.py")
        await until(defines(root, "arrived_late"), "the new file is indexed", INDEX_S)
        (root / ".qwenignore").write_text("late.py\n")
        announce(editor, root / ".qwenignore")
        await until(lambda: not defines(root, "arrived_late")(), "it is ignored now", INDEX_S)
        (child,) = indexers(editor)
    await until(lambda: not child.is_running(), "the indexing process ends with the server")
    assert database.index_file(root).with_suffix(".crc").exists()  # and it ended in order


async def test_files_are_watched_for_clients_that_cannot(engine: EngineServer, root: Path) -> None:
    async with editing(engine, root) as editor:
        await until(defines(root, "Storage"), "the folder is indexed", INDEX_S)
        tick = 0

        def seen() -> bool:
            nonlocal tick
            tick += 1
            if tick % 200 == 1:  # the watch may begin later than the index is there
                (root / "inventory" / "late.py").write_text(f"def arrived_late(): ...\n# {tick}\n")
            return defines(root, "arrived_late")()

        await until(seen, "the new file is indexed", INDEX_S)
        assert editor.take_messages() == []


async def test_a_saved_file_is_indexed(engine: EngineServer, root: Path) -> None:
    async with editing(engine, root, client=watching()) as editor:
        await until(defines(root, "Storage"), "the folder is indexed", INDEX_S)
        file = root / "inventory" / "storage.py"
        await editor.session.open(file.as_uri(), "python", file.read_text("utf-8"))
        file.write_text("def rewritten(): ...\n")
        document = types.TextDocumentIdentifier(file.as_uri())
        editor.session.client.text_document_did_save(types.DidSaveTextDocumentParams(document))
        await until(defines(root, "rewritten"), "the saved file is indexed", INDEX_S)
        assert not defines(root, "Storage")()


async def test_a_killed_indexer_comes_back(engine: EngineServer, root: Path) -> None:
    async with editing(engine, root, client=watching(), command=SERVER_COMMAND) as editor:
        await until(defines(root, "Storage"), "the folder is indexed", INDEX_S)
        (child,) = indexers(editor)
        (root / "inventory" / "late.py").write_text("def arrived_late(): ...\n")
        child.kill()
        await until(defines(root, "arrived_late"), "another process went on", INDEX_S)
        place = await editor.open("def f():\n    ║\n")
        assert await editor.suggest(place) == "pass"


async def test_indexing_can_be_switched_off_and_on(engine: EngineServer, root: Path) -> None:
    async with editing(engine, root, options={"context": {"index": False}}, command=SERVER_COMMAND) as editor:
        place = await editor.open("def f():\n    ║\n")
        assert await editor.suggest(place) == "pass"
        assert indexers(editor) == []
        assert not database.index_file(root).exists()
        editor.session.settings = {"context": {"index": True}}
        change = types.DidChangeConfigurationParams(settings=None)
        editor.session.client.workspace_did_change_configuration(change)
        await until(defines(root, "Storage"), "the folder is indexed after all", INDEX_S)


async def test_folders_come_and_go(engine: EngineServer, root: Path, tmp_path: Path) -> None:
    other = tmp_path / "todo"
    shutil.copytree(REPOSITORY / "fixtures" / "repos" / "todo-ts", other)
    async with editing(engine, root, client=watching()) as editor:
        await until(defines(root, "Storage"), "the first folder is indexed", INDEX_S)
        folders = types.WorkspaceFoldersChangeEvent(
            added=[types.WorkspaceFolder(other.as_uri(), "todo")],
            removed=[types.WorkspaceFolder(root.as_uri(), root.name)],
        )
        editor.session.client.workspace_did_change_workspace_folders(
            types.DidChangeWorkspaceFoldersParams(folders)
        )
        index = Index(other)
        await until(lambda: index.paths_matching("store"), "the second folder is indexed", INDEX_S)
        index.close()


async def test_a_home_folder_is_not_indexed(
    engine: EngineServer, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(root))
    async with editing(engine, root, command=SERVER_COMMAND) as editor:
        place = await editor.open("def f():\n    ║\n")
        assert await editor.suggest(place) == "pass"
        said = "is not indexed: it is your home folder"
        await until(lambda: [line for line in editor.session.stderr if said in line], "it is reported")
        assert indexers(editor) == []


async def test_progress_of_a_large_folder_is_shown(engine: EngineServer, tmp_path: Path) -> None:
    root = tmp_path / "large"
    root.mkdir()
    for number in range(600):
        (root / f"m{number}.py").write_text(f"def f{number}(): ...\n")
    async with editing(engine, root, locale="zh-CN") as editor:

        def shown() -> bool:
            values = [p.value for p in editor.session.progress if "qwen-lsp/index" in str(p.token)]
            return [kind_of(value) for value in values if kind_of(value) in ("begin", "end")] == [
                "begin",
                "end",
            ]

        await until(shown, "progress begins and ends", INDEX_S)
        begin = next(p.value for p in editor.session.progress if "qwen-lsp/index" in str(p.token))
        assert field_of(begin, "title") == "正在索引 large"


def kind_of(value: object) -> str:
    return str(field_of(value, "kind"))


def field_of(value: object, name: str) -> object:
    return value[name] if isinstance(value, dict) else getattr(value, name)


async def test_a_broken_index_folder_costs_only_the_index(engine: EngineServer, root: Path) -> None:
    folder = database.directory()
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("no folder")
    async with editing(engine, root) as editor:
        place = await editor.open("def f():\n    ║\n")
        assert await editor.suggest(place) == "pass"
        await until(
            lambda: [line for line in editor.session.stderr if "cannot be indexed" in line],
            "it is reported",
            INDEX_S,
        )
    assert os.path.isfile(folder)


def _delete(file: Path) -> None:
    for part in database.parts(file):
        part.unlink()


def _truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _garble(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.seek(2048)
        stream.write(os.urandom(file.stat().st_size - 2048))


@pytest.mark.parametrize("harm", [_delete, _truncate, _garble])
async def test_an_index_that_is_harmed_in_use_costs_nothing_else(
    engine: EngineServer, root: Path, harm: Callable[[Path], None]
) -> None:
    """Completion goes on, with less context, and the next change brings the index back."""
    async with editing(engine, root, client=watching()) as editor:
        await until(defines(root, "Storage"), "the folder is indexed", INDEX_S)
        place = await editor.open("from inventory.storage import Storage\n\n\ndef f(s: Storage):\n    ║\n")
        assert await editor.suggest(place) == "pass"
        harm(database.index_file(root))
        (root / "inventory" / "late.py").write_text("def arrived_late(): ...\n")
        announce(editor, root / "inventory" / "late.py")
        place = await editor.open("from inventory.storage import Storage\n\n\ndef g(s: Storage):\n    ║\n")
        assert await editor.suggest(place) == "pass"
        await until(defines(root, "arrived_late"), "the index is whole again", INDEX_S)
        assert defines(root, "Storage")()
        assert editor.take_messages() == []
