"""The engine process: what it answers and to whom, and that it ends and comes back when it must."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
import pytest

from qwen_lsp.bench.editor import SERVER_COMMAND
from qwen_lsp.bench.engine import run as bench_engine
from qwen_lsp.completion.completer import Completer
from qwen_lsp.completion.outcome import Completion, Rejected
from qwen_lsp.config import CompletionConfig, EngineConfig
from qwen_lsp.model.catalog import Profile
from qwen_lsp.model.engine import COMPLETION_SLOT, Engine, library_variables
from qwen_lsp.model.generation import Request
from qwen_lsp.model.state import State
from qwen_lsp.text import Cursor
from tests.model.conftest import CONFIG, READY_S
from tests.support.places import cursor
from tests.support.raw import RawClient
from tests.support.waiting import until

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="module")]

TRIES = 5
# A list that goes on for longer than any of these tests looks at it.
LONG = "# The numbers from 1 to 300, one on each line.\n{name} = [\n    1,\n    2,\n    3,\n    4,\n    ║"


@asynccontextmanager
async def completing(engine: Engine, profile: Profile, **config: Any) -> AsyncIterator[Completer]:
    completer = Completer(engine, profile, CompletionConfig(prefetch=False, timeout_ms=300_000, **config))
    try:
        yield completer
    finally:
        await completer.close()


async def busy(engine: Engine) -> bool:
    client = await engine.ready()
    return next(slot.is_busy for slot in await client.slots() if slot.id == COMPLETION_SLOT)


async def until_free(engine: Engine) -> None:
    started = time.monotonic()
    while await busy(engine):
        assert time.monotonic() - started < READY_S, "the slot never became free"


async def writing(completer: Completer, at: Cursor) -> asyncio.Task[Completion | Rejected]:
    """Ask, and return when the model has begun to write."""
    writes = asyncio.Event()
    task = asyncio.create_task(completer.complete(at, "invoked", on_text=lambda text: writes.set()))
    await asyncio.wait_for(writes.wait(), READY_S)
    return task


async def test_it_answers(engine: Engine, profile: Profile) -> None:
    client = await engine.ready()
    assert engine.state == State("ready")
    assert await client.health()
    assert [slot.id for slot in await client.slots()] == [0, 1]
    assert len(await client.tokenize(profile.tokens.fim_middle)) == 1
    async with client.stream(Request("1, 2, 3, 4, 5,", 8)) as stream:
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text for chunk in chunks).replace(" ", "").startswith("6,7")
    timings = chunks[-1].timings
    assert timings.generated_tokens == 8
    assert timings.prompt_ms > 0
    assert timings.generated_ms > 0
    assert all(chunk.timings.prompt_tokens for chunk in chunks), "figures come with each token"


async def test_it_is_held_to_the_typed_beginning_of_a_token(engine: Engine) -> None:
    """Quotes, backslashes, line ends and Chinese characters get through the grammar as they are."""
    client = await engine.ready()
    for forced in ("    ", '("', "\\\n\t", "价格", "]"):
        async with client.stream(Request("text = ", 6, forced=forced)) as stream:
            text = "".join([chunk.text async for chunk in stream])
        assert text.startswith(forced)


async def test_only_who_has_the_key_is_answered(engine: Engine) -> None:
    client = await engine.ready()
    key = client.endpoint.api_key
    assert len(key) >= 24
    async with httpx.AsyncClient(base_url=client.endpoint.url, trust_env=False) as stranger:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {key[:-1]}"}):
            for path in ("/completion", "/v1/completions", "/v1/chat/completions", "/tokenize", "/infill"):
                answer = await stranger.post(path, json={"prompt": "x", "content": "x"}, headers=headers)
                assert answer.status_code == 401, path
            for path in ("/slots", "/props"):
                assert (await stranger.get(path, headers=headers)).status_code == 401, path


async def test_the_key_is_in_no_list_of_processes(engine: Engine) -> None:
    client = await engine.ready()
    assert engine.pid is not None
    process = psutil.Process(engine.pid)
    assert client.endpoint.api_key not in " ".join(process.cmdline())
    assert client.endpoint.api_key not in str(process.environ())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what another process has mapped")
async def test_its_libraries_are_set_up_and_no_weights_are_kept_twice(engine: Engine) -> None:
    await engine.ready()
    process = psutil.Process(engine.pid or 0)
    assert library_variables(CONFIG).items() <= process.environ().items()
    assert not [place.path for place in process.memory_maps() if ".gguf" in place.path]


async def test_it_listens_on_loopback_only(engine: Engine) -> None:
    client = await engine.ready()
    process = psutil.Process(engine.pid or 0)

    seen: list[tuple[str, int]] = []

    def listening() -> list[tuple[str, int]]:
        seen[:] = [
            (connection.laddr.ip, connection.laddr.port)
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        return seen

    # Linux writes its list of sockets in pieces: one that is there may be missing while others come and go.
    await until(listening, "the list has the engine's socket")
    assert seen == [("127.0.0.1", httpx.URL(client.endpoint.url).port)]


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_pages_in_a_browser_are_not_let_in(engine: Engine, method: str) -> None:
    client = await engine.ready()
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    async with httpx.AsyncClient(base_url=client.endpoint.url, trust_env=False) as page:
        answer = await page.request(method, "/health", headers=headers)
    allowed = answer.headers.get("access-control-allow-origin", "")
    assert "evil" not in allowed
    assert allowed != "*"
    assert answer.headers.get("access-control-allow-credentials", "false") == "false"


async def test_the_slot_is_free_soon_after_a_cancel(engine: Engine, profile: Profile) -> None:
    """Cancelled in mid-answer, with no newer request behind it: the median of 5, by the engine's account.

    In tokens of that moment, for the machine may be busy.
    """
    taken_tokens: list[float] = []
    async with completing(engine, profile) as completer:
        for number in range(TRIES):
            started = time.monotonic()
            async with (await engine.ready()).stream(Request("1, 2, 3, 4, 5,", 16)) as stream:
                written = [chunk async for chunk in stream][-1].timings.generated_tokens
            token_s = (time.monotonic() - started) / written
            at = cursor(LONG.format(name=f"numbers_{number}"))
            task = await writing(completer, at)
            assert await busy(engine)
            assert not task.done()
            started = time.monotonic()
            task.cancel()
            await until_free(engine)
            after_grace_s = time.monotonic() - started - CompletionConfig().grace_ms / 1000
            taken_tokens.append(after_grace_s / token_s)
            with pytest.raises(asyncio.CancelledError):
                await task
    print("tokens from the grace after a cancel to a free slot:", *(f"{n:.1f}" for n in taken_tokens))
    assert median(taken_tokens) <= 15


async def test_a_prompt_that_is_given_up_is_read_no_further(engine: Engine) -> None:
    """It is noticed after a batch, for the engine says how far it has read."""
    client = await engine.ready()
    request = Request("".join(f"number_{n} = {n}\n" for n in range(150)), 1)

    async def read() -> None:
        async with client.stream(request) as stream:
            assert [chunk async for chunk in stream]

    reading = asyncio.create_task(read())
    while not await busy(engine):
        assert not reading.done()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await until_free(engine)
    async with client.stream(request) as stream:
        timings = [chunk.timings async for chunk in stream][-1]
    assert timings.cached_tokens < timings.prompt_tokens / 2


async def test_a_killed_engine_costs_one_answer(engine: Engine, profile: Profile) -> None:
    async with completing(engine, profile) as completer:
        at = cursor(LONG.format(name="killed"))
        task = await writing(completer, at)
        pid = engine.pid
        assert pid is not None
        psutil.Process(pid).kill()
        outcome = await asyncio.wait_for(task, READY_S)
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "engine"
        assert outcome.detail
        await until(lambda: engine.pid != pid, "the system has said that it died")
        again = await asyncio.wait_for(completer.complete(at, "invoked"), READY_S)
        assert isinstance(again, Completion), again.detail
        assert engine.pid not in (None, pid)


async def test_closing_it_ends_the_process(model_file: Path) -> None:
    states: list[str] = []
    engine = Engine(CONFIG, lambda: model_file, lambda state: states.append(state.phase))
    loading = asyncio.create_task(engine.ready())
    await until(lambda: engine.pid, "the process starts")
    pid = engine.pid
    assert pid is not None
    await engine.close()  # in the middle of loading
    loading.cancel()
    await until(lambda: not psutil.pid_exists(pid), "it is gone")
    assert states == ["starting", "off"]


async def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF, but no model")
    states: list[State] = []
    engine = Engine(CONFIG, lambda: file, states.append)
    asked = asyncio.create_task(engine.ready())
    await until(lambda: any("died" in state.detail for state in states), "the engine says that it died")
    asked.cancel()
    await engine.close()


OWNER = """
import asyncio, sys
from pathlib import Path
from qwen_lsp.config import EngineConfig
from qwen_lsp.model.engine import Engine

