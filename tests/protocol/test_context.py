"""What the model is shown of other files: in the prompt that reaches the engine, stable while typing."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from lsprotocol import types

from qwen_lsp.index.reader import Index
from qwen_lsp.lsp.requests.did_copy import DID_COPY
from qwen_lsp.lsp.requests.did_focus import FOCUS
from qwen_lsp.text import Edit, Span
from tests.support.editor import Editor, Place, editing
from tests.support.engine_server import EngineServer, says
from tests.support.places import REPOSITORY
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

INDEX_S = 60.0
IDLE_S = 2.0  # how long nobody asks before the context is chosen again
BEFORE = "        return self._storage."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "inventory"
    shutil.copytree(REPOSITORY / "fixtures" / "repos" / "inventory-py", root)
    return root


async def indexed(root: Path) -> None:
    def is_there() -> bool:
        index = Index(root)
        try:
            return bool(index.definitions_named(["Storage"])) and bool(
                index.definitions_named(["gross_price"])
            )
        finally:
            index.close()

    await until(is_there, "the folder is indexed", INDEX_S)


async def shown(editor: Editor, place: Place, text: str) -> str:
    """Ask at a place, and return what the prompt has in front once it holds a text.

    On a busy machine the first prompt may miss what the quiet moment after it adds.
    """

    def fronts() -> list[str]:
        prompts = (each.prompt for each in editor.engine.generations)
        return [front for prompt in prompts if text in (front := prompt.partition("<|fim_prefix|>")[0])]

    await editor.suggest(place)
    await until(lambda: bool(fronts()), f"the prompt shows {text!r}", INDEX_S)
    return fronts()[-1]


async def opened(editor: Editor, root: Path) -> Place:
    """Open the service with the end of `history` still to be written."""
    text = (root / "inventory" / "service.py").read_text("utf-8")
    marked = text.replace(f"{BEFORE}movements(sku)", f"{BEFORE}║")
    assert marked != text
    return await editor.open(marked, uri=(root / "inventory" / "service.py").as_uri())


async def test_the_prompt_shows_what_stands_behind_the_dot(engine: EngineServer, root: Path) -> None:
    engine.answer = says("movements(sku)")
    async with editing(engine, root, options={"completion": {"snippetTokens": 256}}) as editor:
        await indexed(root)
        front = await shown(editor, await opened(editor, root), "class Storage:")
    assert "<|file_sep|>inventory/storage.py\nclass Storage:\n" in front
    assert "def movements(self, sku: str) -> list[Movement]" in front
    assert "inventory/service.py" not in front


async def test_typing_in_one_scope_changes_nothing_in_front(engine: EngineServer, root: Path) -> None:
    engine.answer = says("anything()")
    text = "movements(sku)\n        rest = [one for one in found]\n"
    assert len(text) >= 50
    async with editing(
        engine, root, options={"completion": {"prefetch": False, "snippetTokens": 768}}
    ) as editor:
        await indexed(root)
        place = await opened(editor, root)
        await shown(editor, place, "class Storage:")
        engine.generations.clear()
        for char in text:
            await editor.suggest(place)
            place = await editor.type(place, char)
        assert len(engine.generations) > 10
        for before, after in pairwise(engine.generations):
            fronts = {each.prompt.partition("<|fim_prefix|>")[0] for each in (before, after)}
            # Only on a machine so busy that the typing seems to pause is the context chosen again.
            assert len(fronts) == 1 or after.started_s - before.started_s >= IDLE_S


async def test_what_was_copied_is_shown(engine: EngineServer, root: Path) -> None:
    engine.answer = says("anything()")
    async with editing(engine, root, options={"completion": {"snippetTokens": 1024}}) as editor:
        await indexed(root)
        place = await opened(editor, root)
        document = {"textDocument": {"uri": place.uri}}
        editor.session.client.protocol.notify(DID_COPY, {**document, "text": "total = sum(copied_amounts)"})
        position = types.Position(line=40, character=0)
        editor.session.client.protocol.notify(
            FOCUS, {**document, "position": position, "diagnostics": ["`round_money` is not defined"]}
        )
        front = await shown(editor, place, "copied_amounts")
    assert "def round_money" in front


async def test_unsaved_text_still_wins_after_a_folder_was_gone(engine: EngineServer, root: Path) -> None:
    engine.answer = says("anything()")
    async with editing(engine, root, options={"completion": {"snippetTokens": 768}}) as editor:
        await indexed(root)
        storage = root / "inventory" / "storage.py"
        text = storage.read_text("utf-8").replace("def movements(", "def unsaved_movements(")
        await editor.session.open(storage.as_uri(), "python", text)
        place = await opened(editor, root)
        await shown(editor, place, "def unsaved_movements(")
        folder = [types.WorkspaceFolder(root.as_uri(), root.name)]
        for event in (
            types.WorkspaceFoldersChangeEvent(added=[], removed=folder),
            types.WorkspaceFoldersChangeEvent(added=folder, removed=[]),
        ):
            editor.session.client.workspace_did_change_workspace_folders(
                types.DidChangeWorkspaceFoldersParams(event)
            )
        at = text.index("unsaved_movements")
        await editor.session.edit(storage.as_uri(), Edit(Span(at, at + len("unsaved")), "later"))
        await shown(editor, place, "def later_movements(")


@pytest.mark.parametrize(
    "options", [{"completion": {"snippetTokens": 0}}, {"context": {"index": False}}], ids=["none", "no index"]
)
async def test_nothing_is_shown_where_nothing_is_wanted(
    engine: EngineServer, root: Path, options: dict[str, object]
) -> None:
    engine.answer = says("movements(sku)")
    async with editing(engine, root, options=options) as editor:
        if "context" not in options:
            await indexed(root)
        assert await editor.suggest(await opened(editor, root)) == "movements(sku)"
        assert engine.generations[-1].prompt.startswith("<|fim_prefix|>")


@pytest.mark.parametrize(
    ("kind", "model", "is_shown"),
    [
        ("llama", "qwen2.5-coder-7b-instruct-q4_k_m", True),
        ("openai", "Qwen/Qwen2.5-Coder-7B-Instruct", True),
        ("llama", "someones-own", True),
        ("llama", "qwen2.5-coder-0.5b-instruct-q4_k_m", False),
        ("openai", "Qwen/Qwen2.5-Coder-0.5B-Instruct", False),
    ],
)
async def test_what_an_endpoint_runs_decides_whether_it_is_shown_other_files(
    engine: EngineServer, root: Path, kind: Literal["llama", "openai"], model: str, is_shown: bool
) -> None:
    engine.answer = says("movements(sku)")
    engine.kind, engine.model = kind, model
    async with editing(engine, root) as editor:
        await indexed(root)
        place = await opened(editor, root)
        if is_shown:
            assert "movements" in await shown(editor, place, "class Storage:")
        else:
            await editor.suggest(place)
            assert "<|file_sep|>" not in engine.last.prompt
