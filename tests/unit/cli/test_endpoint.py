"""`qwen-lsp endpoint`, as it is run in a terminal, against doubles of the servers."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from qwen_lsp import policy
from qwen_lsp.cli.endpoint import endpoint
from qwen_lsp.config import resolve, user_layer
from qwen_lsp.errors import QwenLspError
from qwen_lsp.model import discover
from tests.support.engine_server import Answer, EngineServer, Generation, running, says
from tests.support.holes import fills_holes
from tests.support.isolation import isolate_user


@pytest.fixture(autouse=True)
def settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate_user(monkeypatch, tmp_path / "home")


async def command(*arguments: str) -> tuple[int, str, str]:
    """Run the command beside the double's event loop; what an error says is what a terminal shows."""
    result = await asyncio.to_thread(CliRunner().invoke, endpoint, arguments)
    said = str(result.exception) if isinstance(result.exception, QwenLspError) else ""
    assert said or result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr + said


def template_eats(generation: Generation) -> Answer:
    return says("Sure! Here is how to complete the function:")


def server_with(script: Callable[[Generation], Answer], kind: str) -> EngineServer:
    assert kind in ("llama", "openai", "ollama")
    server = EngineServer(script=script, model="qwen2.5-coder-1.5b")
    server.kind = "llama" if kind == "llama" else "ollama" if kind == "ollama" else "openai"
    return server


@pytest.mark.parametrize("kind", ["llama", "ollama", "openai"])
async def test_one_that_works_is_added_and_taken_out(settings_file: Path, kind: str) -> None:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text("# mine\n[completion]\nlineTokens = 20  # short\n", "utf-8")
    async with running(server_with(fills_holes, kind)) as server:
        code, out, _ = await command("test", server.url, "--json")
        found = json.loads(out)
        assert (code, found["kind"], found["verdict"]) == (0, kind, "works")
        assert ("grammar" in found["missing"]) == (kind != "llama")
        code, out, err = await command("add", server.url)
        assert code == 0, err
        assert "3 of 3 holes right" in out
    config, problems = resolve([user_layer()[0]])
    assert problems == []
    assert (config.endpoint.url, config.endpoint.kind) == (server.url, kind)
    assert config.completion.line_tokens == 20
    assert "# mine" in settings_file.read_text("utf-8")
    assert "# short" in settings_file.read_text("utf-8")
    assert (await command("remove"))[0] == 0
    assert resolve([user_layer()[0]])[0].endpoint.url == ""
    assert "# short" in settings_file.read_text("utf-8")


async def test_one_whose_template_eats_the_markers_is_not_added(settings_file: Path) -> None:
    async with running(server_with(template_eats, "openai")) as server:
        code, out, err = await command("add", server.url)
        assert code != 0
        assert "chat template" in out
        assert "--force" in err
        assert not settings_file.exists()
        assert (await command("add", server.url, "--force"))[0] == 0
        assert server.url in settings_file.read_text("utf-8")


async def test_a_host_elsewhere_is_asked_about_first(settings_file: Path) -> None:
    code, _, err = await command("add", "http://gpu.example.org:8000")
    assert code != 0
    assert "gpu.example.org" in err
    assert not settings_file.exists()


async def test_an_address_without_a_scheme_is_one() -> None:
    async with running(server_with(fills_holes, "openai")) as server:
        code, _, err = await command("add", f"127.0.0.1:{server.port}")
    assert code == 0, err
    assert resolve([user_layer()[0]])[0].endpoint.url == server.url


@pytest.mark.parametrize("name", ["test", "add"])
async def test_a_host_that_the_administrator_forbids_gets_nothing(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    rules = tmp_path / "policy.toml"
    rules.write_text('allowedHosts = ["models.example.org"]\n', "utf-8")
    monkeypatch.setattr(policy, "system_file", lambda: rules)
    async with running(server_with(fills_holes, "openai")) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)  # through which any host can be reached here
        code, _, err = await command(name, "http://gpu.example.org", "--allow-remote")
        assert server.headers == []
    assert code != 0
    assert str(rules) in err
    assert not settings_file.exists()


async def test_nothing_there_is_a_sentence() -> None:
    code, _, err = await command("test", "http://127.0.0.1:9")
    assert code != 0
    assert "cannot be" in err


async def test_settings_that_cannot_be_read_stay(settings_file: Path) -> None:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text("[completion\n", "utf-8")
    async with running(server_with(fills_holes, "openai")) as server:
        code, _, err = await command("add", server.url)
    assert code != 0
    assert str(settings_file) in err
    assert settings_file.read_text("utf-8") == "[completion\n"


