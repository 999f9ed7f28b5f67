"""The command `qwen-lsp purge`: delete what qwen-lsp keeps on this machine beside the user's settings.

Each part names its own files; a folder that the user chose may hold others, which stay.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import click

from qwen_lsp.cli.echo import echo
from qwen_lsp.visible import visible_path

_DAY_S = 86_400.0


@click.command(short_help="Delete indexes, caches, logs, statistics.")
@click.option(
    "--models", "with_models", is_flag=True, help="Delete the downloaded models and the compiled engine, too."
)
@click.option("--older-than", "days", type=click.IntRange(0), metavar="DAYS", help="Only what is that old.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(with_models: bool, days: int | None, yes: bool) -> None:
    """Delete what qwen-lsp keeps on this machine: indexes, caches, logs, statistics. Settings stay."""
    now = time.time()
    found = [
        (kind, file)
        for kind, file in _kept(with_models=with_models)
        if days is None or _age_days(file, now) >= days
    ]
    if not found:
        echo("nothing to delete")
        return
    for kind in dict.fromkeys(kind for kind, _ in found):
        own = [file for other, file in found if other == kind]
        size = sum(file.stat().st_size for file in own if file.exists())
        echo(f"{kind}: {len(own)} files, {size / 1e6:.1f} MB, {visible_path(str(own[0].parent))}")
    if not yes:
        click.confirm("Delete them?", abort=True, err=True)
    failed = [file for _, file in found if not _deleted(file)]
    for folder in {file.parent for _, file in found}:
        with contextlib.suppress(OSError):
            folder.rmdir()  # only an empty one
    for file in failed:
        echo(f"could not delete {visible_path(str(file))}: is an editor still using it?", err=True)
    if failed:
        raise SystemExit(1)


def _kept(*, with_models: bool) -> Iterator[tuple[str, Path]]:
    """Yield every file of ours, with what it is."""
    from qwen_lsp import logs
    from qwen_lsp.completion.stats.database import stats_file
    from qwen_lsp.index import database
    from qwen_lsp.model import audit, catalog, hardware, native, speed, store
    from qwen_lsp.review import cache

    # Both folders may be the user's own choice and hold other files.
    yield from (("indexes", file) for file in sorted(database.directory().glob("*.sqlite3*")))
    if with_models:
        for profile in catalog.profiles():
            if not profile.file_name:
                continue
            file = store.final_path(profile)
            yield from (("models", one) for one in sorted(file.parent.glob(f"{file.name}*")))
        yield from (("engine", one) for one in native.all_files())
    single = (
        ("review cache", cache.default_file()),
        ("measured speed", speed.speed_file()),
        ("this machine", hardware.machine_file()),
        ("statistics", stats_file()),
        ("logs", logs.log_file()),
        ("logs", logs.log_file(logs.ENGINE)),
        ("record of what left this machine", audit.audit_file()),
    )
    for kind, file in single:
        # SQLite's companions and rotated logs lie beside their file.
        yield from ((kind, one) for one in sorted(file.parent.glob(f"{file.name}*")) if one.is_file())


def _age_days(file: Path, now: float) -> float:
    try:
        return (now - file.lstat().st_mtime) / _DAY_S
    except OSError:
        return 0.0


def _deleted(file: Path) -> bool:
    try:
        file.unlink(missing_ok=True)
    except OSError:
        return False
    return True
