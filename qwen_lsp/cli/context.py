"""The command `qwen-lsp context`: what a prompt at a place would show of other files, and why."""

from __future__ import annotations

import json

import click

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo


@click.command(short_help="What the model is shown there, and why.")
@click.argument("place", metavar="FILE:LINE:COL")
@click.option(
    "--tokens", type=click.IntRange(0, 8192), help="Room for other files; as in the editor by default."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def context(place: str, tokens: int | None, as_json: bool) -> None:
    """Show what of the repository would help at a place: each piece, its source, score, tokens and fate."""
    from qwen_lsp.cli import terminal
    from qwen_lsp.completion.once import snippet_tokens
    from qwen_lsp.context.gather_once import gather_at
    from qwen_lsp.context.named_files import parse_place

    found = gather_at(parse_place(place), snippet_tokens(read_config()) if tokens is None else tokens)
    if as_json:
        echo(json.dumps(found.to_json(), ensure_ascii=False))
    else:
        terminal.show_context(found)
