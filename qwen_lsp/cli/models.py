"""`qwen-lsp models`: list, get, check, find and remove the models on this machine.

Each command is a few lines around one call into `qwen_lsp.model`. What a script reads goes to
stdout; progress and sentences go to stderr.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
import msgspec

from qwen_lsp.cli.config import read_config
from qwen_lsp.cli.echo import echo

if TYPE_CHECKING:
    from qwen_lsp.model.catalog import Profile
    from qwen_lsp.model.download import Progress
    from qwen_lsp.model.part import Advance

_SOURCES = ("huggingface", "modelscope", "packages")


@click.group()
def models() -> None:
    """List, get, check and remove models."""


@models.command("list", short_help="Show every model, and which are here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_models(as_json: bool) -> None:
    """Show every model known by name, and which are on this machine."""
    from qwen_lsp.model import catalog, select, store

    rows = [(profile, store.path(profile)) for profile in catalog.profiles()]
    if as_json:
        best = select.recommended()
        suits = {one.profile.name for one in best.estimates if one.suits}
        values = [
            {
                **_values(profile, str(path) if path else None),
                "isRecommended": profile == best.best.profile,
                "suits": profile.name in suits,
            }
            for profile, path in rows
        ]
        echo(msgspec.json.format(msgspec.json.encode(values)).decode())
        return
    from rich.table import Table

    from qwen_lsp.cli.console import Console

    table = Table(
        "Name", "Model", "Size", "Memory", "For", "Licence", "Installed", box=None, header_style="bold"
    )
    for profile, path in rows:
        size = "on a server" if profile.endpoint_only else _gigabytes(profile.size_bytes)
        memory, mark = _gigabytes(profile.memory_bytes), "yes" if path else ""
        table.add_row(profile.name, profile.title, size, memory, profile.tier, profile.licence, mark)
    # A pipe has no width; a narrow guess would cut names in the middle.
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@models.command(short_help="Say which model suits this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--measure/--no-measure", default=None, help="Measure the speed again, or never.")
def recommend(as_json: bool, measure: bool | None) -> None:
    """Say which model suits this machine, why, and what it costs.

    The speed of the smallest model on this machine is measured once and remembered, which takes a few
    seconds; without any, it is estimated.
    """
    from qwen_lsp.cli import recommending

    recommending.run(read_config(), as_json=as_json, measure=measure)


@models.command(short_help="Get a model, by default what suits here.")
@click.argument("name", required=False)
@click.option("--source", type=click.Choice(_SOURCES), help="Take it from there only.")
def pull(name: str | None, source: str | None) -> None:
    """Get the model NAME; without one, the model that suits this machine."""
    from qwen_lsp.model import catalog, download, hardware, select

    if not name:
        hardware.probe()
    profile = catalog.find(name) if name else select.recommended().best.profile
    config = read_config().model
    if source:
        config = msgspec.structs.replace(config, sources=(source,))
    echo(f"{profile.title}, {_gigabytes(profile.size_bytes)}, licence: {profile.licence}", err=True)
    with _progress() as progress:
        path = download.pull(profile, config, progress)
    echo(path)


@models.command(short_help="Check the hashes of models.")
@click.argument("name", required=False)
def verify(name: str | None) -> None:
    """Check the hash of the model NAME; without one, of every model on this machine."""
    from qwen_lsp.model import catalog, store

    profiles = [catalog.find(name)] if name else [model.profile for model in store.installed()]
    for profile in profiles or [store.choose().profile]:
        with _progress() as progress:
            digest = store.verify(profile, progress.advance)
        echo(f"{profile.name}: sha256 {digest} is right")


@models.command(short_help="Print where the file of a model is.")
@click.argument("name", required=False)
def path(name: str | None) -> None:
    """Print where the file of the model NAME is; without one, of the model that would be used."""
    from qwen_lsp.model import store

    config = read_config().model
    is_own = config.path and not name
    echo(config.path if is_own else store.choose(name or config.name).path)


@models.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Delete the model NAME from this machine."""
    from qwen_lsp.model import catalog, store

    profile = catalog.find(name)
    if not yes:
        click.confirm(f"Delete {store.final_path(profile)}?", abort=True, err=True)
    echo(f"{profile.name}: {_gigabytes(store.remove(profile))} freed", err=True)


def _values(profile: Profile, path: str | None) -> dict[str, Any]:
    return {
        "name": profile.name,
        "title": profile.title,
        "publisher": profile.publisher,
        "kind": profile.kind,
        "licence": profile.licence,
        "tier": profile.tier,
        "contextTokens": profile.context_tokens,
        "sizeBytes": profile.size_bytes,
        "memoryBytes": profile.memory_bytes,
        "sha256": profile.sha256,
        "billions": profile.billions,
        "remark": profile.remark,
        "endpointOnly": profile.endpoint_only,
        "path": path,
    }


def _gigabytes(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / 1e9:.1f} GB"


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a bar on a terminal, and a line for every tenth elsewhere."""
    from qwen_lsp.model.download import Progress

    if not sys.stderr.isatty() or os.environ.get("CI"):
        yield Progress(tenths(), lambda sentence: echo(sentence, err=True))
        return
    from rich import progress

    from qwen_lsp.cli.console import Console

    console = Console(stderr=True)
    with progress.Progress(
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None, visible=False)

        def advance(done_bytes: int, total_bytes: int) -> None:
            bar.update(task, completed=done_bytes, total=total_bytes, visible=True)

        yield Progress(advance, lambda sentence: console.print(sentence, markup=False, highlight=False))


def tenths(*, of_bytes: bool = True) -> Advance:
    """Report to a log: one line for every tenth."""
    started, last = time.monotonic(), -1

    def advance(done_bytes: int, total_bytes: int) -> None:
        nonlocal last
        tenth = done_bytes * 10 // total_bytes if total_bytes else 10
        if tenth > last and (done_bytes or last < 0):
            last = tenth
            seconds = time.monotonic() - started
            amount = f"{done_bytes:,} of {total_bytes:,} bytes  " if of_bytes else ""
            echo(f"{tenth * 10:3d} %  {amount}{seconds:.0f} s", err=True)

    return advance