async def main():
    engine = Engine(EngineConfig(context_tokens=1024), lambda: Path(sys.argv[1]), lambda state: None)
    loading = asyncio.ensure_future(engine.ready())
    while engine.pid is None:
        await asyncio.sleep(0.01)
    if sys.argv[2] == "loaded":
        await loading
    print(engine.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["loading", pytest.param("loaded", marks=pytest.mark.slow)])
async def test_it_ends_with_a_parent_that_is_killed(model_file: Path, when: str) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, str(model_file), when), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert parent.stdout is not None
        pid = int(await asyncio.wait_for(parent.stdout.readline(), READY_S))
        assert psutil.pid_exists(pid)
    finally:
        parent.kill()
        await parent.wait()
    await until(lambda: not psutil.pid_exists(pid), "the engine is gone")


async def test_it_ends_with_a_language_server_that_is_killed() -> None:
    async with RawClient.started([*SERVER_COMMAND, "--set", "engine.shared=false"]) as client:
        await client.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        document = {"uri": "untitled:a", "languageId": "python", "version": 1, "text": "x = "}
        client.notify("textDocument/didOpen", {"textDocument": document})
        place = {"line": 0, "character": 4}
        await client.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": "untitled:a"},
                "position": place,
                "context": {"triggerKind": 1},
            },
        )
        engines = psutil.Process(client.process.pid).children(recursive=True)
        assert [process for process in engines if "qwen_lsp.model.engine_host" in process.cmdline()]
        client.process.kill()
        await client.process.wait()
        await until(lambda: not any(process.is_running() for process in engines), "no engine is left")