async def test_what_runs_here_is_found() -> None:
    async with (
        running(server_with(fills_holes, "ollama")) as ollama,
        running(server_with(fills_holes, "openai")) as other,
    ):
        found = await discover.find((ollama.port, 9, other.port))
    assert [(one.url, one.kind) for one in found] == [(ollama.url, "ollama"), (other.url, "openai")]


def answers_seven(generation: Generation) -> Answer:
    return says("7")


async def test_a_chat_endpoint_and_a_fallback_of_their_own(settings_file: Path) -> None:
    async with (
        running(server_with(fills_holes, "llama")) as first,
        running(server_with(fills_holes, "openai")) as second,
        running(server_with(answers_seven, "ollama")) as chat,
    ):
        for arguments in (
            (first.url,),
            (second.url, "--fallback"),
            ("engine", "--fallback"),
            (chat.url, "--for", "chat"),
        ):
            code, out, err = await command("add", *arguments)
            assert code == 0, err
        assert "a simple question got its right answer" in out or arguments[0] == chat.url
        config, problems = resolve([user_layer()[0]])
        assert problems == []
        assert config.endpoint.urls == (first.url, second.url, "engine")
        assert (config.endpoint.kind, config.endpoint.model) == ("auto", ""), "they differ"
        assert (config.endpoint.chat.url, config.endpoint.chat.kind) == (chat.url, "ollama")
        assert (await command("remove", "--for", "chat"))[0] == 0
        config, _ = resolve([user_layer()[0]])
        assert config.endpoint.of("chat") == config.endpoint.of("completion")
        assert (await command("remove"))[0] == 0
        assert resolve([user_layer()[0]])[0].endpoint.is_engine
        assert "endpoint" not in settings_file.read_text("utf-8")


async def test_remove_takes_what_add_wrote_and_nothing_else(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.parent.mkdir(parents=True, exist_ok=True)
    settings_file.write_text('[endpoint]\nallowedHosts = ["mine.example.org"]\n', "utf-8")
    before = settings_file.read_text("utf-8")

    def fills_documented_layout(generation: Generation) -> Answer:
        is_spm = generation.prompt.startswith("<|fim_prefix|><|fim_suffix|>")
        return says("what is this?") if is_spm else fills_holes(generation)

    async with running(server_with(fills_documented_layout, "openai")) as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)  # through which any host can be reached here
        code, _, err = await command("add", "http://gpu.invalid", "--allow-remote")
        assert code == 0, err
    config, _ = resolve([user_layer()[0]])
    assert config.endpoint.allowed_hosts == ("mine.example.org", "gpu.invalid")
    assert config.completion.layout == "psm"
    assert (await command("remove"))[0] == 0
    assert settings_file.read_text("utf-8").split() == before.split()


async def test_a_key_of_a_program_is_used_and_its_settings_taken_out_again(
    settings_file: Path, tmp_path: Path
) -> None:
    printing = tmp_path / "key of the keyring"
    printing.write_text("print('the-key')", "utf-8")
    async with running(server_with(fills_holes, "openai")) as server:
        server.api_key = "the-key"
        program = f"{sys.executable} '{printing}'"
        code, _, err = await command("add", server.url, "--key-command", program)
        assert code == 0, err
    config, problems = resolve([user_layer()[0]])
    assert problems == []
    assert config.endpoint.api_key_command == (sys.executable, str(printing))
    assert "the-key" not in settings_file.read_text("utf-8")
    assert (await command("remove"))[0] == 0
    assert resolve([user_layer()[0]])[0].endpoint.api_key_command == ()


async def test_a_key_that_is_asked_for_is_kept_for_its_user_alone(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(server_with(fills_holes, "openai")) as server:
        server.api_key = "the-key"
        result = await asyncio.to_thread(
            CliRunner().invoke, endpoint, ["add", server.url, "--ask-key"], input="the-key\n"
        )
        assert result.exit_code == 0, result.output
        assert "the-key" not in result.output + settings_file.read_text("utf-8")
        file = Path(str(resolve([user_layer()[0]])[0].endpoint.api_key_file))
        assert file.read_text("utf-8") == "the-key\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert (await command("test", server.url, "--key-file", str(file)))[0] == 0
        file.chmod(0o644)
        code, _, err = await command("test", server.url, "--key-file", str(file))
        assert code != 0
        assert f"chmod 600 {file}" in err
        assert (await command("remove"))[0] == 0
        assert not file.exists()
