"""What every command starts from: the user's settings, with their problems on stderr."""

from __future__ import annotations

import json
from typing import Any

import click

from qwen_lsp.cli.echo import echo
from qwen_lsp.config import Config, resolve, user_layer


def parse_setting(text: str) -> tuple[str, Any]:
    """Read `KEY=VALUE`; the value is JSON, or else a text.

    Raises: click.BadParameter.
    """
    key, mark, value = text.partition("=")
    if not mark:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE, such as endpoint.url=http://127.0.0.1:8080")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def read_config() -> Config:
    """Return the settings that the command line was started with, else the user's file over the defaults."""
    context = click.get_current_context(silent=True)
    started_with = context.find_object(Config) if context else None
    if started_with is not None:
        return started_with
    layer, problems = user_layer()
    config, more = resolve([layer])
    for problem in (*problems, *more):
        echo(f"warning: {problem}", err=True)
    return config
