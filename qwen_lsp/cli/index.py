"""`qwen-lsp index` and `qwen-lsp map`: what is known of a repository.

Each command is a few lines around one call into `qwen_lsp.context`.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_lsp.cli.echo import echo
from qwen_lsp.errors import InputError

if TYPE_CHECKING:
    from qwen_lsp.index.building import Progress
    from qwen_lsp.index.orders import Report

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(short_help="Bring the index of a folder up to date.")
@click.argument("path", type=_FOLDER, default=".")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--rebuild", is_flag=True, help="Forget what is known and read every file again.")
@click.option("--delete", is_flag=True, help="Delete the index of this folder and stop.")
def index(path: Path, as_json: bool, rebuild: bool, delete: bool) -> None:
    """Bring the index of the folder PATH up to date and say what is in it."""
    from qwen_lsp.cli import terminal
    from qwen_lsp.index import building, database

    root = path.resolve()
    file = database.index_file(root)
    if delete:
        echo(f"{database.delete(file):,} bytes freed: {file}", err=True)
        return
    report = _updated(root, "you asked for it" if rebuild else "")
    if as_json:
        values = {"root": str(root), "file": str(file), **building.to_json(report)}
        echo(json.dumps(values, indent=2, ensure_ascii=False))
    else:
        terminal.show_index(root, file, report)


@click.command("map", short_help="What a repository leans on, by PageRank.")
@click.argument("path", type=_FOLDER, default=".")
@click.option("--tokens", default=1000, show_default=True, type=click.IntRange(1), help="How long it may be.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_map(path: Path, tokens: int, as_json: bool) -> None:
    """Show what the rest of the folder PATH leans on: its files and definitions by PageRank."""
    from qwen_lsp.index.map import as_text, repository_map
    from qwen_lsp.index.reader import Index

    root = path.resolve()
    _updated(root, with_ranks=True)
    files = repository_map(Index(root), budget_tokens=tokens)
    if as_json:
        echo(json.dumps([asdict(file) for file in files], indent=2, ensure_ascii=False))
    else:
        echo(as_text(files) or "no file of this folder uses anything of another one")


def _updated(root: Path, must_rebuild: str = "", *, with_ranks: bool = False) -> Report:
    from qwen_lsp.index import building, database
    from qwen_lsp.index.listing import refusal

    if reason := refusal(root):
        raise InputError(f"{root} is not indexed: {reason}; name the folder of one project")
    if database.is_written(database.index_file(root)):
        echo("another qwen-lsp, perhaps your editor's, is indexing this folder; waiting for it", err=True)
    try:
        with _progress() as progress:
            return building.update(root, progress, must_rebuild=must_rebuild, with_ranks=with_ranks)
    except (OSError, sqlite3.Error) as error:
        raise database.unwritable(error) from error


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Show a bar on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress

    from qwen_lsp.cli.console import Console

    columns = (progress.TextColumn("indexing"), progress.BarColumn(), progress.MofNCompleteColumn())
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
