"""Which folders are indexed, when the client changes them faster than a process starts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from qwen_lsp.config import Layer
from qwen_lsp.lsp.client import Client
from qwen_lsp.lsp.indexing import Indexing
from qwen_lsp.lsp.notebooks import Notebooks
from qwen_lsp.lsp.server import Server
from qwen_lsp.lsp.session import Session
from tests.support.isolation import isolate_user


async def test_folders_that_go_while_the_process_starts_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    isolate_user(monkeypatch, tmp_path / "home")
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    session = Session(Layer("command line", {}))
    indexing = Indexing(session, Client(Server()), Notebooks(session.documents))
    session.open_folders(map(str, folders))
    opening = asyncio.create_task(indexing.open())
    await asyncio.sleep(0)
    session.open_folders(())
    await asyncio.gather(opening, indexing.refresh())
    assert [indexing.of_folder(folder) for folder in folders] == [None, None]
    await indexing.close()
