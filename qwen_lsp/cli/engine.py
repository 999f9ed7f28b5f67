"""`qwen-lsp engine`: the engine that all windows share - what it does, its start, its end and its log."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo
from qwen_lsp.errors import ConfigError
from qwen_lsp.visible import visible_path

if TYPE_CHECKING:
    from qwen_lsp.model.lease import EngineStatus, Status

_WORDS = {
    "ready": "running",
    "starting": "loading",
    "off": "not loaded",
    "asleep": "asleep",
    "failed": "failed",
}
_MAX_LOG_BYTES = 4_000_000


@click.group(short_help="The engine that your windows share.")
def engine() -> None:
    """Show, start, stop and compile the engine that all your windows share."""


@engine.command(short_help="Say whether it runs or sleeps, and for whom.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(as_json: bool) -> None:
    """Say whether the engine runs or sleeps, since when, its memory, its windows, its model and its speed."""
    from qwen_lsp.model import shared

    found = asyncio.run(shared.status())
    if as_json:
        echo(json.dumps(_to_json(found), indent=2, ensure_ascii=False))
    else:
        echo("\n".join(_lines(found)))


@engine.command(short_help="Load the model now.")
def start() -> None:
    """Load the model now, so that the first window need not wait for it."""
    from qwen_lsp.model.select import chosen_model
    from qwen_lsp.model.shared import SharedEngine

    config = read_config()
    if not config.engine.shared or config.engine.program or not config.endpoint.of("completion").is_engine:
        raise ConfigError(
            "your settings have no shared engine: `engine.shared` is false, or `engine.program` or "
            "`endpoint.url` names another"
        )

    async def load() -> None:
        host = SharedEngine(config.engine, chosen_model(config).path, lambda state: None, config.model.lora)
        try:
            await host.ready()
            if host.own is not None:
                raise ConfigError("there can be no shared engine here; `qwen-lsp engine logs` says why")
        finally:
            await host.close()

    asyncio.run(load())
    echo(f"loaded; it stays for {config.engine.linger_seconds:g} s after the last window has closed")


@engine.command(short_help="End it and give its memory back.")
def stop() -> None:
    """End the engine and give its memory back. Windows that are open start it again at the next key."""
    from qwen_lsp.model import shared

    echo("stopped" if asyncio.run(shared.stop()) else "no shared engine is running")


@engine.command(short_help="Show the end of its log.")
@click.option("-n", "lines", default=50, show_default=True, type=click.IntRange(1), help="How many lines.")
def logs(lines: int) -> None:
    """Show the last lines of the engine's log."""
    from qwen_lsp import files
    from qwen_lsp import logs as log_files

    file = log_files.log_file(log_files.ENGINE)
    try:
        text = files.read(file, _MAX_LOG_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        echo(f"{visible_path(str(file))} is not there: no shared engine has run yet", err=True)
        return
    for line in deque(text.splitlines(), lines):
        echo(line)


@engine.command(short_help="Compile one for this processor.")
@click.option("--model", default="", help="Model to try it with; yours by default.")
@click.option("--remove", is_flag=True, help="Delete what was compiled; the engine that came along is used.")
def build(model: str, remove: bool) -> None:
    """Compile an engine for this machine's processor (Linux without a GPU), and use it if it is faster.

    Needs cmake and a C++ compiler, and 5 to 30 minutes in which the machine stays usable. The source comes
    from the package registry.
    """
    from qwen_lsp.cli import engine_build
    from qwen_lsp.model import native_build, shared

    if remove:
        echo("deleted" if native_build.remove() else "no engine was compiled here")
    else:
        echo(engine_build.build(read_config(), model))
    asyncio.run(shared.stop())  # windows start it again at the next key


def _lines(found: Status | None) -> list[str]:
    if found is None:
        return ["no shared engine is running"]
    lines = [
        f"process {found.pid}, version {found.version}, since {_moment(found.started)}, "
        f"{found.memory_bytes / 1e6:.0f} MB"
    ]
    for one in found.engines:
        speed = _tokens_per_second(one)
        facts = [
            f"{_WORDS[one.phase]} since {_moment(one.since)}",
            f"{one.memory_bytes / 1e6:.0f} MB" if one.memory_bytes else "",
            f"{len(one.windows)} windows" if len(one.windows) != 1 else "1 window",
            f"{speed:.0f} tokens/s" if speed else "",
            one.detail if one.phase == "failed" else "",
        ]
        lines.append(f"{_name(one)}: {', '.join(filter(None, facts))}")
    return lines


def _to_json(found: Status | None) -> dict[str, Any]:
    if found is None:
        return {"running": False, "engines": []}
    return {
        "running": True,
        "pid": found.pid,
        "since": _moment(found.started),
        "version": found.version,
        "build": found.build,
        "memoryBytes": found.memory_bytes,
        "engines": [
            {
                "model": _name(one),
                "path": one.model,
                "state": _WORDS[one.phase],
                "since": _moment(one.since),
                "pid": one.pid or None,
                "memoryBytes": one.memory_bytes,
                "windows": list(one.windows),
                "tokensPerSecond": _tokens_per_second(one),
                "detail": one.detail,
            }
            for one in found.engines
        ],
    }


def _name(one: EngineStatus) -> str:
    from qwen_lsp.model import catalog

    profile = catalog.guess(Path(one.model).name)
    return profile.name if profile is not None else Path(one.model).name


def _tokens_per_second(one: EngineStatus) -> float | None:
    from qwen_lsp.model import speed

    measured = speed.remembered().get(_name(one))
    return round(measured.write, 1) if measured is not None else None


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
