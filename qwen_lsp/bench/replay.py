"""`qwen-lsp bench replay`: type recorded edits into several completion policies and compare what they show.

`run` is the way in; `as_json` and `as_text` are the ways out, `command` is the command line. Each replay
gets a fresh server and a fresh engine, one after the other in a seeded order, so that no policy profits
from another's cache and the machine's noise hits all alike.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from qwen_lsp.bench import recording, rows, traces
from qwen_lsp.bench.playing import play
from qwen_lsp.bench.policies import POLICIES, Open, openers
from qwen_lsp.bench.replay_report import Report, Run, render
from qwen_lsp.bench.traces import Trace
from qwen_lsp.bench.typist import KEY_MS, USERS, User
from qwen_lsp.config import Config
from qwen_lsp.errors import InputError
from qwen_lsp.model.engine import thread_counts
from qwen_lsp.model.select import chosen_model

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
        runs.append(Run(policy, user, trace.id, tuple(strokes)))
        progress(len(runs), len(plan), runs[-1])
    return runs


def own_traces() -> list[Trace]:
    """Return the traces that come with the sources.

    Raises: InputError where only the package is installed.
    """
    folder = Path(__file__).resolve().parents[2] / "fixtures" / "traces"
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


def run(
    file: Path | None,
    data: Path | None,
    policies: Sequence[str],
    users: Sequence[User],
    config: Config,
    *,
    n: int | None,
    seed: int,
    key_ms: float | None,
    speed: float = 1.0,
    options: Mapping[str, Any] | None = None,
    progress: Progress = _silent,
) -> Report:
    """Replay traces and report. `options` are settings that our own policy is tried with.

    Raises: InputError for the files, EndpointError and ModelError when there is no model to ask.
    """
    chosen = chosen_traces(file, data, n=n, seed=seed, key_ms=key_ms)
    opened = {
        name: opener for name, opener in openers(config, seed, options or {}).items() if name in policies
    }
    model = chosen_model(config)
    model.path()  # a missing model is told before anything starts
    runs = asyncio.run(replay(chosen, opened, users, seed=seed, speed=speed, progress=progress))
    threads, batch_threads = thread_counts(config.engine)
    conditions = {
        "model": model.profile.name,
        "threads": threads,
        "batch_threads": batch_threads,
        "seed": seed,
        "key_ms": key_ms,
        "speed": speed,
        "options": dict(options or {}),
    }
    return Report(tuple(runs), tuple(opened), conditions)


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


@click.command("replay")
@click.argument("commits", nargs=-1, metavar="[COMMIT]...")
@click.option(
    "--traces", "file", type=click.Path(dir_okay=False, path_type=Path), help="Traces to replay, .jsonl."
)
@click.option(
    "--data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="HumanEval-Infilling or SantaCoder rows; their middles are typed in.",
)
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="REPO",
    help="Make traces of what the COMMITs (or ranges) of a git repository added, instead of replaying any.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="With --record: where to write them."
)
@click.option(
    "--max-chars", type=click.IntRange(20), default=MAX_CHARS, show_default=True, help="With --record."
)
@click.option(
    "--max-traces", type=click.IntRange(1), default=MAX_TRACES, show_default=True, help="With --record."
)
@click.option(
    "--policy", "policies", type=click.Choice(POLICIES), multiple=True, help="All three by default."
)
@click.option(
    "--user",
    "users",
    type=click.Choice(USERS),
    multiple=True,
    help="What is accepted; both users by default.",
)
@click.option("--n", type=click.IntRange(1), help="Traces to draw; all by default.")
@click.option(
    "--seed", default=7, show_default=True, help="Which traces are drawn, the rhythm, the order of turns."
)
@click.option(
    "--key-ms",
    type=click.FloatRange(20, 5000),
    help=f"Milliseconds between keys; as recorded by default, {KEY_MS:.0f} where nothing was.",
)
@click.option(
    "--speed", type=click.FloatRange(0.1, 100), default=1.0, show_default=True, help="Type so much faster."
)
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="A setting to try `ours` with; VALUE is JSON.",
)
@click.option("--model", default="", help="Model to measure; yours by default.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--rows", "with_rows", is_flag=True, help="With --json: every keystroke too.")
def command(
    commits: tuple[str, ...],
    file: Path | None,
    data: Path | None,
    record: Path | None,
    out: Path | None,
    max_chars: int,
    max_traces: int,
    policies: tuple[str, ...],
    users: tuple[User, ...],
    n: int | None,
    seed: int,
    key_ms: float | None,
    speed: float,
    settings: tuple[str, ...],
    model: str,
    is_json: bool,
    with_rows: bool,
) -> None:
    """Type recorded edits at a human rhythm into each policy: what it saves, costs and gets right."""
    if record is not None:
        if not commits or out is None:
            raise click.UsageError("--record REPO needs one COMMIT or more, and --out FILE")
        made = recording.record(
            record, commits, key_ms=key_ms or KEY_MS, seed=seed, max_chars=max_chars, max_traces=max_traces
        )
        traces.write(out, made)
        click.echo(f"{len(made)} traces in {out}, {sum(len(trace.edits) for trace in made):,} keys")
        return
    if commits:
        raise click.UsageError("commits are for --record REPO")
    from qwen_lsp.bench import ask
    from qwen_lsp.config import resolve, user_layer

    config, _ = resolve([user_layer()[0]])
    report = run(
        file,
        data,
        policies or POLICIES,
        users or USERS,
        ask.with_model(config, model),
        n=n,
        seed=seed,
        key_ms=key_ms,
        speed=speed,
        options=dict(_setting(text) for text in settings),
        progress=tell,
    )
    click.echo(as_json(report, with_rows=with_rows) if is_json else as_text(report))


def _setting(text: str) -> tuple[str, Any]:
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


if __name__ == "__main__":
    command()
