"""The command `qwen-lsp bench windows`: typing in several windows, which share one engine."""

from __future__ import annotations

import json

import click

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo


@click.command("windows", short_help="Typing in several windows at once.")
@click.option("--n", type=click.IntRange(2), default=8, show_default=True, help="How many windows.")
@click.option("--minutes", type=float, default=10.0, show_default=True, help="How long to type in each.")
@click.option("--model", default="", help="Model to measure; yours by default.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def windows(n: int, minutes: float, model: str, is_json: bool) -> None:
    """Type in several windows at once: engine processes, errors, memory, overhead, mixed-up texts.

    Exit code 1 when something that the figures are for did not happen.
    """
    from qwen_lsp.bench.infill import ask
    from qwen_lsp.bench.windows import run as measured

    report = measured.run(ask.with_model(read_config(), model), n, minutes * 60)
    echo(json.dumps(report.to_json(), indent=2) if is_json else measured.as_text(report))
    if report.failure:
        raise click.ClickException(report.failure)
