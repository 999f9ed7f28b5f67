"""The command `qwen-lsp trust`: say which folders may configure their reviews and have their code run."""

from __future__ import annotations

from pathlib import Path

import click

from qwen_lsp import trust as trusted
from qwen_lsp.cli.echo import echo
from qwen_lsp.visible import visible_path

_FOLDER = click.Path(path_type=Path)


@click.command(short_help="Trust a folder, or list those you trust.")
@click.argument("folder", type=_FOLDER, required=False)
@click.option("--list", "is_list", is_flag=True, help="List the folders that you trust.")
@click.option("--remove", type=_FOLDER, metavar="FOLDER", help="Trust a folder no longer.")
def trust(folder: Path | None, is_list: bool, remove: Path | None) -> None:
    """Trust FOLDER and all below it: its files configure reviews, and its code may be run to compare it."""
    if sum((folder is not None, is_list, remove is not None)) != 1:
        raise click.UsageError("give a folder, --list or --remove FOLDER")
    if is_list:
        for one in trusted.folders():
            echo(visible_path(one))
    elif remove is not None:
        if not trusted.remove(remove):
            echo(f"{visible_path(str(remove))} was not trusted by itself; see --list", err=True)
            raise SystemExit(1)
    elif folder is not None:
        echo(f"{visible_path(trusted.add(folder))} is trusted", err=True)
