"""The command `qwen-lsp commit-message`: what is staged, as a message in the repository's own style."""

from __future__ import annotations

from pathlib import Path

import click

from qwen_lsp.cli.echo import echo
from qwen_lsp.errors import InputError


@click.command("commit-message", short_help="A message for what is staged.")
@click.argument("scope", required=False, metavar="[BASE..HEAD]")
def commit_message(scope: str | None) -> None:
    """Write a commit message for what is staged, or for a range, as this repository writes them.

    Language, prefix, mood and punctuation are those of the last 50 messages; the words say what was done to
    which symbols. `git commit -F <(qwen-lsp commit-message) --edit` begins with it.
    """
    from qwen_lsp.review.message.staged import message

    try:
        echo(message(Path.cwd(), scope or ""))
    except InputError as error:
        raise click.ClickException(str(error)) from error
