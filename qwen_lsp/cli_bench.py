"""The commands `qwen-lsp bench ...`. The benchmarks themselves are imported inside the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from qwen_lsp.cli_config import read_config

_DATA = click.Path(dir_okay=False, path_type=Path)
_LAYOUTS = ("auto", "spm", "psm")
_ENGINE_LAYOUTS = ("spm-comment", "spm-file", "spm-repo", "psm-repo")


@click.group()
def bench() -> None:
    """Measure; every published figure names one of these commands."""


@bench.command()
@click.option(
    "--data", type=_DATA, required=True, help="HumanEval-Infilling or SantaCoder rows, .jsonl or .jsonl.gz."
)
@click.option("--n", type=click.IntRange(1), help="Rows to draw; all by default.")
@click.option("--seed", default=7, show_default=True, help="Which rows are drawn.")
@click.option(
    "--layout",
    type=click.Choice(_LAYOUTS + _ENGINE_LAYOUTS),
    default="auto",
    show_default=True,
    help="Order of the prompt's parts; those with a header are for --via engine.",
)
@click.option(
    "--via",
    type=click.Choice(["lsp", "engine"]),
    default="lsp",
    show_default=True,
    help="`lsp`: the whole product over stdio; `engine`: the bare prompt and the first line(s).",
)
@click.option("--model", default="", help="Model to measure; yours by default.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--rows", "with_rows", is_flag=True, help="With --json: every row and its answer too.")
def infill(
    data: Path, n: int | None, seed: int, layout: str, via: str, model: str, is_json: bool, with_rows: bool
) -> None:
    """Fill holes in programs that have tests: pass@1, exact match, similarity, tokens, time."""
    from qwen_lsp.bench import ask

    if via == "lsp" and layout not in _LAYOUTS:
        raise click.UsageError(f"--layout {layout} is one of the bare prompts: add --via engine")
    report = ask.infill(data, n, seed, layout, via, ask.with_model(read_config(), model))
    click.echo(ask.as_json(report, with_rows=with_rows) if is_json else ask.as_text(report))


@bench.command()
@click.argument("commits", nargs=-1, metavar="[COMMIT]...")
@click.option("--traces", "file", type=_DATA, help="Traces to replay, .jsonl.")
@click.option(
    "--data", type=_DATA, help="HumanEval-Infilling or SantaCoder rows; their middles are typed in."
)
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="REPO",
    help="Make traces of what the COMMITs (or ranges) of a git repository added, instead of replaying any.",
)
@click.option("--out", type=_DATA, help="With --record: where to write them.")
@click.option("--max-chars", type=click.IntRange(20), default=400, show_default=True, help="With --record.")
@click.option("--max-traces", type=click.IntRange(1), default=50, show_default=True, help="With --record.")
@click.option(
    "--policy",
    "policies",
    type=click.Choice(["ours", "file_only", "llama_vim"]),
    multiple=True,
    help="All three by default.",
)
@click.option(
    "--user",
    "users",
    type=click.Choice(["whole", "words"]),
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
    help="Milliseconds between keys; as recorded by default, 180 where nothing was.",
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
def replay(
    commits: tuple[str, ...],
    file: Path | None,
    data: Path | None,
    record: Path | None,
    out: Path | None,
    max_chars: int,
    max_traces: int,
    policies: tuple[str, ...],
    users: tuple[Any, ...],
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
    from qwen_lsp.bench import ask, recording, traces
    from qwen_lsp.bench import replay as played
    from qwen_lsp.bench.policies import POLICIES
    from qwen_lsp.bench.typist import KEY_MS, USERS

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
    report = played.run(
        file,
        data,
        policies or POLICIES,
        users or USERS,
        ask.with_model(read_config(), model),
        n=n,
        seed=seed,
        key_ms=key_ms,
        speed=speed,
        options=dict(_setting(text) for text in settings),
        progress=played.tell,
    )
    click.echo(played.as_json(report, with_rows=with_rows) if is_json else played.as_text(report))


@bench.command()
@click.option(
    "--n", type=click.IntRange(1), default=60, show_default=True, help="Rows, over all repositories."
)
@click.option("--seed", default=7, show_default=True, help="Which rows are drawn.")
@click.option(
    "--tokens", type=click.IntRange(32, 4096), default=256, show_default=True, help="Room for other files."
)
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Rows from this repository instead of the pinned ones.",
)
@click.option(
    "--arm",
    "arms",
    type=click.Choice(["none", "similar", "ours"]),
    multiple=True,
    help="All three by default.",
)
@click.option(
    "--form",
    type=click.Choice(["repository", "comment", "suffix"]),
    default="repository",
    show_default=True,
    help="How other files are written; the product uses the first.",
)
@click.option("--no-model", is_flag=True, help="Only whether the names of the answer are in the context.")
@click.option("--model", default="", help="Model to measure; yours by default.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--rows", "with_rows", is_flag=True, help="With --json: every row and its answers too.")
def context(
    n: int,
    seed: int,
    tokens: int,
    repo: Path | None,
    arms: tuple[str, ...],
    form: str,
    no_model: bool,
    model: str,
    is_json: bool,
    with_rows: bool,
) -> None:
    """Write lines that need a name from another file: without context, with similar lines, with ours."""
    from qwen_lsp.bench import ask
    from qwen_lsp.bench import context as measured
    from qwen_lsp.bench.context_arms import ARMS

    report = measured.run(
        ask.with_model(read_config(), model),
        n=n,
        seed=seed,
        budget_tokens=tokens,
        arms=arms or ARMS,
        own=repo,
        form=form,
        with_model=not no_model,
        say=lambda sentence: click.echo(sentence, err=True),
    )
    text = json.dumps(report.to_json(rows=with_rows), ensure_ascii=False)
    click.echo(text if is_json else measured.render(report))


@bench.command("index")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option(
    "--files",
    type=click.IntRange(10),
    default=1000,
    show_default=True,
    help="Size of the generated repository.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def measure_index(path: Path | None, files: int, is_json: bool) -> None:
    """Index a generated repository, or a copy of the folder PATH: time and memory against bare parsing."""
    from qwen_lsp.bench import index

    report = index.run(path, files, lambda sentence: click.echo(sentence, err=True))
    click.echo(index.as_json(report) if is_json else index.as_text(report))


def _setting(text: str) -> tuple[str, Any]:
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
