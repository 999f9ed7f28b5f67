"""The command `qwen-lsp bench review`."""

from __future__ import annotations

from pathlib import Path

import click

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--seeded", type=_FOLDER, multiple=True, help="A package to seed bugs into; may be repeated.")
@click.option(
    "--mutations",
    type=_FOLDER,
    multiple=True,
    help="A package to write bugs of meaning into; may be repeated.",
)
@click.option(
    "--n",
    default=200,
    show_default=True,
    type=click.IntRange(1),
    help="Bugs to write; as many clean changes.",
)
@click.option("--seed", default=7, show_default=True, help="Which places are drawn.")
@click.option("--quixbugs", type=_FOLDER, help="A copy of github.com/jkoppel/QuixBugs.")
@click.option("--correct", is_flag=True, help="With --quixbugs: each line of its correct programs, too.")
@click.option("--bugsinpy", type=_FOLDER, help="A copy of github.com/soarsmu/BugsInPy.")
@click.option("--repositories", type=_FOLDER, help="With --bugsinpy and --labelled: clones, by name.")
@click.option(
    "--labelled",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Pull requests whose problems people marked, as AACR-Bench has them: which are found, rules only?",
)
@click.option("--one-line", is_flag=True, help="With --bugsinpy: only fixes that replace one line.")
@click.option("--model", default="", metavar="NAME", help="Ask this model, too; rules only without it.")
@click.option(
    "--rows", type=click.Path(dir_okay=False, path_type=Path), help="Keep outcomes here, and go on from them."
)
@click.option(
    "--minutes", type=click.FloatRange(0), default=600.0, help="Stop after so long; --rows goes on later."
)
@click.option(
    "--history",
    type=_FOLDER,
    multiple=True,
    help="A clone whose newest --n commits are reviewed, rules only.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --history: what its findings are worth, a line `rule<TAB>commit<TAB>useful|noise|wrong` each.",
)
@click.option(
    "--undo-fixes",
    type=_FOLDER,
    multiple=True,
    help="A clone whose newest --n bug fixes are undone, rules only: are the bugs found?",
)
@click.option(
    "--build",
    metavar="PROGRAM",
    help="With --undo-fixes: ask another build, too; the clone gets its commits.",
)
@click.option(
    "--speed",
    type=_FOLDER,
    multiple=True,
    help="A package to make a large change of: how long do the rules take?",
)
@click.option(
    "--pass-time",
    type=_FOLDER,
    multiple=True,
    help="A clone: how long does --model take for its newest change of about --lines lines?",
)
@click.option(
    "--lines", type=click.IntRange(1), help="With --speed (12,000 by default) and --pass-time (60)."
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def review(
    seeded: tuple[Path, ...],
    mutations: tuple[Path, ...],
    n: int,
    seed: int,
    quixbugs: Path | None,
    correct: bool,
    bugsinpy: Path | None,
    repositories: Path | None,
    labelled: Path | None,
    one_line: bool,
    model: str,
    rows: Path | None,
    minutes: float,
    history: tuple[Path, ...],
    labels: Path | None,
    undo_fixes: tuple[Path, ...],
    build: str | None,
    speed: tuple[Path, ...],
    pass_time: tuple[Path, ...],
    lines: int | None,
    is_json: bool,
) -> None:
    """Review known bugs and clean changes: recall, precision, findings per clean change, time."""
    from qwen_lsp.bench.review import cases as cases_of
    from qwen_lsp.bench.review import report as report
    from qwen_lsp.bench.review import run as measured
    from qwen_lsp.review.find.unlikely import BARS

    if history:
        _history(history, n, labels)
        return
    if labelled:
        from qwen_lsp.bench.review import labelled as judged

        if repositories is None:
            raise click.UsageError("--labelled needs --repositories")
        pull_requests = judged.read(labelled)
        echo(judged.summary(list(judged.run(pull_requests, repositories)), len(pull_requests)), nl=False)
        return
    if speed:
        from qwen_lsp.bench.review import speed as timed

        echo(timed.run(speed, lines or 12_000), nl=False)
        return
    if pass_time:
        from qwen_lsp.bench.review import pass_time as timed_pass

        for clone in pass_time:
            echo(timed_pass.run(clone, lines or 60, read_config(), model or "auto"), nl=False)
        return
    if undo_fixes:
        _undone(undo_fixes, n, build)
        return
    if not (seeded or mutations or quixbugs or bugsinpy):
        raise click.UsageError(
            "name a set: --seeded or --mutations PACKAGE, --quixbugs or --bugsinpy DIR, "
            "--history or --undo-fixes CLONE"
        )
    cases: list[cases_of.Case] = []
    if quixbugs:
        cases += cases_of.of_quixbugs(quixbugs)
    if mutations:
        cases += cases_of.of_mutations(mutations, n, seed)
    if bugsinpy:
        cases += cases_of.of_bugsinpy(bugsinpy, repositories, one_line=one_line)
    if quixbugs and correct:
        cases += cases_of.of_correct_programs(quixbugs)
    if seeded:
        cases += cases_of.of_packages(seeded, n, seed)
    outcomes = measured.run(cases, read_config(), model, measured.Rows(rows), minutes)
    figures = report.summary(outcomes, BARS.get(model.lower()))
    echo(report.as_json(figures) if is_json else report.as_text(figures))


def _history(clones: tuple[Path, ...], n: int, labels: Path | None) -> None:
    from qwen_lsp.bench.review import history

    judged = history.read_labels(labels) if labels else {}
    found: list[history.Found] = []
    n_commits = 0
    for clone in clones:
        for commit, fresh in history.run(clone, n):
            n_commits += 1
            found += fresh
            for one in fresh:
                entry = one.finding
                place = f"{entry.path}:{entry.start_line}"
                echo(f"{entry.rule}\t{commit[:12]}\t{entry.severity}\t{place}\t{entry.message}")
    echo(history.summary(n_commits, found, judged), nl=False)


def _undone(clones: tuple[Path, ...], n: int, build: str | None) -> None:
    from qwen_lsp.bench.review import fixes

    rows: list[fixes.Undone] = []
    for clone in clones:
        for row in fixes.run(clone, n, (build,) if build else ()):
            rows.append(row)
            for name, arm in (
                ("found", row.ours),
                ("remark", row.remarks),
                ("ruff", row.ruff),
                ("build", row.build),
            ):
                for line in arm:
                    echo(f"{name}\t{row.fix.commit[:12]}\t{row.fix.subject[:60]}\t{line}")
    echo(fixes.summary(rows, with_build=build is not None), nl=False)


@click.command("commit-messages")
@click.argument("clone", type=_FOLDER)
@click.option("--n", default=100, show_default=True, type=click.IntRange(1), help="How many commits.")
@click.option("--show", is_flag=True, help="Show both messages of each commit.")
def commit_messages(clone: Path, n: int, show: bool) -> None:
    """Write messages for commits of a clone and compare them with their authors' own."""
    from qwen_lsp.bench.review import messages

    rows = list(messages.run(clone, n))
    for row in rows if show else ():
        echo(f"{row.commit}\t{row.theirs}\n\t\t{row.ours}")
    echo(messages.summary(rows), nl=False)
