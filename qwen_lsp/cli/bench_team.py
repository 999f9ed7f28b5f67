"""The command `qwen-lsp bench team`: what typing costs a server that many developers share."""

from __future__ import annotations

import asyncio
import json

import click
import msgspec

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo
from qwen_lsp.endpoints import may_receive_code
from qwen_lsp.errors import ConfigError


@click.command("team", short_help="What typing costs a server of many users.")
@click.argument("url", required=False)
@click.option("--users", type=click.IntRange(1), default=20, show_default=True, help="How many type at once.")
@click.option("--keys", type=click.IntRange(1, 50), default=12, show_default=True, help="Keys of each.")
@click.option(
    "--layout",
    "layouts",
    type=click.Choice(["spm", "psm"]),
    multiple=True,
    help="Order of the prompt's parts; both by default. Many users type in the first one.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object.")
def team(url: str | None, users: int, keys: int, layouts: tuple[str, ...], is_json: bool) -> None:
    """Type at a server, alone and with others: prompt tokens read for each key, and how long it waits.

    URL is the endpoint of your settings by default; one elsewhere has to be allowed there.
    """
    from qwen_lsp.bench import team as measured

    config = read_config().endpoint.of("completion")
    if url:
        config = msgspec.structs.replace(config, url=url)
    if config.is_engine:
        raise click.UsageError("name a server, or set `endpoint.url`")
    if not may_receive_code(config):
        raise ConfigError(f"{url} is not this machine: add it with `qwen-lsp endpoint add`")
    report = asyncio.run(measured.measure(config, layouts or measured.LAYOUTS, users, keys))
    echo(json.dumps(report.to_json(), indent=2) if is_json else measured.as_text(report))
