"""The boundary to an administrator: the policy stands above the user's settings, and only takes away."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp import policy
from qwen_lsp.cli.doctor import check_policy
from qwen_lsp.config import Config, Layer, resolve

TEAM = "https://models.example.org/v1"
USER: dict[str, Any] = {
    "endpoint.url": TEAM,
    "endpoint.allowRemote": True,
    "engine.program": "llama-server",
    "model.sources": ["packages", "huggingface"],
}


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The administrator's file, in a place of the test's own."""
    path = tmp_path / "policy.toml"
    monkeypatch.setattr(policy, "system_file", lambda: path)
    monkeypatch.delenv("QWEN_LSP_POLICY", raising=False)
    return path


def resolved(values: dict[str, Any] | None = None) -> tuple[Config, list[str]]:
    config, problems = resolve([Layer("file", values or USER, trusted=True)])
    return config, [str(problem) for problem in problems]


def test_without_a_policy_the_user_decides(file: Path) -> None:
    config, problems = resolved()
    assert problems == []
    assert config.endpoint.url == TEAM
    assert config.engine.program == "llama-server"
    assert check_policy().status == "ok"


def test_hosts(file: Path) -> None:
    file.write_text('allowedHosts = ["models.example.org"]\n', "utf-8")
    assert resolved()[0].endpoint.url == TEAM
    file.write_text('allowedHosts = ["other.example.org"]\n', "utf-8")
    config, problems = resolved()
    assert config.endpoint.url == ""
    assert problems == [f"{file}: `endpoint.url` does not allow {TEAM}"]
    local = {"endpoint.url": "http://127.0.0.1:8080"}
    assert resolved(local)[0].endpoint.url == local["endpoint.url"], "this machine is not another one"


def test_redaction_sources_and_programs(file: Path) -> None:
    file.write_text('redact = true\nmodelSources = ["packages"]\nengineProgram = false\n', "utf-8")
    config, problems = resolved()
    assert config.endpoint.redact == "always"
    assert config.model.sources == ("packages",)
    assert config.engine.program == ""
    assert "program of your own" in problems[0]
    assert "packages" in check_policy().detail


@pytest.mark.parametrize(
    "content", [b"allowedHosts = 7\n", b"x", b"\xff", b"allowedHost = []\n", b"a" * 2_000_000]
)
def test_what_cannot_be_read_allows_nothing(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    config, problems = resolved()
    assert (config.endpoint.url, config.engine.program, config.model.sources) == ("", "", ())
    assert str(file) in problems[0]
    assert check_policy().status == "failed"


def test_the_environment_can_only_add_limits(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file.write_text("allowedHosts = []\nengineProgram = false\n", "utf-8")
    lenient = tmp_path / "lenient.toml"
    lenient.write_text('allowedHosts = ["models.example.org"]\nengineProgram = true\n', "utf-8")
    for named in (lenient, tmp_path / "missing.toml"):
        monkeypatch.setenv("QWEN_LSP_POLICY", str(named))
        config, _ = resolved()
        assert (config.endpoint.url, config.engine.program) == ("", "")


def test_no_layer_gets_around_it(file: Path) -> None:
    file.write_text('allowedHosts = ["models.example.org"]\nredact = true\nengineProgram = false\n', "utf-8")
    chance = random.Random(3)
    values: list[dict[str, Any]] = [
        {"endpoint.url": "https://evil.example", "endpoint.allowRemote": True},
        {"endpoint": {"url": "https://evil.example", "allowedHosts": ["evil.example"]}},
        {"endpoint.redact": "remote"},
        {"engine.program": "/bin/sh"},
        USER,
    ]
    for _ in range(200):
        layers = [Layer(f"{n}", chance.choice(values), trusted=chance.random() < 0.7) for n in range(4)]
        config, _ = resolve(layers)
        assert config.endpoint.url in ("", TEAM)
        assert config.endpoint.redact == "always"
        assert config.engine.program == ""


def test_each_address_of_a_list_and_of_chat(file: Path) -> None:
    file.write_text('allowedHosts = ["models.example.org"]\n', "utf-8")
    evil = "https://evil.example"
    values = {"endpoint": {"url": [evil, TEAM, "engine"], "allowRemote": True, "chat": {"url": evil}}}
    config, problems = resolved(values)
    assert config.endpoint.urls == (TEAM, "engine")
    assert config.endpoint.of("chat").is_engine, "nor does it go to completion's endpoint"
    assert len(problems) == 2
