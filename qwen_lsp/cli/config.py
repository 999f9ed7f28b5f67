"""What every command starts from: the user's settings, with their problems told on stderr."""

from __future__ import annotations

import click

from qwen_lsp.config import Config, resolve, user_layer


def read_config() -> Config:
    """Return the settings that the command line was started with, else the user's file over the defaults."""
    context = click.get_current_context(silent=True)
    started_with = context.find_object(Config) if context else None
    if started_with is not None:
        return started_with
    layer, problems = user_layer()
    config, more = resolve([layer])
    for problem in (*problems, *more):
        click.echo(f"warning: {problem}", err=True)
    return config
