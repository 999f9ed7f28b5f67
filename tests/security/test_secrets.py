"""The boundary to another machine, for secrets: 20 kinds, in a completion, a snippet, an action, a review.

A name that is no loopback address leads to a listener here, through a proxy that the environment names.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import files
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from qwen_lsp.config import Layer, resolve
from qwen_lsp.model import gate
from qwen_lsp.model.chat import ask
from qwen_lsp.model.client import Client, Endpoint
from qwen_lsp.model.generation import ChatRequest, Message, Request
from qwen_lsp.redaction import mask, redact, spans
from qwen_lsp.secret_files import SECRET_FILES, is_excluded
from tests.support.editor import editing, within
from tests.support.engine_server import EngineServer, says
from tests.support.scaling import MAX_GROWTH, growth, ratio
from tests.support.secrets import Planted, planted

PLANTED = planted()
MAX_PASSED = 0.05
MAX_TOUCHED = 0.01


@contextmanager
def remote(engine: EngineServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Lead http://team.example to the scripted engine, and nothing else anywhere."""
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, engine.url)
    yield "http://team.example"


def leaked(cases: list[Planted], sent: str) -> list[Planted]:
    return [case for case in cases if case.secret in sent]


def everything(engine: EngineServer) -> str:
    """All that reached the engine, as texts."""
    return "\n".join(json.dumps(made.body, ensure_ascii=False) for made in engine.generations).replace(
        "\\n", "\n"
    )


def test_two_hundred_secrets_are_found() -> None:
    passed = [case for case in PLANTED if case.secret in gate.masked(case.text)[0]]
    assert len(PLANTED) == 200
    assert len({case.kind for case in PLANTED}) == 20
    assert len(passed) <= MAX_PASSED * len(PLANTED), passed


def ordinary_lines(n: int) -> list[str]:
    """Lines of real Python packages, drawn by a seed."""
    chance = random.Random(11)
    names = sorted(
        str(file.locate())
        for package in ("rich", "httpx", "pygls", "mypy", "hypothesis", "jsonschema")
        for file in files(package) or ()
        if file.name.endswith(".py")
    )
    lines: list[str] = []
    while len(lines) < n:
        text = Path(chance.choice(names)).read_text("utf-8", errors="replace")
        found = [line for line in text.splitlines() if line.strip()]
        lines += chance.sample(found, min(5, len(found)))
    return lines[:n]


def test_ordinary_lines_are_left_alone() -> None:
    lines = ordinary_lines(2000)
    touched = [line for line in lines if gate.masked(line)[1]]
    assert len(touched) <= MAX_TOUCHED * len(lines), touched


def test_a_placeholder_has_the_length_and_the_kind_of_the_secret() -> None:
    for case in PLANTED:
        text, count = gate.masked(case.text)
        assert len(text) == len(case.text)
        assert text.count("\n") == case.text.count("\n")
        if count:
            assert gate.masked(text)[0] == text, "and it is taken for what it stands for"


