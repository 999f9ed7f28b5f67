"""The command `qwen-lsp review`: what to review, how to show it, and the exit code.

0: done; 1: a finding as grave as --fail-on says; 2: something failed, and what was found is still shown.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo, progress
from qwen_lsp.errors import InputError
from qwen_lsp.visible import visible_path

if TYPE_CHECKING:
    from qwen_lsp.review.cache import Cache
    from qwen_lsp.review.change.change import Change, Scope
    from qwen_lsp.review.report.report import Report
    from qwen_lsp.review.reviewer import Options
    from qwen_lsp.syntax.rules import Severity

_FORMATS = ("text", "markdown", "json", "rdjson", "sarif", "gitlab", "github", "html")
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("range_", metavar="[BASE..HEAD]", required=False)
@click.option("--base", metavar="REF", help="Compare the working tree with where it left REF.")
@click.option("--staged", is_flag=True, help="Review what is staged.")
@click.option("--unstaged", is_flag=True, help="Review what is changed and not staged.")
@click.option("--diff", "diff_file", type=_FILE, help="Review a unified diff in a file.")
@click.option("--stdin", is_flag=True, help="Review a unified diff from standard input.")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("--output", "-o", type=_FILE, help="Write the report to a file.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info"]),
    help="Exit 1 at findings of this severity or above.",
)
@click.option(
    "--min-severity",
    type=click.Choice(["error", "warning", "info", "hint"]),
    help="Show findings of this severity or above; by default warnings and errors, and what --fail-on names.",
)
@click.option(
    "--model-pass/--no-model-pass",
    default=None,
    help="Ask all that a model can be asked, or nothing; by default what measured well for the model.",
)
@click.option(
    "--model-seconds",
    type=click.FloatRange(0),
    default=120.0,
    show_default=True,
    help="Stop asking the model after this long; the riskiest lines come first.",
)
@click.option(
    "--linter-report",
    "reports",
    type=_FILE,
    multiple=True,
    help="Take in what another tool found on changed lines: SARIF or rdjson. May be repeated.",
)
@click.option("--baseline", type=_FILE, help="An earlier JSON report: say what is new, still open and fixed.")
@click.option("--lang", type=click.Choice(["auto", "en", "zh"]), default=None, help="Language of the report.")
@click.option(
    "--ci",
    is_flag=True,
    help="Judge by the base commit only: its settings, dismissals, attributes and exclusions.",
)
@click.option(
    "--fail-on-skipped/--no-fail-on-skipped",
    default=None,
    help="Exit 1 when a file is skipped that the base did not skip for the same reason; on with --ci.",
)
@click.option("--post", type=click.Choice(["github", "gitlab"]), help="Post to the pull or merge request.")
@click.option("--pull", type=click.IntRange(1), metavar="NUMBER", help="With --post: which one.")
@click.option("--dry-run", is_flag=True, help="Show which files and units would be reviewed.")
@click.option("--no-cache", is_flag=True, help="Forget what earlier reviews found.")
def review(
    range_: str | None,
    base: str | None,
    staged: bool,
    unstaged: bool,
    diff_file: Path | None,
    stdin: bool,
    format_: str,
    output: Path | None,
    fail_on: Severity | None,
    min_severity: Severity | None,
    model_pass: bool | None,
    model_seconds: float,
    reports: tuple[Path, ...],
    baseline: Path | None,
    lang: str | None,
    ci: bool,
    fail_on_skipped: bool | None,
    post: str | None,
    pull: int | None,
    dry_run: bool,
    no_cache: bool,
) -> None:
    """Find the bugs that matter in a change. By default: the working tree against the default branch."""
    from qwen_lsp import trust
    from qwen_lsp.review import reviewer, settings
    from qwen_lsp.review.cache import Cache, default_file
    from qwen_lsp.review.change.selecting import Selection
    from qwen_lsp.review.find import reported
    from qwen_lsp.review.find.asking import Budget
    from qwen_lsp.review.finding import is_at_least
    from qwen_lsp.review.report.language import locale_for

    given: dict[str, object] = {
        "BASE..HEAD": range_,
        "--base": base,
        "--staged": staged,
        "--unstaged": unstaged,
    }
    given |= {"--diff": diff_file, "--stdin": stdin}
    if len(named := [name for name, value in given.items() if value]) > 1:
        raise click.UsageError(f"{' and '.join(named)} name different changes: give one of them")
    change = _change(range_, base, staged, unstaged, diff_file, stdin, ci)
    is_trusted = change.root is not None and trust.is_trusted(change.root)
    trusted = settings.load(change.root, (change.base or "") if ci else None, is_trusted=is_trusted)
    if trusted.ignored:
        names, folder = " and ".join(trusted.ignored), visible_path(str(change.root))
        echo(f"not in force: {names}. If you trust this folder: qwen-lsp trust {folder}", err=True)
    own = trusted.settings
    locale = locale_for(lang or own.language, change)
    threshold = fail_on or own.fail_on
    options = reviewer.Options(
        locale=locale,
        selection=Selection(own.include, own.exclude, is_strict=ci),
        disabled=frozenset(own.disabled),
        dismissals=trusted.dismissals,
        budget=Budget(max_seconds=model_seconds),
        linters="configured" if is_trusted or ci else "plain",
        reported=tuple(one for file in reports for one in reported.read(file)),
        min_severity=_least_severe(min_severity or own.min_severity, threshold),
    )
    if own.min_confidence is not None:
        options = replace(options, min_confidence=own.min_confidence)
    if dry_run:
        from qwen_lsp.cli.console import Console
        from qwen_lsp.cli.terminal_review import show_plan

        show_plan(reviewer.plan(change, options.selection), locale, Console(highlight=False))
        return
    cache = Cache(None if no_cache else default_file())
    try:
        report = asyncio.run(_review(change, options, model_pass, cache))
    finally:
        cache.close()
    if baseline is not None:
        report = reviewer.against(report, _fingerprints(baseline))
    _write(report, format_, output)
    if post is not None:
        _post(report, post, pull)
    if threshold and any(is_at_least(finding.severity, threshold) for finding in report.findings):
        sys.exit(1)
    if (ci if fail_on_skipped is None else fail_on_skipped) and any(
        one.is_unaccepted for one in report.coverage.skipped
    ):
        sys.exit(1)
    if report.coverage.failed:
        sys.exit(2)


def _change(
    range_: str | None,
    base: str | None,
    staged: bool,
    unstaged: bool,
    diff_file: Path | None,
    stdin: bool,
    ci: bool,
) -> Change:
    from qwen_lsp.review.change import change

    here = Path.cwd()
    if stdin:
        return change.from_diff(sys.stdin.buffer.read(), here, "standard input")
    if diff_file is not None:
        try:
            return change.from_diff(diff_file.read_bytes(), here, str(diff_file))
        except OSError as error:
            raise InputError(f"{diff_file} cannot be read: {error.strerror}") from error
    if range_:
        return change.from_git(here, "range", range_, is_strict=ci)
    if base:
        return change.from_git(here, "base", base, is_strict=ci)
    scope: Scope = "staged" if staged else "unstaged" if unstaged else "default"
    return change.from_git(here, scope, is_strict=ci)


def _least_severe(shown: Severity, threshold: Severity | None) -> Severity:
    """Return the severity from which on findings are shown: nothing ends a build without being shown."""
    from qwen_lsp.review.finding import SEVERITIES

    return max(shown, threshold or shown, key=SEVERITIES.index)


async def _review(change: Change, options: Options, model_pass: bool | None, cache: Cache) -> Report:
    from qwen_lsp.review import reviewer
    from qwen_lsp.review.find import repository
    from qwen_lsp.review.find.passes import opened

    known = repository.at(change.root)
    async with opened(read_config(), model_pass, options.locale, repository=known) as passes:
        return await reviewer.review(change, options, passes, cache, _tell if passes else None)


def _tell(done: int, total: int, path: str) -> None:
    if sys.stderr.isatty():
        progress(f"{done}/{total} {path}")


def _fingerprints(file: Path) -> set[str]:
    try:
        entries = json.loads(file.read_text("utf-8"))["findings"]
        return {str(entry["fingerprint"]) for entry in entries}
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{file} is no report: make one with `qwen-lsp review --format json -o {file}`"
        ) from error


def _write(report: Report, format_: str, output: Path | None) -> None:
    from qwen_lsp.review.report import html, interchange, markdown, pull_request

    if format_ == "text" and output is None:
        from qwen_lsp.cli.console import Console
        from qwen_lsp.cli.terminal_review import show

        if sys.stderr.isatty():
            progress("")
        width = None if sys.stdout.isatty() else 160
        show(report, Console(highlight=False, width=width))
        return
    if format_ == "text":
        from qwen_lsp.cli.terminal_review import as_text

        written = as_text(report)
    else:
        writers: dict[str, Callable[[Report], str]] = {
            "markdown": markdown.to_markdown,
            "json": interchange.to_json,
            "rdjson": interchange.to_rdjson,
            "sarif": interchange.to_sarif,
            "gitlab": interchange.to_gitlab,
            "github": pull_request.to_github,
            "html": html.to_html,
        }
        written = writers[format_](report)
    if output is None:
        echo(written, nl=False)
        return
    from qwen_lsp.context.named_files import write

    write(output, written.encode())
    echo(report.summary(), err=True)


def _post(report: Report, host: str, pull: int | None) -> None:
    from qwen_lsp.review.report import posting

    to = posting.to_github if host == "github" else posting.to_gitlab
    posted = to(report, os.environ, pull)
    echo(
        f"posted {posted.comments} comments to {host}, {posted.known} were there already, "
        f"{posted.refused} are in the summary only",
        err=True,
    )
