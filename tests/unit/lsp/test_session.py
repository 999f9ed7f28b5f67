"""A session without a client: folders, layers of settings, and what changed settings replace."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from qwen_lsp.completion.outcome import Rejected
from qwen_lsp.config import Layer
from qwen_lsp.errors import EndpointUnavailable, ModelError
from qwen_lsp.lsp.session import Session
from qwen_lsp.text import Cursor, Document
from tests.support.engine_server import running
from tests.support.isolation import isolate_user


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate_user(monkeypatch, tmp_path / "home")


def session(**values: object) -> Session:
    return Session(Layer("command line", values))


def at_end(text: str) -> Cursor:
    return Cursor(Document("file:///code/a.py", text, 1, "python", "/code/a.py"), len(text))


def test_it_knows_neither_the_protocol_nor_the_framework() -> None:
    code = "import sys, qwen_lsp.lsp.session; print([n for n in ('pygls', 'lsprotocol') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("path", "root", "relative"),
    [
        ("/code/a.py", "/code", "a.py"),
        ("/code/inner/x/a.py", "/code/inner", "x/a.py"),
        ("/elsewhere/a.py", "", "a.py"),
        ("/codes/a.py", "", "a.py"),
        (None, "", None),
    ],
)
def test_the_innermost_folder_holds_a_document(path: str | None, root: str, relative: str | None) -> None:
    one = session()
    one.open_folders(["/code/", "/code/inner"])
    document = Document("file:///a.py", "", path=path)
    assert (one.root_of(document), one.relative_path(document)) == (root, relative)


async def test_the_command_line_wins_and_a_problem_is_reported_once() -> None:
    one = session(**{"completion.lineTokens": 5})
    first = await one.configure("client", {"completion": {"lineTokens": 9, "nonsense": 1}})
    assert one.config.completion.line_tokens == 5
    assert ["nonsense" in str(problem) for problem in first.problems] == [True]
    again = await one.configure("client", {"completion": {"nonsense": 1}})
    assert (again.problems, again.before == again.now) == ((), True)


async def test_a_closed_document_leaves_no_record() -> None:
    async with running() as engine:
        one = session(**{"endpoint.url": engine.url})
        await one.configure("client", {})
        cursor = at_end("total = sum(")
        asked = asyncio.create_task(one.completer.complete(cursor, "invoked"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        one.forget(cursor.document.uri)
        assert isinstance(await asked, Rejected)
        assert one.last_trace(cursor.document.uri) is None
        await one.close_host()


async def test_changed_settings_replace_the_completer_and_end_its_requests() -> None:
    async with running() as engine:
        one = session(**{"endpoint.url": engine.url})
        await one.configure("client", {})
        older = one.completer
        asked = asyncio.create_task(older.complete(at_end("total = sum("), "invoked"))
        await asyncio.sleep(0)
        await one.configure("client", {"completion": {"timeoutMs": 9000}})
        assert one.completer is not older
        outcome = await asked
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "superseded"
        await one.close_host()
        assert one.host_state("completion").phase == "off"


async def test_while_the_host_is_closed_requests_find_a_new_one() -> None:
    async with running() as engine:
        one = session(**{"endpoint.url": engine.url})
        await one.configure("client", {})
        older = one.completer
        closing = asyncio.create_task(one.close_host())
        await asyncio.sleep(0)
        assert one.completer is not older
        await closing
        await one.close_host()


async def test_the_engine_is_stopped_even_if_the_completer_cannot_be_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def failing() -> None:
        raise ZeroDivisionError("injected")

    async with running() as engine:
        one = session(**{"endpoint.url": engine.url})
        await one.configure("client", {})
        monkeypatch.setattr(one.completer, "close", failing)
        host = one.hosts.completion
        with pytest.raises(ZeroDivisionError):
            await one.close_host()
        with pytest.raises(EndpointUnavailable, match="being stopped"):
            await host.ready()


async def test_a_model_that_does_not_exist() -> None:
    one = session(**{"model.name": "no-such-model"})
    await one.configure("client", {})
    with pytest.raises(ModelError):
        _ = one.completer
    one.warm_up()  # says nothing
    assert one.last_trace("file:///a.py") is None
