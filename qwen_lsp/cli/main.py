"""The command line: each command is a few lines and one call.

Heavy modules are imported inside the commands, so `serve` loads neither the engine, the terminal
library nor the benchmarks (tests/protocol/test_initialize.py).
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import click

from qwen_lsp import __version__
from qwen_lsp.cli.config import parse_setting, read_config
from qwen_lsp.cli.echo import echo
from qwen_lsp.config import Layer, user_file

# Commands in files of their own. Loaded when one is called or all are listed: a server needs none of them
# for as long as it runs.
_COMMANDS = {
    "action": "qwen_lsp.cli.action:action",
    "audit": "qwen_lsp.cli.audit:audit",
    "bench": "qwen_lsp.cli.bench:bench",
    "commit-message": "qwen_lsp.cli.commit_message:commit_message",
    "context": "qwen_lsp.cli.context:context",
    "endpoint": "qwen_lsp.cli.endpoint:endpoint",
    "engine": "qwen_lsp.cli.engine:engine",
    "index": "qwen_lsp.cli.index:index",
    "map": "qwen_lsp.cli.index:show_map",
    "models": "qwen_lsp.cli.models:models",
    "purge": "qwen_lsp.cli.purge:purge",
    "review": "qwen_lsp.cli.review:review",
    "trust": "qwen_lsp.cli.trust:trust",
}


class _Commands(click.Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all, in order."""
        return sorted({*super().list_commands(ctx), *_COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; load the file that it is in."""
        if cmd_name in _COMMANDS and cmd_name not in self.commands:
            module, _, name = _COMMANDS[cmd_name].partition(":")
            self.add_command(getattr(importlib.import_module(module), name), cmd_name)
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="qwen-lsp")
def main() -> None:
    """Completion, code actions and review for every editor, from a Qwen Coder model on this machine."""


@main.command()
@click.option(
    "--stdio", is_flag=True, help="Serve over stdin and stdout (the default; clients like to say it)."
)
@click.option("--allow-remote", is_flag=True, help="Allow the host of your own `endpoint.url`.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of your own; wins over the file."
)
@click.option(
    "--trust-folders", is_flag=True, help="The client has asked whether to trust the folders it opens."
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]))
def serve(
    stdio: bool, allow_remote: bool, settings: tuple[str, ...], trust_folders: bool, log_level: str | None
) -> None:
    """Run the language server for an editor."""
    from qwen_lsp.lsp import lean_heap

    lean_heap.keep_small()
    from qwen_lsp import logs
    from qwen_lsp.lsp import lean_types

    lean_types.lighten()
    from qwen_lsp.lsp import server

    values: dict[str, Any] = dict(parse_setting(text) for text in settings)
    if allow_remote:
        values["endpoint.allowRemote"] = True
    if log_level:
        values["log.level"] = log_level
    layer = Layer("command line", values, trusted=True)
    logs.start(log_level or "info")
    server.serve_stdio(layer, trusts_folders=trust_folders)


@main.command(short_help="Complete at a place and show the text.")
@click.argument("place", metavar="FILE:LINE:COL")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--trace", is_flag=True, help="Show the exact prompt, the raw answer and what each filter did.")
def complete(place: str, as_json: bool, trace: bool) -> None:
    """Complete at a place (LINE and COL from 1, COL in characters) and show the text there."""
    from qwen_lsp.cli import terminal
    from qwen_lsp.completion import once
    from qwen_lsp.context.named_files import parse_place

    shown = once.run(parse_place(place), read_config())
    echo(json.dumps(shown.to_json(), ensure_ascii=False)) if as_json else terminal.show_completion(shown)
    if trace:
        terminal.show_trace(shown.outcome.trace, to_stderr=as_json)


@main.command(short_help="Check everything; say what to do.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--no-engine", is_flag=True, help="Only what needs no model: seconds less.")
def doctor(as_json: bool, no_engine: bool) -> None:
    """Check Python, grammars, settings, model, engine, FIM markers and speed; say what to do."""
    from qwen_lsp.cli import doctor

    raise SystemExit(0 if doctor.run(read_config(), as_json=as_json, with_engine=not no_engine) else 1)


@main.command(short_help="What became of suggestions (kept local).")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1), help="How far to look back.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--reset", is_flag=True, help="Forget everything that was counted.")
def stats(days: int, as_json: bool, reset: bool) -> None:
    """Show what became of suggestions: counts on this machine, never sent anywhere."""
    from qwen_lsp.cli import terminal
    from qwen_lsp.completion.stats import database, report

    file = database.stats_file()
    if reset:
        database.reset(file)
        echo(f"{file} is empty now", err=True)
        return
    found = report.read(days, file)
    echo(json.dumps(found.to_json(), indent=2)) if as_json else terminal.show_stats(found, file)


@main.group()
def config() -> None:
    """Show settings."""


@config.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of all settings."""
    from qwen_lsp.schema import schema

    echo(json.dumps(schema(), indent=2, ensure_ascii=False))


@config.command("show")
def config_show() -> None:
    """Print the settings in force, as your settings file gives them."""
    import msgspec

    echo(f"# {user_file()}")
    echo(json.dumps(msgspec.to_builtins(read_config()), indent=2, ensure_ascii=False))
