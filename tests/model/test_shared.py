"""Two windows and one real engine: loaded once, each window's text for itself, whoever types served first."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil
import pytest
import pytest_asyncio

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.editor import Session
from qwen_lsp.config import Config, EngineConfig, ModelConfig
from qwen_lsp.errors import EndpointStale
from qwen_lsp.model import catalog, runtime, shared
from qwen_lsp.model.client import Client
from qwen_lsp.model.engine import CHAT_SLOT, COMPLETION_SLOT
from qwen_lsp.model.generation import ChatRequest, Message, Request
from qwen_lsp.model.hosts import ModelHosts
from qwen_lsp.model.shared import SharedEngine
from tests.model.conftest import READY_S
from tests.support.editor import within
from tests.support.shared_kills import survives_kills
from tests.support.waiting import until
from tests.support.weights import required_file

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

USER = {
    "engine.shared": True,
    "engine.lingerSeconds": 0.5,
    "engine.contextTokens": 2048,
    "engine.cacheMib": 64,
    "completion.timeoutMs": 300_000,
}
CONFIG = EngineConfig(context_tokens=2048, cache_mib=64, linger_seconds=0.5)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Path]:
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    yield runtime.folder()
    await shared.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def windows(
    model_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Client, Client]]:
    """Two windows on one engine, for the tests that only ask."""
    runtime_folder = str(tmp_path_factory.mktemp("runtime"))
    opened = [SharedEngine(CONFIG, lambda: model_file, lambda state: None) for _ in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", runtime_folder)
        first, second = [await within(one.ready(), READY_S) for one in opened]
    yield first, second
    for one in opened:
        await one.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", runtime_folder)
        await shared.stop()


async def completes(session: Session, uri: str, text: str) -> str:
    await session.open(uri, "python", text)
    items = await within(session.complete(uri, len(text)), READY_S)
    return str(items[0].insert_text) if items else ""


async def engines() -> list[int]:
    status = await shared.status()
    return [engine.pid for engine in status.engines] if status is not None else []


async def test_two_servers_have_one_engine_which_is_loaded_once(place: Path) -> None:
    async with AsyncExitStack() as stack:
        times: list[float] = []
        for number in range(2):
            started = time.monotonic()
            session = await stack.enter_async_context(lsp_session.start(user=USER))
            answer = await completes(session, f"untitled:{number}", "def add(first, second):\n    return ")
            times.append(time.monotonic() - started)
            assert "first + second" in answer
        print("seconds to the first answer:", times)
        (pid,) = await engines()
        engine = psutil.Process(pid)
        await until(lambda: engine.is_running(), "it runs")
    await until(lambda: not engine.is_running(), "it ends after the last window")
    assert runtime.read(place) is None


async def test_what_one_window_has_sent_is_in_no_answer_of_another(windows: tuple[Client, Client]) -> None:
    """Nor does one push the other out of the engine's memory."""
    prompts = [
        "".join(f"marker_{name}_{line} = {line}\n" for line in range(10)) + f"marker_{name}_10 = "
        for name in ("ash", "oak")
    ]
    for turn in range(2):
        for client, prompt, other in zip(windows, prompts, ("oak", "ash"), strict=True):
            text, timings = "", None
            async with client.stream(Request(prompt, 12, (), COMPLETION_SLOT)) as chunks:
                async for chunk in chunks:
                    text, timings = text + chunk.text, chunk.timings
            assert text.strip()
            assert other not in text
            assert timings is not None
            assert not turn or timings.cached_tokens > 0.9 * timings.prompt_tokens


@pytest.mark.slow
async def test_eight_windows_at_once_are_never_answered_about_anothers_text(model_file: Path) -> None:
    """With a memory for earlier prompts, llama.cpp gave two of a hundred answers about another window's."""
    names = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple")
    config = msgspec.structs.replace(CONFIG, cache_mib=256)
    hosts = [SharedEngine(config, lambda: model_file, lambda state: None) for _ in names]
    answers = Counter[bool]()

    async def typed(name: str, client: Client) -> None:
        file = "".join(
            f"def {name}_{what}({name}_rows):\n"
            f"    return [{name}_row.{what} for {name}_row in {name}_rows]\n\n\n"
            for what in ("price", "weight", "colour", "title", "owner", "place")
        )
        text = f"def {name}_total({name}_rows):\n    {name}_sum = 0\n    for {name}_row in {name}_rows:\n"
        for end in range(1, len(text), 3):
            request = Request(file + text[:end], 12)
            with suppress(EndpointStale):
                async with client.stream(request) as chunks:
                    answer = "".join([chunk.text async for chunk in chunks])
                words = set(re.findall("[a-z]+", text[:end].rpartition(" ")[2] + answer))
                answers[bool(words & set(names) - {name})] += 1

    try:
        clients = [await within(host.ready(), READY_S) for host in hosts]
        await asyncio.gather(*(typed(name, client) for name, client in zip(names, clients, strict=True)))
    finally:
        for host in hosts:
            await host.close()
    assert answers[True] == 0
    assert answers[False] > 100


async def test_who_types_on_finds_the_text_that_the_last_key_had_read(windows: tuple[Client, Client]) -> None:
    """A key gives the answer to the one before it up, whose slot is busy for some moments more."""
    client, _ = windows
    prompt = "".join(f"key_{line} = {line}\n" for line in range(60))
    missed: list[int] = []
    for number, key in enumerate("key_60 = 6"):
        prompt += key
        async with client.stream(Request(prompt, 48, (), COMPLETION_SLOT)) as chunks:
            async for chunk in chunks:
                if chunk.text:
                    if number:
                        missed.append(chunk.timings.prompt_tokens - chunk.timings.cached_tokens)
                    break
    print("tokens read at each key:", missed)
    assert max(missed) < 32


