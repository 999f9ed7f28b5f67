"""The commands `qwen-lsp bench ...`. The benchmarks themselves are imported inside the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from qwen_lsp.cli.bench_engine import engine
from qwen_lsp.cli.bench_review import commit_messages, review
from qwen_lsp.cli.bench_team import team
from qwen_lsp.cli.bench_windows import windows
from qwen_lsp.cli.config import parse_setting, read_config
from qwen_lsp.cli.echo import echo
from qwen_lsp.model.select import chosen_model

_DATA = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_LAYOUTS = ("auto", "spm", "psm")
_ENGINE_LAYOUTS = ("spm-comment", "spm-file", "spm-repo", "psm-repo")


@click.group()
def bench() -> None:
    """Measure; every published figure names one of these commands."""


@bench.command(short_help="Fill holes in programs that have tests.")
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
@click.option(
    "--endpoint",
    "kind",
    type=click.Choice(["llama", "openai"]),
    help="With --via lsp: use a llama.cpp server as an endpoint of this kind, in place of the engine.",
)
@click.option("--compare-prompts", is_flag=True, help="Fill each hole under `prompt` and under `prompt_en`.")
@click.option("--model", default="", help="Model to measure; yours by default.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--rows", "with_rows", is_flag=True, help="With --json: every row and its answer too.")
def infill(
    data: Path,
    n: int | None,
    seed: int,
    layout: str,
    via: str,
    kind: str | None,
    compare_prompts: bool,
    model: str,
    is_json: bool,
    with_rows: bool,
) -> None:
    """Fill holes in programs that have tests: pass@1, exact match, similarity, tokens, time."""
    from qwen_lsp.bench.infill import ask

    if via == "lsp" and layout not in _LAYOUTS:
        raise click.UsageError(f"--layout {layout} is one of the bare prompts: add --via engine")
    if kind and via != "lsp":
        raise click.UsageError("--endpoint is for --via lsp")
    config = ask.with_model(read_config(), model)
    report = ask.infill(data, n, seed, layout, via, config, compare_prompts=compare_prompts, kind=kind or "")
    echo(ask.as_json(report, with_rows=with_rows) if is_json else ask.as_text(report))


@bench.command(short_help="Ask at places with known answers.")
@click.argument("file", type=_DATA)
@click.option("--name", "names", multiple=True, help="Only the places whose name contains this.")
@click.option("--model", default="", help="Model to ask; yours by default.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def cases(file: Path, names: tuple[str, ...], model: str, is_json: bool) -> None:
    """Ask at each place of a FILE by hand and unasked: right, harmless, annoying, wrong."""
    from qwen_lsp.bench.cases import run
    from qwen_lsp.bench.infill.ask import show_progress

    places = [place for place in run.read(file) if not names or any(name in place.name for name in names)]
    outcomes = run.play(places, show_progress, {"model.name": model} if model else None)
    echo(json.dumps(run.as_json(outcomes), ensure_ascii=False) if is_json else run.as_text(outcomes))


@bench.command(short_help="Type recorded edits into each policy.")
@click.argument("named", nargs=-1, metavar="[COMMIT|RELEASES]...")
@click.option("--traces", "file", type=_DATA, help="Traces to replay, .jsonl.")
@click.option(
    "--data", type=_DATA, help="HumanEval-Infilling or SantaCoder rows; their middles are typed in."
)
@click.option(
    "--releases",
    "is_releases",
    is_flag=True,
    help="Type what newer releases of packages added: NAME==A..B (PyPI), npm:NAME==A..B, or a pinned set.",
)
@click.option(
    "--half",
    type=click.Choice(["tuning", "reporting"]),
    help="With --releases: one half of the pinned set; settings are chosen on the first.",
)
@click.option(
    "--quick", "is_quick", is_flag=True, help="Six short traces of --releases, ours and llama.vim's."
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
    type=click.Choice(["ours", "file_only", "llama_vim", "names"]),
    multiple=True,
    help="The first three by default; `names` is our completion of names alone.",
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
@click.option(
    "--arm",
    "arms",
    metavar="NAME=JSON",
    multiple=True,
    help="One more policy: ours with these settings, as one JSON object.",
)
@click.option(
    "--build",
    "builds",
    metavar="NAME=PYTHON",
    multiple=True,
    help="One more policy: another build of ours, by the Python that it is installed for.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    help="Model to measure; yours by default. A second one is one more policy.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
@click.option("--rows", "with_rows", is_flag=True, help="With --json: every keystroke too.")
def replay(
    named: tuple[str, ...],
    file: Path | None,
    data: Path | None,
    is_releases: bool,
    half: Any,
    is_quick: bool,
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
    arms: tuple[str, ...],
    builds: tuple[str, ...],
    models: tuple[str, ...],
    is_json: bool,
    with_rows: bool,
) -> None:
    """Type recorded edits at a human rhythm into each policy: what it saves, costs and gets right."""
    from qwen_lsp.bench.infill import ask
    from qwen_lsp.bench.replay import recording, traces
    from qwen_lsp.bench.replay import run as played
    from qwen_lsp.bench.replay.policies import POLICIES, Arm
    from qwen_lsp.bench.replay.typist import KEY_MS, USERS

    if record is not None:
        if not named or out is None:
            raise click.UsageError("--record REPO needs one COMMIT or more, and --out FILE")
        made = recording.record(
            record, named, key_ms=key_ms or KEY_MS, seed=seed, max_chars=max_chars, max_traces=max_traces
        )
        traces.write(out, made)
        echo(f"{len(made)} traces in {out}, {sum(len(trace.edits) for trace in made):,} keys")
        return
    if is_releases or is_quick:
        chosen = played.released_traces(
            named, half=half or "", is_quick=is_quick, n=n, seed=seed, key_ms=key_ms
        )
    elif named:
        raise click.UsageError("commits are for --record REPO, releases for --releases")
    else:
        chosen = played.chosen_traces(file, data, n=n, seed=seed, key_ms=key_ms)
    report = played.run(
        chosen,
        policies or (("ours", "llama_vim") if is_quick else POLICIES),
        users or (("whole",) if is_quick else USERS),
        ask.with_model(read_config(), models[0] if models else ""),
        seed=seed,
        key_ms=key_ms,
        speed=speed,
        options=dict(parse_setting(text) for text in settings),
        arms=[
            *(Arm(f"ours:{model}", {"model.name": model}) for model in models[1:]),
            *(Arm(name, _object(text)) for name, text in map(_named, arms)),
            *(Arm(name, {}, python) for name, python in map(_named, builds)),
        ],
        progress=played.tell,
    )
    echo(played.as_json(report, with_rows=with_rows) if is_json else played.as_text(report))


@bench.command(short_help="A keystroke's cost beside the engine.")
@click.option(
    "--lines", type=click.IntRange(8, 200_000), default=5000, show_default=True, help="Of the file."
)
@click.option("--keys", type=click.IntRange(1, 100_000), default=400, show_default=True, help="To be typed.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def overhead(lines: int, keys: int, is_json: bool) -> None:
    """Measure what a keystroke costs beside the engine: a loopback stands in for it and answers at once."""
    from qwen_lsp.bench import overhead as measured

    report = measured.run(lines, keys)
    echo(json.dumps(report.to_json()) if is_json else measured.as_text(report))


@bench.command(short_help="Lines that need a name from another file.")
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
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the model's answers in this file, and ask for none that it holds.",
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
    keep: Path | None,
    no_model: bool,
    model: str,
    is_json: bool,
    with_rows: bool,
) -> None:
    """Write lines that need a name from another file: without context, with similar lines, with ours."""
    from qwen_lsp.bench.context import run as measured
    from qwen_lsp.bench.context.arms import ARMS
    from qwen_lsp.bench.infill import ask

    report = measured.run(
        ask.with_model(read_config(), model),
        n=n,
        seed=seed,
        budget_tokens=tokens,
        arms=arms or ARMS,
        own=repo,
        form=form,
        with_model=not no_model,
        kept=keep,
        say=lambda sentence: echo(sentence, err=True),
    )
    text = json.dumps(report.to_json(rows=with_rows), ensure_ascii=False)
    echo(text if is_json else measured.render(report))


@bench.command("index", short_help="Indexing against bare parsing.")
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
    from qwen_lsp.bench.index import run as index

    report = index.run(path, files, lambda sentence: echo(sentence, err=True))
    echo(index.as_json(report) if is_json else index.as_text(report))


@bench.command(short_help="Code actions, judged by tests and ast.")
@click.option("--real", "is_real", is_flag=True, help="60 functions of pinned packages, in four languages.")
@click.option("--sheet", type=_DATA, help="With --real: write the changes here, to be judged by eye, .md.")
@click.option("--quixbugs", type=_FOLDER, help="A checkout of QuixBugs: repairs are judged by its tests.")
@click.option("--packages", type=_FOLDER, help="Python packages: their functions are documented and so on.")
@click.option(
    "--n", default=10, show_default=True, type=click.IntRange(1), help="Programs, functions a kind."
)
@click.option("--seed", default=7, show_default=True, help="Which are drawn.")
@click.option("--minutes", default=60.0, show_default=True, help="Stop after so long.")
@click.option("--model", default="", help="Model to measure; yours by default.")
@click.option("--only", default="", help="Only measures whose name holds this text.")
@click.option("--rows", "kept_in", type=_DATA, help="Keep rows here, .jsonl; what it holds is not run again.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object, with every row.")
def actions(
    is_real: bool,
    sheet: Path | None,
    quixbugs: Path | None,
    packages: Path | None,
    n: int,
    seed: int,
    minutes: float,
    model: str,
    only: str,
    kept_in: Path | None,
    is_json: bool,
) -> None:
    """Run code actions on programs with tests and on functions of packages: how many are right, how soon."""
    from qwen_lsp.bench.actions import run as actions
    from qwen_lsp.bench.infill import ask

    if not is_real and quixbugs is None and packages is None:
        raise click.UsageError("give --real, --quixbugs or --packages")
    config = ask.with_model(read_config(), model)
    if is_real:
        from qwen_lsp.bench.actions import real

        judged = real.run(config, seed=seed, minutes=minutes, only=only, kept_in=kept_in, sheet=sheet)
        echo(real.as_json(judged) if is_json else real.as_text(judged))
        return
    report = actions.run(
        config,
        quixbugs=quixbugs,
        packages=packages,
        n=n,
        seed=seed,
        minutes=minutes,
        only=only,
        kept_in=kept_in,
    )
    echo(actions.as_json(report) if is_json else actions.as_text(report))


def _named(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise click.UsageError(f"{text!r} is not NAME=VALUE")
    return name, value


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise click.UsageError(f"{text!r} is not a JSON object")
    return value


@bench.command("confidence", short_help="How sure is sure enough.")
@click.option("--traces", "files", type=_DATA, multiple=True, help="Traces, .jsonl; our own by default.")
@click.option(
    "--every", type=click.IntRange(1), default=4, show_default=True, help="Of so many keys ask at one."
)
@click.option("--model", default="", help="Model to measure; yours by default.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def how_sure(files: tuple[Path, ...], every: int, model: str, is_json: bool) -> None:
    """Try every threshold of `completion.minConfidence`: how much is shown, how much of it is right."""
    from qwen_lsp.bench import confidence
    from qwen_lsp.bench.infill import ask
    from qwen_lsp.bench.replay import run as replay
    from qwen_lsp.bench.replay import traces

    config = ask.with_model(read_config(), model)
    chosen = [trace for file in files for trace in traces.read(file)] or replay.own_traces()
    samples = confidence.run(chosen, every, config, ask.show_progress)
    name = chosen_model(config).profile.name
    echo(confidence.as_json(samples, name) if is_json else confidence.as_text(samples, name))


bench.add_command(windows)
bench.add_command(engine)
bench.add_command(team)
bench.add_command(review)
bench.add_command(commit_messages)
