"""A real vLLM, with the weights and the tokenizer of the 0.5B model: `make test-team`.

Not a part of `make test`: the setup downloads half a gigabyte and takes some minutes. QWEN_LSP_TEAM names the
folder that it is kept in; QWEN_LSP_TEAM_URL a server that runs already.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from lsprotocol import types

from qwen_lsp.completion import fim_check
from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.model import catalog, chat_check, likelihood
from qwen_lsp.model.chat import ask
from qwen_lsp.model.client import Client
from qwen_lsp.model.fim import render
from qwen_lsp.model.generation import ChatRequest, Message, Request
from qwen_lsp.model.remote import RemoteEndpoint
from tests.support.editor import editing
from tests.support.engine_server import EngineServer
from tests.support.isolation import isolate_user
from tests.team import vllm_server

FOLDER = os.environ.get("QWEN_LSP_TEAM", "")
pytestmark = [
    pytest.mark.skipif(not FOLDER, reason="`make test-team` runs a real vLLM"),
    pytest.mark.asyncio(loop_scope="module"),
]
PORT = 18_123
TOKENS = catalog.default_profile().tokens
BEFORE, AFTER = (
    "def add(first, second):\n    ",
    "\n\n\ndef multiply(first, second):\n    return first * second\n",
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with vllm_server.serving(Path(FOLDER), PORT) as url:
        yield url


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate_user(monkeypatch, tmp_path / "home")


@pytest_asyncio.fixture(loop_scope="module")
async def client(url: str) -> AsyncIterator[Client]:
    host = RemoteEndpoint(EndpointConfig(url=url), lambda state: None)
    yield await host.ready()
    await host.close()


async def metric(url: str, name: str) -> float:
    """Read a number of `/metrics`, over all its labels."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{url}/metrics")).text
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in text.splitlines()
        if re.match(rf"{re.escape(name)}[{{ ]", line)
    )


async def test_it_is_recognized(client: Client) -> None:
    end = client.endpoint
    assert (end.dialect.name, end.model) == ("vllm", vllm_server.NAME)
    assert end.context_tokens == vllm_server.CONTEXT_TOKENS
    assert len(await client.tokenize(TOKENS.fim_prefix)) == 1


async def test_markers_arrive_and_a_chat_is_answered(client: Client) -> None:
    result = await fim_check.check(client, TOKENS, "spm")
    assert result.verdict == "works", result
    assert result.has_logprobs
    assert await chat_check.answers(client)


@pytest.mark.parametrize("typed", ["ret", "    retu", "yie", "# 两"])
async def test_an_answer_begins_with_what_is_typed(client: Client, typed: str) -> None:
    prompt = render(TOKENS, "spm", BEFORE.rstrip(" "), AFTER)
    request = Request(prompt, 12, (*TOKENS.stops, "\n"), forced=typed, n_alternatives=8)
    async with client.stream(request) as stream:
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.text for chunk in chunks)
    assert text.startswith(typed)
    if typed.strip().startswith("ret"):
        assert text.strip() == "return first + second"
    assert all(len(chunk.logprobs) >= 1 for chunk in chunks if chunk.text)
    assert max(chunk.timings.prompt_tokens for chunk in chunks) > 20


async def test_likelihood_tells_right_from_wrong(client: Client) -> None:
    prompt = render(TOKENS, "spm", BEFORE, AFTER)
    passages = [
        await likelihood.read(client, prompt, text, 0)
        for text in ("return first + second", "return first ** 数量")
    ]
    right, wrong = passages
    assert (right.text, wrong.text) == ("return first + second", "return first ** 数量")
    assert right.mean > wrong.mean + 1


async def test_an_answer_goes_on_and_keeps_to_a_schema(client: Client) -> None:
    question = [Message("user", "Name the capital of France as JSON.")]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"capital": {"type": "string"}},
        "required": ["capital"],
        "additionalProperties": False,
    }
    assert "Paris" in (await ask(client, ChatRequest(question, 40, json_schema=schema))).text
    begun = await ask(client, ChatRequest([Message("user", "Count from 1.")], 8, begins="1, 2, 3,"))
    assert begun.text.startswith("1, 2, 3, 4")
    held = ChatRequest([Message("user", "Yes or no?")], 8, grammar='root ::= "maybe" ("!" | "?")')
    assert (await ask(client, held)).text in ("maybe!", "maybe?")


async def test_leaving_frees_the_server(client: Client, url: str) -> None:
    async with client.stream(Request("# The numbers from 1 to 900:\n1, 2, 3,", 2000)) as stream:
        async for chunk in stream:
            if chunk.text:
                break
    for _ in range(600):
        if await metric(url, "vllm:num_requests_running") == 0:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it goes on")


async def test_ghost_text_and_an_action_through_the_whole_server(url: str, tmp_path: Path) -> None:
    engine = EngineServer()
    user = {"endpoint.url": url, "completion.timeoutMs": 60_000}
    async with editing(engine, user=user) as editor:
        place = await editor.open("def add(first, second):\n    ret║\n\n\nprint(add(1, 2))\n")
        assert await editor.suggest(place) == "urn first + second"
        data = {
            "kind": "explain",
            "uri": place.uri,
            "range": {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}},
        }
        params = types.ExecuteCommandParams("qwenLsp.action", [data])
        answer = await asyncio.wait_for(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params), 300)
        assert "add" in str(answer), answer
        editor.take_messages()  # the explanation, for a client that shows no documents


async def test_a_review_asks_it(url: str, tmp_path: Path, home: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    home.parent.mkdir(parents=True, exist_ok=True)
    home.write_text(f'[endpoint]\nurl = "{url}"\n', "utf-8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (root / "app.py").write_text("def total(items):\n    return sum(items)\n", "utf-8")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        await asyncio.to_thread(subprocess.run, [*git, *command], cwd=root, check=True)
    # The second line is a rule's; the model is asked about what no rule has found.
    changed = "    names = [item.name for item in items if item.price > 3]\n    return eval(names)\n"
    (root / "app.py").write_text(f"def total(items):\n{changed}", "utf-8")
    before = await metric(url, "vllm:prompt_tokens_total")
    review = [sys.executable, "-P", "-m", "qwen_lsp", "review", "--model-pass"]
    ran = await asyncio.to_thread(subprocess.run, review, cwd=root, capture_output=True, text=True)
    assert "eval" in ran.stdout, ran
    assert await metric(url, "vllm:prompt_tokens_total") > before, "the questions were asked"
