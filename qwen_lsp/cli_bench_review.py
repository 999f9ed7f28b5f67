"""The command `qwen-lsp bench review`."""

from __future__ import annotations

from pathlib import Path

import click

from qwen_lsp.cli_config import read_config

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(short_help="Review known bugs and clean changes.")
@click.option("--seeded", type=_FOLDER, multiple=True, help="A package to seed bugs into; may be repeated.")
@click.option(
    "--n", default=200, show_default=True, type=click.IntRange(1), help="Seeded bugs; as many clean."
)
@click.option("--seed", default=7, show_default=True, help="Which places are drawn.")
@click.option("--quixbugs", type=_FOLDER, help="A copy of github.com/jkoppel/QuixBugs.")
@click.option("--bugsinpy", type=_FOLDER, help="A copy of github.com/soarsmu/BugsInPy.")
@click.option(
    "--model/--rules", "with_model", default=False, help="With the passes of the model; rules only."
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def review(
    seeded: tuple[Path, ...],
    n: int,
    seed: int,
    quixbugs: Path | None,
    bugsinpy: Path | None,
    with_model: bool,
    is_json: bool,
) -> None:
    """Review known bugs and clean changes: recall, precision, findings per clean change, time."""
    from qwen_lsp.bench import review as measured

    if not (seeded or quixbugs or bugsinpy):
        raise click.UsageError("name a set: --seeded PACKAGE, --quixbugs DIR or --bugsinpy DIR")
    cases: list[measured.Case] = []
    if seeded:
        cases += measured.cases_of_packages(seeded, n, seed)
    if quixbugs:
        cases += measured.cases_of_quixbugs(quixbugs)
    if bugsinpy:
        cases += measured.cases_of_bugsinpy(bugsinpy)
    figures = measured.summary(measured.run(cases, read_config(), with_model=with_model))
    click.echo(measured.as_json(figures) if is_json else measured.as_text(figures))
