"""What leaves this machine is recorded, and nothing else: sizes, hashes and names, never a text."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_lsp.cli.audit import audit as command
from qwen_lsp.model import audit
from qwen_lsp.model.chat import ask
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.dialects.openai import OPENAI
from qwen_lsp.model.generation import ChatRequest, Message, Request
from tests.support.engine_server import EngineServer, running
from tests.support.isolation import isolate_user

SECRET = "ghp_" + "k3J9" * 9
SOURCES = ("src/shop.py", "src/prices.py")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    isolate_user(monkeypatch, tmp_path / "home")
    audit._handler.cache_clear()
    yield
    if audit._handler.cache_info().currsize:
        audit._handler().close()
    audit._handler.cache_clear()


async def send(server: EngineServer, url: str, *, keeps_text: bool = False) -> None:
    client = Client(Endpoint(url, OPENAI, model="qwen", keeps_text=keeps_text))
    request = Request(f'token = "{SECRET}"\nvalue = ', 8, sources=SOURCES)
    async with client.stream(request) as chunks:
        assert [chunk async for chunk in chunks]
    await ask(client, ChatRequest([Message("user", "Explain.")], 8, sources=SOURCES[:1]))
    await client.close()


async def test_what_goes_to_another_machine_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(EngineServer(kind="openai")) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)  # through which any host can be reached here
        await send(server, "http://gpu.invalid")
        asked = [generation.body for generation in server.generations]
    first, second = audit.read()
    assert (first.host, first.path, first.files) == ("gpu.invalid", "/v1/completions", SOURCES)
    assert (second.path, second.files) == ("/v1/chat/completions", SOURCES[:1])
    assert (first.n_redacted, second.n_redacted) == (1, 0)
    sent = [json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() for body in asked]
    assert first.n_bytes == len(sent[0])
    assert first.sha256 == hashlib.sha256(sent[0]).hexdigest()
    text = audit.audit_file().read_text("utf-8")
    assert not any(part in text for part in (SECRET, "value = ", "Explain."))
    assert stat.S_IMODE(audit.audit_file().stat().st_mode) == 0o600
    shown = CliRunner().invoke(command, ["--days", "1"]).stdout
    assert "gpu.invalid" in shown
    assert "src/prices.py, 1 secrets taken out" in shown


async def test_the_text_is_kept_on_request_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(EngineServer(kind="openai")) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        await send(server, "http://gpu.invalid", keeps_text=True)
        sent = [generation.body for generation in server.generations]
    for kept, body in zip(audit.read(), sent, strict=True):
        assert json.loads(kept.text).items() <= body.items()
    assert SECRET not in audit.audit_file().read_text("utf-8")
    assert stat.S_IMODE(audit.audit_file().stat().st_mode) == 0o600
    assert "Explain." in CliRunner().invoke(command, ["--text"]).stdout
    assert "Explain." not in CliRunner().invoke(command, ["--json"]).stdout


async def test_what_stays_here_is_not() -> None:
    async with running(EngineServer(kind="openai")) as server:
        await send(server, server.url)
    assert list(audit.read()) == []
    assert not audit.audit_file().exists()
    assert "nothing left this machine" in CliRunner().invoke(command).stdout


async def test_a_record_that_cannot_be_written_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    audit.audit_file().parent.parent.mkdir(parents=True, exist_ok=True)
    audit.audit_file().parent.write_text("a file where the folder would be", "utf-8")
    async with running(EngineServer(kind="openai")) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        await send(server, "http://gpu.invalid")
        assert server.generations
