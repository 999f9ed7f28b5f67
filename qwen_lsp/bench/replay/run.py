"""`qwen-lsp bench replay`: type recorded edits into several completion policies and compare what they show.

`run` is the way in; `as_json` and `as_text` are the ways out. Each replay
gets a fresh server and a fresh engine, one after the other in a seeded order, so that no policy profits
from another's cache and the machine's noise hits all alike.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from msgspec import structs

from qwen_lsp.bench.infill import rows
from qwen_lsp.bench.replay import traces
from qwen_lsp.bench.replay.playing import play
from qwen_lsp.bench.replay.policies import Arm, Open, openers
from qwen_lsp.bench.replay.release_traces import of_releases, pinned
from qwen_lsp.bench.replay.releases import Half, parse
from qwen_lsp.bench.replay.report import Report, Run, render
from qwen_lsp.bench.replay.traces import Trace
from qwen_lsp.bench.replay.typist import KEY_MS, User
from qwen_lsp.config import Config
from qwen_lsp.errors import InputError
from qwen_lsp.model import calibrate
from qwen_lsp.model.engine import thread_counts
from qwen_lsp.model.select import chosen_model
from qwen_lsp.model.store import Installed

MAX_CHARS, MAX_TRACES = 400, 50
"""The bounds of a recorded trace and of a recording."""

Progress = Callable[[int, int, Run], None]


def _silent(_done: int, _total: int, _run: Run) -> None:
    pass


async def replay(
    chosen: Sequence[Trace],
    opened: Mapping[str, Open],
    users: Sequence[User],
    *,
    seed: int,
    speed: float = 1.0,
    progress: Progress = _silent,
) -> list[Run]:
    """Replay every trace with every policy for every user, one at a time.

    The traces keep their order; within each, the policies and users come in a seeded one.
    """
    plan: list[tuple[Trace, str, User]] = []
    rng = random.Random(seed)
    for trace in chosen:
        turns = [(trace, policy, user) for policy in opened for user in users]
        rng.shuffle(turns)
        plan += turns
    runs: list[Run] = []
    for trace, policy, user in plan:
        async with opened[policy](trace) as editor:
            strokes = await play(trace, editor, user, speed)
        runs.append(Run(policy, user, trace.id, tuple(strokes), trace.language))
        progress(len(runs), len(plan), runs[-1])
    return runs


def own_traces() -> list[Trace]:
    """Return the traces that come with the sources.

    Raises: InputError where only the package is installed.
    """
    folder = Path(__file__).resolve().parents[3] / "fixtures" / "traces"
    if not folder.is_dir():
        raise InputError("the own traces come with the sources only; name some with --traces or --data")
    return [trace for file in sorted(folder.glob("*.jsonl")) for trace in traces.read(file)]


def chosen_traces(
    file: Path | None, data: Path | None, *, n: int | None, seed: int, key_ms: float | None
) -> list[Trace]:
    """Return the traces to replay: of a file, of infilling rows, or our own; `n` of them, drawn by `seed`.

    Raises: InputError.
    """
    if data is not None:
        drawn = rows.sample(rows.read(data), n, seed)
        made = [traces.of_row(row, key_ms or KEY_MS, seed, MAX_CHARS) for row in drawn]
        found = [trace for trace in made if trace is not None]
        if not found:
            raise InputError(f"{data}: no row has a middle of up to {MAX_CHARS} characters")
        return found
    found = traces.read(file) if file is not None else own_traces()
    if n is not None and n < len(found):
        found = random.Random(seed).sample(found, n)
    return [traces.retimed(trace, key_ms, seed) for trace in found] if key_ms is not None else found


def released_traces(
    specs: Sequence[str], *, half: Half, is_quick: bool, n: int | None, seed: int, key_ms: float | None
) -> list[Trace]:
    """Return traces of the releases that were named, of the pinned ones where none was.

    Raises: InputError.
    """
    chosen = [parse(spec) for spec in specs] or pinned(half)
    made = of_releases(chosen, seed=seed, key_ms=key_ms or KEY_MS, is_quick=is_quick)
    return random.Random(seed).sample(made, n) if n is not None and n < len(made) else made


def run(
    chosen: Sequence[Trace],
    policies: Sequence[str],
    users: Sequence[User],
    config: Config,
    *,
    seed: int,
    key_ms: float | None,
    speed: float = 1.0,
    options: Mapping[str, Any] | None = None,
    arms: Sequence[Arm] = (),
    progress: Progress = _silent,
) -> Report:
    """Replay traces and report.

    `options` are settings that our own policy is tried with, `arms` further policies.
    Raises: EndpointError and ModelError when there is no model to ask, QwenLspError when it cannot run.
    """
    wanted = {*policies, *(arm.name for arm in arms)}
    model = chosen_model(config)
    installed = Installed(model.profile, model.path())  # a missing model is reported before anything starts
    config = with_model(config, model.profile.name)
    opened = {
        name: opener for name, opener in openers(config, seed, options or {}, arms).items() if name in wanted
    }
    # What ran here last may have measured a busy machine, and budgets follow that.
    measured = calibrate.run(config, installed) if config.endpoint.is_engine else None
    runs = asyncio.run(replay(chosen, opened, users, seed=seed, speed=speed, progress=progress))
    threads, batch_threads = thread_counts(config.engine)
    conditions = {
        "model": model.profile.name,
        "threads": threads,
        "batch_threads": batch_threads,
        "tokens_per_second": asdict(measured) if measured is not None else None,
        "seed": seed,
        "key_ms": key_ms,
        "speed": speed,
        "options": dict(options or {}),
        "arms": {arm.name: {"options": dict(arm.options), "python": arm.python} for arm in arms},
        "half": "+".join(sorted({trace.half for trace in chosen if trace.half})),
    }
    return Report(tuple(runs), tuple(opened), conditions)


def with_model(config: Config, name: str) -> Config:
    """Return the settings with the model by its name: other builds mean another one by `auto`."""
    if config.model.path or not config.endpoint.is_engine:
        return config
    return structs.replace(config, model=structs.replace(config.model, name=name))


def as_json(report: Report, *, with_rows: bool = False) -> str:
    """Return the report as one JSON object."""
    return json.dumps(report.to_json(rows=with_rows), ensure_ascii=False)


def as_text(report: Report) -> str:
    """Return the report as a table."""
    return render(report)


def tell(done: int, total: int, latest: Run) -> None:
    """Say on stderr where the run stands."""
    strokes = latest.strokes
    shown = sum(stroke.is_right is not None for stroke in strokes)
    right = sum(bool(stroke.is_right) for stroke in strokes)
    accepts = sum(stroke.action == "accept" for stroke in strokes)
    sys.stderr.write(
        f"{done}/{total} {latest.policy} {latest.user} {latest.trace}: "
        f"{len(strokes)} strokes, {shown} shown, {right} right, {accepts} accepted\n"
    )
    sys.stderr.flush()
