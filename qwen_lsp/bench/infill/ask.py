"""Two ways to have a benchmark row answered: by the whole product over LSP, or by the bare engine.

`infill` runs a data file through one of them. The bare engine gets the prompt forms that were
compared when the product's own was chosen, and the crude cut that comes without our stopping rules.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.infill import run as infill_bench
from qwen_lsp.bench.infill.effects import without_each
from qwen_lsp.bench.infill.rows import Row, both_prompts, read, sample
from qwen_lsp.bench.infill.run import Answer, Paired, Report, Result
from qwen_lsp.config import Config
from qwen_lsp.errors import EndpointUnavailable
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.model import fim
from qwen_lsp.model.catalog import ControlTokens
from qwen_lsp.model.engine import COMPLETION_SLOT, Engine
from qwen_lsp.model.generation import Request
from qwen_lsp.model.hosts import alone, open_host
from qwen_lsp.model.select import chosen_model
from qwen_lsp.text import Cursor

Ask = Callable[[Row], Awaitable[Answer]]

# The path that the forms with a header name; the product names the real one.
_PATH, _REPOSITORY = "src/strings/solution.py", "demo"
_LINE_TOKENS, _BLOCK_TOKENS = 64, 192
_KEY = "QWEN_LSP_BENCH_KEY"


def _file_header(tokens: ControlTokens) -> str:
    return f"{tokens.file_separator}{_PATH}\n"


def _repo_header(tokens: ControlTokens) -> str:
    return f"{tokens.repo_name}{_REPOSITORY}\n{_file_header(tokens)}"


# The forms that `--via engine` knows; `spm-comment` is what completion/prompt writes.
FORMS: dict[str, Callable[[ControlTokens, str, str], str]] = {
    "spm": lambda tokens, prefix, suffix: fim.render(tokens, "spm", prefix, suffix),
    "psm": lambda tokens, prefix, suffix: fim.render(tokens, "psm", prefix, suffix),
    "spm-file": lambda tokens, prefix, suffix: (
        _file_header(tokens) + fim.render(tokens, "spm", prefix, suffix)
    ),
    "spm-repo": lambda tokens, prefix, suffix: (
        _repo_header(tokens) + fim.render(tokens, "spm", prefix, suffix)
    ),
    "psm-repo": lambda tokens, prefix, suffix: (
        _repo_header(tokens) + fim.render(tokens, "psm", prefix, suffix)
    ),
    "spm-comment": lambda tokens, prefix, suffix: fim.render(tokens, "spm", f"# {_PATH}\n{prefix}", suffix),
}


def infill(
    path: Path,
    n: int | None,
    seed: int,
    layout: str,
    via: str,
    config: Config,
    *,
    compare_prompts: bool = False,
    kind: str = "",
) -> Report | Paired:
    """Answer and score the rows of a file, or each row under both its prompts; progress goes to stderr.

    With `kind` the server uses a llama.cpp server as an endpoint of that kind.
    Raises: InputError for the file, EndpointError and ModelError when there is no model to ask.
    """
    rows = sample(read(path), n, seed)
    opened = _by_lsp(layout, config, kind) if via == "lsp" else _by_engine(layout, config)
    if compare_prompts:
        return Paired.of(asyncio.run(_run(both_prompts(rows, path), opened)))
    return asyncio.run(_run(rows, opened))


async def _run(rows: list[Row], opened: Any) -> Report:
    async with opened as ask:
        return await infill_bench.run(rows, ask, execute=True, progress=_progress)


def _progress(done: int, total: int, result: Result) -> None:
    show_progress(done, total)


def show_progress(done: int, total: int) -> None:
    """Say where a run stands: in place on a terminal, now and then in a log."""
    is_terminal = sys.stderr.isatty()
    if is_terminal:
        sys.stderr.write(f"\r{done}/{total}" + ("\n" if done == total else ""))
    elif done == total or done % max(total // 10, 1) == 0:
        sys.stderr.write(f"{done}/{total}\n")
    sys.stderr.flush()


@asynccontextmanager
async def _endpoint(config: Config, kind: str) -> AsyncIterator[tuple[dict[str, str], dict[str, str]]]:
    """Yield the settings, and the environment, that make a llama.cpp server an endpoint of a kind."""
    if not kind:
        yield {}, {}
        return
    engine = Engine(config.engine, chosen_model(config).path, lambda state: None)
    try:
        end = (await engine.ready()).endpoint
        user = {"endpoint.url": end.url, "endpoint.kind": kind, "endpoint.apiKeyEnv": _KEY}
        yield user, {_KEY: end.api_key}
    finally:
        await engine.close()


@asynccontextmanager
async def _by_lsp(layout: str, config: Config, kind: str = "") -> AsyncIterator[Ask]:
    """Ask a real server over stdio, as an editor does. A hole of whole lines is an empty line there."""
    options = {"model.name": config.model.name, "completion.layout": layout}
    stops = chosen_model(config).profile.tokens.stops
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        async with (
            _endpoint(config, kind) as (user, env),
            lsp_session.start(root, user=user, options=options, env=env) as session,
        ):

            async def ask(row: Row) -> Answer:
                extension = {"python": "py", "java": "java", "js": "js", "javascript": "js"}.get(
                    row.language, row.language
                )
                uri = (root / f"solution.{extension}").as_uri()
                line_end = "\n" if row.middle.endswith("\n") else ""
                text = row.prefix + line_end + row.suffix
                document = await session.open(uri, "python" if extension == "py" else "", text)
                cursor = Cursor(document, len(row.prefix))
                started = time.perf_counter()
                items = await session.complete(uri, len(row.prefix))
                latency_ms = (time.perf_counter() - started) * 1000
                trace = await session.request(EXPLAIN, {"textDocument": {"uri": uri}})
                await session.close(uri)
                timings = trace.timings
                return Answer(
                    str(items[0].insert_text) if items else "",
                    latency_ms,
                    timings.prompt_tokens,
                    timings.generated_tokens,
                    f"{trace.reason}: {trace.detail}" if not items else "",
                    trace.probability,
                    without_each(cursor, trace.answer, trace.stopReason, stops),
                )

            warm_up = Row("", "python", "def f(x):\n    return ", "\n", "x")
            if not (answer := await ask(warm_up)).text:
                raise EndpointUnavailable(f"the server gave no first completion: {answer.reason}")
            yield ask


@asynccontextmanager
async def _by_engine(layout: str, config: Config) -> AsyncIterator[Ask]:
    """Ask the engine itself with one of the bare prompt forms."""
    model = chosen_model(config)
    tokens = model.profile.tokens
    form = FORMS[model.profile.fim_layout if layout == "auto" else layout]
    host = open_host(alone(config), model.path, lambda state: None)
    try:
        client = await host.ready()

        async def ask(row: Row) -> Answer:
            is_line = row.kind == "single-line"
            request = Request(
                form(tokens, row.prefix, row.suffix),
                _LINE_TOKENS if is_line else _BLOCK_TOKENS,
                (*tokens.stops, "\n") if is_line else tokens.stops,
                COMPLETION_SLOT,
            )
            started = time.perf_counter()
            async with client.stream(request) as stream:
                chunks = [chunk async for chunk in stream]
            latency_ms = (time.perf_counter() - started) * 1000
            text = "".join(chunk.text for chunk in chunks)
            timings = chunks[-1].timings
            answer = text if is_line else crude_cut(text, row.suffix)
            return Answer(answer, latency_ms, timings.prompt_tokens, timings.generated_tokens)

        yield ask
    finally:
        await host.close()


def crude_cut(text: str, suffix: str) -> str:
    """Cut an answer of several lines at the next line of the suffix or at a return to the first column."""
    next_line = next((line for line in suffix.split("\n") if line.strip()), None)
    lines = text.split("\n")
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() and (line == next_line or not line[0].isspace()):
            return "\n".join(lines[:number]) + "\n"
    return text


def as_json(report: Report | Paired, *, with_rows: bool) -> str:
    """Return the report as one JSON object."""
    return json.dumps(report.to_json(rows=with_rows), ensure_ascii=False)


def as_text(report: Report | Paired) -> str:
    """Return the report as a table."""
    return report.render() if isinstance(report, Paired) else infill_bench.render(report)


def with_model(config: Config, name: str) -> Config:
    """Return the settings with another model.

    Raises: ModelNotFound when the catalog does not have it.
    """
    if not name:
        return config
    import msgspec

    return msgspec.structs.replace(config, model=msgspec.structs.replace(config.model, name=name, path=""))
