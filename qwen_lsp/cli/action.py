"""The command `qwen-lsp action`: one code action on a range of a file."""

from __future__ import annotations

import json
import sys

import click

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo
from qwen_lsp.messages import Locale


@click.command(short_help="Run a code action on a range of a file.")
@click.argument("kind")
@click.argument("place", metavar="FILE:L1[:C1]-L2[:C2]")
@click.option(
    "--instruction", default="", help="What to change (for `edit`), or what else the model should know."
)
@click.option("--problem", default="", help="What is wrong, for `fix`: a compiler's or a test's message.")
@click.option("--diff", "as_diff", is_flag=True, help="Print a patch that `git apply` takes.")
@click.option("--apply", "is_applied", is_flag=True, help="Change the file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="Language of prose.")
def action(
    kind: str,
    place: str,
    instruction: str,
    problem: str,
    as_diff: bool,
    is_applied: bool,
    as_json: bool,
    lang: str,
) -> None:
    """Run a code action on a range of a file, and show what it would change.

    KIND is fix, explain, docstring, test, simplify, extract, rename, types, errors, optimise, translate,
    edit, or the name of an action of your own (`actions.custom`). `translate` writes comments in --lang.
    Exit code 1: the model's answer was not fit to be applied, and nothing has changed.
    """
    from qwen_lsp.actions import once, patch
    from qwen_lsp.actions.task import Explanation, Proposal
    from qwen_lsp.cli import terminal
    from qwen_lsp.context import named_files

    if as_diff + is_applied + as_json > 1:
        raise click.UsageError("--diff, --apply and --json exclude one another")
    config = read_config()
    locale: Locale = "zh" if lang == "zh" else "en"
    range_ = once.parse_range(place)
    task = once.task_of(kind, range_, config, instruction=instruction, locale=locale, problem=problem)
    done = once.run(task, config)
    outcome = done.outcome
    if as_json:
        echo(json.dumps(done.to_json(), ensure_ascii=False))
    elif isinstance(outcome, Explanation):
        terminal.show_markdown(outcome.markdown)
    elif isinstance(outcome, Proposal) and is_applied:
        for path, _, _, data in list(patch.changed_files(task, outcome)):
            named_files.write(path, data)
            echo(f"{path} changed", err=True)
    elif isinstance(outcome, Proposal) and as_diff:
        sys.stdout.buffer.write(patch.patch(task, outcome))
    elif isinstance(outcome, Proposal):
        terminal.show_patch(patch.patch(task, outcome).decode("utf-8", "replace"))
    if done.message:
        echo(f"nothing changed: {done.message}", err=True)
        raise SystemExit(1)