@pytest.mark.slow
async def test_the_benchmark_of_the_engine(model_file: Path) -> None:
    """Two arms of the real engine; that one thread writes more slowly than two is for docs/benchmarks.md."""
    arms = ["threads=1 mapped=yes flash=no"]
    ours, other = await asyncio.to_thread(bench_engine.run, EngineConfig(), model_file, arms, 1, 0)
    assert (ours["name"], other["name"]) == ("ours", "threads=1 mapped=yes flash=no")
    for row in (ours, other):
        assert min(row["read_per_s"], row["written_per_s"], row["load_s"], row["memory_bytes"]) > 0


async def test_one_compiled_here_that_does_not_start_gives_way_to_the_wheels(
    model_file: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "llama-server"
    broken.write_text("#!/bin/sh\necho 'error: illegal instruction' >&2\nexit 132\n")
    broken.chmod(0o755)
    engine = Engine(CONFIG, lambda: model_file, lambda state: None, "", lambda layers: str(broken))
    try:
        client = await asyncio.wait_for(engine.ready(), READY_S)
        async with client.stream(Request("def add(a, b):\n    return a +", 3)) as chunks:
            text = "".join([chunk.text async for chunk in chunks])
    finally:
        await engine.close()
    assert engine.has_fallen_back
    assert text.startswith(" b")