def test_control_tokens_are_no_text() -> None:
    parts = [
        "<|repo_name|>shop\n",
        "<|file_sep|>a.py\n",
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
    ]
    for case in PLANTED:
        prompt = (
            parts[0] + parts[1] + case.text + parts[2] + parts[3] + case.text.rstrip() + parts[4] + case.text
        )
        text, _ = gate.masked(prompt)
        assert len(text) == len(prompt)
        for part in parts:
            assert text.count(part) == prompt.count(part)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "password",
            "password=",
            "token: ",
            "a.",
            "secret='",
            "x = 'y",
            "sk-",
            "eyJaaaaaaaa.",
            "http://a:",
            "Bearer ",
        ),
        *(
            "-----BEGIN PRIVATE KEY-----",
            "A" * 64 + "\n",
            "-----BEGIN ",
            "token_",
            "[[[",
            "AKIA",
            "1234567890:",
            "\n",
        ),
    ],
)
def test_looking_for_secrets_is_linear(unit: str) -> None:
    number = count()
    short, long = ((unit * (length // len(unit) + 1))[:length] for length in (20_000, 80_000))
    # A quadratic one costs sixteen times as much. What was looked at once is remembered, hence the numbers.
    assert ratio(lambda text: spans(f"{next(number)}{text}"), short, long, 8) <= 8


async def test_nothing_passes_in_a_completion(monkeypatch: pytest.MonkeyPatch, engine: EngineServer) -> None:
    with remote(engine, monkeypatch) as url:
        user = {"endpoint.url": url, "endpoint.allowRemote": True}
        async with editing(engine, user=user) as editor:
            for number, case in enumerate(PLANTED):
                place = await editor.open(f"{case.text}def total_{number}(items):\n    return ║\n")
                await editor.suggest(place)
                await editor.session.close(place.uri)
        sent = everything(engine)
        assert "total_199" in sent
        assert len(leaked(PLANTED, sent)) <= MAX_PASSED * len(PLANTED)


async def test_nothing_passes_in_what_other_texts_bring(
    monkeypatch: pytest.MonkeyPatch, engine: EngineServer
) -> None:
    """Snippets stand in the prompt in the repository's form; actions and reviews are chats and grammars."""
    with remote(engine, monkeypatch) as url:
        client = Client(Endpoint(url))
        engine.answer = says("ok")
        for case in PLANTED:
            snippets = f"<|repo_name|>\n<|file_sep|>{case.name}\n{case.text}\n<|fim_prefix|><|fim_suffix|>"
            async with client.stream(Request(f"{snippets}<|fim_middle|>x", 1)) as chunks:
                _ = [chunk async for chunk in chunks]
            messages = [
                Message("system", "Explain."),
                Message("user", f"```\n{case.text}```\nIt fails: {case.text}"),
            ]
            await ask(
                client, ChatRequest(messages, 1, begins=case.text, grammar=f'root ::= "{case.secret[:4]}"')
            )
            await client.tokenize(case.text)
        await client.close()
        sent = everything(engine)
        assert len(leaked(PLANTED, sent)) <= MAX_PASSED * len(PLANTED)
        assert client.redacted > 3 * 190


def secret_repository(root: Path) -> list[Path]:
    """Make a repository of 20 files with ten secrets each, none of them committed yet."""
    files = [root / f"settings_{number}.py" for number in range(20)]
    root.mkdir()
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for number, file in enumerate(files):
        file.write_text(f"def load_{number}(items):\n    return items\n", "utf-8")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    for number, file in enumerate(files):
        texts = "".join(case.text for case in PLANTED[number::20])
        body = f'    """Load.\n\n{texts}"""\n    return [item for item in items if item == {number}]\n'
        file.write_text(f"def load_{number}(items):\n{body}", "utf-8")
    return files


async def test_nothing_passes_in_what_the_features_send(
    monkeypatch: pytest.MonkeyPatch, engine: EngineServer, settings_file: Path, tmp_path: Path
) -> None:
    """Actions and reviews, asked for as an editor and a terminal do."""
    root = tmp_path / "shop"
    files = secret_repository(root)
    engine.model, engine.answer = "qwen2.5-coder-7b", says("It loads.")
    sent: dict[str, str] = {}

    def take(part: str) -> None:
        sent[part] = everything(engine)
        engine.generations.clear()

    with remote(engine, monkeypatch) as url:
        user = {"endpoint.url": url, "endpoint.allowRemote": True}
        async with editing(engine, root, user=user) as editor:
            for file in files:
                text = file.read_text("utf-8")
                place = await editor.open(f"║{text}", uri=file.as_uri())
                last = {"line": text.count("\n"), "character": 0}
                data: dict[str, Any] = {"kind": "explain", "uri": place.uri}
                data["range"] = {"start": {"line": 0, "character": 0}, "end": last}
                params = types.ExecuteCommandParams("qwenLsp.action", [data])
                await within(editor.session.request(types.WORKSPACE_EXECUTE_COMMAND, params))
                await editor.session.close(place.uri)
            editor.take_messages()
            take("actions")
        settings_file.parent.mkdir(parents=True, exist_ok=True)
        settings_file.write_text(f'[endpoint]\nurl = "{url}"\nallowRemote = true\n', "utf-8")
        review = [sys.executable, "-P", "-m", "qwen_lsp", "review", "--model-pass"]
        await asyncio.to_thread(subprocess.run, review, cwd=root, capture_output=True)
        take("review")
    for part, text in sent.items():
        assert "item in items" in text, f"{part}: nothing was sent"
        passed = leaked(PLANTED, text)
        assert len(passed) <= MAX_PASSED * len(PLANTED), (part, passed)


async def test_the_start_of_an_answer_is_no_way_out(
    monkeypatch: pytest.MonkeyPatch, engine: EngineServer
) -> None:
    with remote(engine, monkeypatch) as url:
        client = Client(Endpoint(url))
        secret = "hunter2hunter2x"
        async with client.stream(Request(f'password = "{secret[:5]}', 1, forced=secret[5:])) as chunks:
            _ = [chunk async for chunk in chunks]
        await client.close()
        assert secret[5:] not in everything(engine)


async def test_on_this_machine_nothing_is_replaced(engine: EngineServer) -> None:
    """The reverse case; and with `always` it is."""
    for must_redact in (False, True):
        client = Client(Endpoint(engine.url, must_redact=must_redact))
        async with client.stream(Request('password = "hunter2hunter2"', 1)) as chunks:
            _ = [chunk async for chunk in chunks]
        await client.close()
        assert ("hunter2hunter2" in engine.last.prompt) is not must_redact


NAMES = (
    *(
        ".env",
        "a/.env.local",
        "prod.env",
        "deploy/key.pem",
        "server.key",
        "id_rsa",
        ".ssh/id_ed25519",
        "credentials.json",
    ),
    *(
        ".aws/credentials",
        "gcp/service-account-prod.json",
        ".npmrc",
        ".pypirc",
        ".netrc",
        "secrets.yaml",
        "x.tfvars",
    ),
    *(".docker/config.json", "keys/store.jks", "C:\\work\\.ENV", ".git-credentials", "terraform.tfstate"),
)
ORDINARY = (
    *(
        "app.py",
        ".env.example",
        "id_rsa.pub",
        "environment.py",
        "keys.py",
        "docs/secrets.md",
        "config.json",
        "a/env.ts",
    ),
    *("credentials.py", "src/credentials/models.py", "token.go", "pem.rs", "package.json"),
)


def test_secret_files_by_name() -> None:
    assert [name for name in NAMES if not is_excluded(name)] == []
    assert [name for name in ORDINARY if is_excluded(name)] == []


def test_a_workspace_can_only_add_to_what_is_left_out() -> None:
    config, problems = resolve([Layer("client", {"completion.exclude": ["!.env", "*.sql", "!*"]})])
    assert problems == []
    assert config.completion.exclude == (*SECRET_FILES, "*.sql")
    config, _ = resolve([Layer("file", {"completion.exclude": ["*.sql"]}, trusted=True)])
    assert config.completion.exclude == ("*.sql",)


def test_a_pattern_costs_no_more_than_the_path() -> None:
    pattern = "*a*a*a*a*a*a*a*a*a*a*a*a*b"
    assert growth(lambda n: "a" * n, lambda path: is_excluded(path, (pattern,)), 10_000) <= MAX_GROWTH


@pytest.mark.parametrize("name", [".env", "credentials.json", "private/notes.py"])
async def test_a_secret_file_is_never_completed_viewed_or_acted_on(
    engine: EngineServer, tmp_path: Path, name: str
) -> None:
    root = tmp_path / "shop"
    file = root / name
    file.parent.mkdir(parents=True)
    (root / ".qwenignore").write_text("private/\n", "utf-8")
    (root / "main.py").write_text("import os\n", "utf-8")
    canary = "canary_9f2c"
    file.write_text(f"value = '{canary}'\n", "utf-8")
    engine.model = "qwen2.5-coder-7b"  # of a size that is shown other files
    async with editing(engine, root, options={"completion": {"snippetTokens": 400}}) as editor:
        place = await editor.open(f"value = '{canary}'║\n", uri=file.as_uri(), language="python")
        assert await editor.suggest(place) is None
        trace = await editor.why(place.uri)
        assert trace.outcome == "excluded", trace
        place = await editor.type(place, "  # again")
        editor.session.client.protocol.notify(
            "qwenLsp/didFocus",
            {"textDocument": {"uri": place.uri}, "position": {"line": 0, "character": 0}},
        )
        actions = await editor.session.actions(place.uri, 0, 9)
        assert [action for action in actions if (action.data or {}).get("kind")] == []
        other = await editor.open("import os\nvalue = ║\n", uri=(root / "main.py").as_uri())
        assert await editor.suggest(other) == "pass"
    assert canary not in everything(engine)
    assert "import os" in everything(engine)


def test_redaction_for_people_keeps_its_mark() -> None:
    assert redact('token = "abc123def456"') == 'token = "‹redacted›"'
    assert mask("nothing here") == ("nothing here", 0)
