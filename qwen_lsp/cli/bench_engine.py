"""The command `qwen-lsp bench engine`: how fast the engine is, and what a setting does to that."""

from __future__ import annotations

import json

import click

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo
from qwen_lsp.model.select import chosen_model


@click.command("engine", short_help="How fast the engine reads and writes here.")
@click.option(
    "--arm",
    "arms",
    multiple=True,
    help='Settings to run beside ours, as "threads=1 batch=128"; give it several times for several.',
)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Questions to each.")
@click.option("--busy", type=click.IntRange(0), default=0, show_default=True, help="Busy loops beside.")
@click.option("--model", default="", help="Model to measure; yours by default.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def engine(arms: tuple[str, ...], rounds: int, busy: int, model: str, is_json: bool) -> None:
    """Measure how fast our engine reads prompts and writes answers, under our settings and under others.

    Settings of an arm: threads, batch-threads, slots, batch (tokens), mapped (yes, no), flash (yes, no),
    cache (a type as q8_0), file (a model file), and variables of the environment as GOMP_SPINCOUNT=1000.
    """
    from qwen_lsp.bench.engine import run as measured
    from qwen_lsp.bench.infill import ask

    config = ask.with_model(read_config(), model)
    rows = measured.run(config.engine, chosen_model(config).path(), arms, rounds, busy)
    echo(json.dumps({"arms": rows}, indent=2) if is_json else measured.as_text(rows))
