"""What typing costs a shared server, against a double with a prefix cache, and one without."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qwen_lsp.bench import team
from qwen_lsp.cli.bench import bench
from qwen_lsp.errors import ConfigError
from tests.support.engine_server import Answer, EngineServer, Generation, running, says
from tests.support.isolation import isolate_user


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return isolate_user(monkeypatch, tmp_path / "home")


class PrefixCache:
    """Has what it has read before, as the double counts tokens: four characters each."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def __call__(self, generation: Generation) -> Answer:
        common = (_common(generation.prompt, one) for one in self.prompts)
        generation.cached_tokens = max(common, default=0) // 4
        self.prompts.append(generation.prompt)
        return says("order.price")


def _common(first: str, second: str) -> int:
    """Return how many characters two texts begin with in common."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((number for number, (one, other) in pairs if one != other), min(len(first), len(second)))


async def measured(server: EngineServer, *options: str) -> list[dict[str, Any]]:
    arguments = ["team", server.url, "--json", *options]
    result = await asyncio.to_thread(CliRunner().invoke, bench, arguments)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["costs"]
    return found


async def test_an_append_only_prompt_costs_a_cache_what_is_typed_and_the_documented_order_its_suffix() -> (
    None
):
    async with running(EngineServer(script=PrefixCache(), kind="openai")) as server:
        spm, psm, many = await measured(server, "--users", "3", "--keys", "30")
    assert (spm["layout"], psm["layout"], many["layout"], many["users"]) == ("spm", "psm", "spm", 3)
    assert spm["keys"] == 30
    assert many["keys"] == 90
    assert spm["read_tokens"] <= 2
    assert psm["read_tokens"] > 10 * spm["read_tokens"]
    assert spm["first_read_tokens"] > 500
    assert abs(many["read_tokens"] - spm["read_tokens"]) < 1, "users do not push each other out"


async def test_without_a_cache_everything_is_read() -> None:
    async with running(EngineServer(kind="openai")) as server:
        (spm,) = await measured(server, "--users", "1", "--keys", "3", "--layout", "spm")
    assert spm["read_tokens"] == spm["prompt_tokens"] > 500


async def test_it_reads_as_a_sentence_for_each_row() -> None:
    async with running(EngineServer(kind="openai")) as server:
        arguments = ["team", server.url, "--users", "2", "--keys", "2"]
        result = await asyncio.to_thread(CliRunner().invoke, bench, arguments)
    assert "spm, 1 user: " in result.output
    assert "spm, 2 users: " in result.output
    assert "waits" in result.output


def test_a_host_that_is_not_allowed_gets_nothing() -> None:
    result = CliRunner().invoke(bench, ["team", "http://gpu.invalid"])
    assert isinstance(result.exception, ConfigError)
    assert "gpu.invalid" in str(result.exception)


def test_each_key_adds_to_the_prompt() -> None:
    first, *rest = team.requests(7, "spm", 20)
    assert all(one.prompt.startswith(first.prompt[:-40]) for one in rest)
    assert len(rest) == 20
