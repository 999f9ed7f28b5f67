"""Where the key of an endpoint comes from, with real programs and files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from qwen_lsp.endpoints import EndpointConfig
from qwen_lsp.errors import ConfigError
from qwen_lsp.model import keys


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_printed", {})
    monkeypatch.setattr(keys, "_failed", {})


def program(text: str) -> EndpointConfig:
    return EndpointConfig(url="http://127.0.0.1:1", api_key_command=(sys.executable, "-c", text))


def test_a_program_prints_the_key_and_runs_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    config = program(f"open({str(count)!r}, 'a').write('x'); print('the-key')")
    assert [keys.api_key(config) for _ in range(3)] == ["the-key"] * 3
    assert count.read_text("utf-8") == "x"


def test_one_that_fails_is_a_sentence_without_its_output_and_is_not_asked_at_each_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    config = program(
        f"import sys; open({str(count)!r}, 'a').write('x'); print('half-a-key'); sys.exit('it is locked')"
    )
    for _ in range(3):
        with pytest.raises(ConfigError, match="ended with 1: it is locked") as caught:
            keys.api_key(config)
        assert "half-a-key" not in str(caught.value)
    assert count.read_text("utf-8") == "x"
    monkeypatch.setattr(keys, "_PAUSE_S", 0.0)
    with pytest.raises(ConfigError):
        keys.api_key(config)
    assert count.read_text("utf-8") == "xx"


@pytest.mark.parametrize("text", ["", "print()", "print('one\\ntwo')", "print('a\\x1b[0m')"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="printed no key"):
        keys.api_key(program(text))


def test_a_program_that_is_not_there() -> None:
    config = EndpointConfig(url="http://127.0.0.1:1", api_key_command=("no-such-keyring", "get"))
    with pytest.raises(ConfigError, match=r"apiKeyCommand.*no-such-keyring.*cannot be run"):
        keys.api_key(config)


def test_no_program_of_the_working_folder_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    planted = tmp_path / "keyring"
    planted.write_text("#!/bin/sh\necho planted\n", "utf-8")
    planted.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f".{os.pathsep}")
    for name in ("keyring", "./keyring"):
        with pytest.raises(ConfigError, match="cannot be run"):
            keys.api_key(EndpointConfig(url="http://127.0.0.1:1", api_key_command=(name,)))


def test_the_variable_comes_first_then_the_program_then_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("of-the-file\n", "utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("TEAM_KEY", "of-the-variable")
    command = (sys.executable, "-c", "print('of-the-program')")
    url = "http://127.0.0.1:1"
    of_file = EndpointConfig(url=url, api_key_file=str(file))
    of_program = EndpointConfig(url=url, api_key_file=str(file), api_key_command=command)
    of_variable = EndpointConfig(
        url=url, api_key_file=str(file), api_key_command=command, api_key_env="TEAM_KEY"
    )
    found = [keys.api_key(one) for one in (of_file, of_program, of_variable)]
    assert found == ["of-the-file", "of-the-program", "of-the-variable"]
