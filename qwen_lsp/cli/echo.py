"""What is written to a terminal as plain text: the one way there, with nothing invisible in it."""

from __future__ import annotations

import click

from qwen_lsp.visible import visible, visible_path


def echo(text: object = "", *, nl: bool = True, err: bool = False) -> None:
    """Write a text and a line end."""
    click.echo(visible(str(text)), nl=nl, err=err)


def progress(text: str) -> None:
    """Replace the last line of stderr; "" clears it."""
    click.echo(f"\r\x1b[K{visible_path(text)}", nl=False, err=True)
