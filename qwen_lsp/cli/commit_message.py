"""The command `qwen-lsp commit-message`: what is staged, as a message in the repository's own style."""

from __future__ import annotations

from pathlib import Path

import click

from qwen_lsp.cli.echo import echo


@click.command("commit-message", short_help="A message for what is staged.")
@click.argument("scope", required=False, metavar="[BASE..HEAD]")
def commit_message(scope: str | None) -> None:
    """Write a commit message for what is staged, or for a range, as this repository writes them.

    Language, prefix, mood and punctuation are those of the last 50 messages; the words say what was done to
    which symbols. `git commit -F <(qwen-lsp commit-message) --edit` begins with it.
    """
    from qwen_lsp.review.change.change import from_git
    from qwen_lsp.review.message import skeleton, style

    change = from_git(Path.cwd(), "range", scope) if scope else from_git(Path.cwd(), "staged")
    if not change.files:
        raise click.ClickException("nothing is staged: `git add` what the message is for, or name BASE..HEAD")
    assert change.root is not None
    at = change.base if scope and change.base else "HEAD"
    echo(skeleton.write(change, style.of_repository(change.root, at)))