async def test_a_long_prompt_of_one_window_makes_way_for_a_key_in_another(
    windows: tuple[Client, Client],
) -> None:
    client, other = windows
    long = "".join(f"value_{line} = compute({line})\n" for line in range(40))

    async def review() -> float:
        async with client.stream(Request(long, 1, (), CHAT_SLOT)) as chunks:
            _ = [chunk async for chunk in chunks]
        return time.monotonic()

    reviewing = asyncio.create_task(review())
    await asyncio.sleep(0.3)
    async with other.stream(Request("x = [1, 2, ", 4, (), COMPLETION_SLOT)) as chunks:
        assert "".join([chunk.text async for chunk in chunks]).strip()
    key_s = time.monotonic()
    assert await within(reviewing, READY_S) > key_s, "it was read after the key was answered"


async def test_an_answer_to_a_review_makes_way_while_it_is_written(model_file: Path) -> None:
    """It is written again afterwards, whole and once, with what it had read still in the cache."""
    first = SharedEngine(CONFIG, lambda: model_file, lambda state: None)
    second = SharedEngine(CONFIG, lambda: model_file, lambda state: None)
    try:
        client, other = [await within(host.ready(), READY_S) for host in (first, second)]

        async def review() -> tuple[str, float]:
            request = Request("1, 2, 3, 4, 5,", 96, (), CHAT_SLOT, is_background=True)
            async with client.stream(request) as chunks:
                return "".join([chunk.text async for chunk in chunks]), time.monotonic()

        reviewing = asyncio.create_task(review())
        await asyncio.sleep(0.5)
        async with other.stream(Request("x = [1, 2, ", 4, (), COMPLETION_SLOT)) as chunks:
            assert "".join([chunk.text async for chunk in chunks]).strip()
        key_s = time.monotonic()
        text, review_s = await within(reviewing, READY_S)
        assert review_s > key_s
        assert text.startswith(" 6, 7, 8, 9, 10, 11, 12, 13")
        assert text.count(" 6, 7,") == 1
    finally:
        await first.close()
        await second.close()


async def test_it_sleeps_and_wakes_with_the_next_request(model_file: Path) -> None:
    """Waking costs what starting does, on a machine that may be busier at one than at the other."""
    taken_s: list[float] = []
    config = EngineConfig(context_tokens=2048, cache_mib=64, linger_seconds=0.5, sleep_after_minutes=0.02)
    host = SharedEngine(config, lambda: model_file, lambda state: None)
    try:
        for _ in range(2):
            started = time.monotonic()
            client = await within(host.ready(), READY_S)
            (pid,) = await engines()
            async with client.stream(Request("1, 2, 3, 4, 5,", 4, (), COMPLETION_SLOT)) as chunks:
                assert "6" in "".join([chunk.text async for chunk in chunks])
            taken_s.append(time.monotonic() - started)
            await until(lambda: host.state.phase == "asleep", "it sleeps", READY_S)
            assert not psutil.pid_exists(pid), "its memory is the system's again"
            status = await shared.status()
            assert status is not None
            assert status.engines[0].memory_bytes == 0
        assert taken_s[1] < 4 * taken_s[0], "it wakes as it starts"
    finally:
        await host.close()


@pytest.mark.slow
async def test_one_model_completes_and_another_acts(model_file: Path) -> None:
    """Both are in one process, each loaded when it is first needed, and beside one another afterwards."""
    larger = required_file(catalog.find("qwen2.5-coder-1.5b"))
    engine = msgspec.structs.replace(CONFIG, shared=True)
    config = Config(engine=engine, model=ModelConfig(path=str(model_file), chat="qwen2.5-coder-1.5b"))
    hosts = ModelHosts(config, lambda: model_file, lambda use, state: None)
    try:
        completion = await within(hosts.completion.ready(), READY_S)
        assert await models() == {model_file.name}
        chat = await within(hosts.chat.ready(), READY_S)
        assert await models() == {model_file.name, larger.name}
        question = ChatRequest([Message("user", "Answer with one word: what colour is snow?")], 8)

        async def acts() -> str:
            async with chat.chat(question) as chunks:
                return "".join([chunk.text async for chunk in chunks])

        async def completes() -> str:
            async with completion.stream(Request("1, 2, 3, 4, 5,", 4, (), COMPLETION_SLOT)) as chunks:
                return "".join([chunk.text async for chunk in chunks])

        colour, number = await within(asyncio.gather(acts(), completes()), READY_S)
        assert "white" in colour.lower()
        assert "6" in number
    finally:
        await hosts.close()


async def models() -> set[str]:
    status = await shared.status()
    return {Path(engine.model).name for engine in status.engines} if status is not None else set()


@dataclass(frozen=True, slots=True)
class Real:
    """The built-in engine, which runs no program of its own, and the real weights."""

    model: Path
    path: str = ""


@pytest.mark.slow
async def test_kills_at_random_moments(place: Path, model_file: Path) -> None:
    kills = int(os.environ.get("QWEN_LSP_KILLS", "30"))  # 200 take a quarter of an hour
    seed = int(os.environ.get("QWEN_LSP_KILLS_SEED", kills))
    victims = ("engine", "process", "window", "starter")
    await survives_kills(place, Real(model_file), kills, victims, None, seed)
