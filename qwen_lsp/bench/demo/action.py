"""The code action of `make demo`: a function without documentation gets some, streamed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.editor import ServerError, Session
from qwen_lsp.cli.console import Console
from qwen_lsp.context import named_files

_FILE = Path("todo-ts/src/format.ts")
_FUNCTION = "export function formatStats"
_KIND = "docstring"


async def act(folder: Path, console: Console) -> bool:
    """List the actions at a function, do one, and show how it is written; False when none came."""
    root = folder / _FILE.parts[0]
    options = {"client": {"streamActions": True}}
    async with lsp_session.start(root, options=options) as session:
        console.rule(Text("a code action"), align="left")
        return await _documented(session, folder / _FILE, console)


async def _documented(session: Session, path: Path, console: Console) -> bool:
    text = named_files.read(path).text
    at = text.index(_FUNCTION)
    document = await session.open(path.as_uri(), "typescript", text)
    started = time.perf_counter()
    actions = await session.actions(document.uri, at, at)
    listed_ms = (time.perf_counter() - started) * 1000
    name = f"{_FILE.as_posix()}:{document.line_of(at) + 1}"
    console.print(Text(name, style="bold") + Text(f"  {len(actions)} actions: "), end="")
    console.print(Text(", ".join(action.title for action in actions), style="dim"), soft_wrap=True)
    (action,) = [entry for entry in actions if session.action_kind(entry) == _KIND]
    first_ms: float | None = None
    chunks = 0
    started = time.perf_counter()
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def draw(message: Any) -> None:
            nonlocal first_ms, chunks
            chunks += 1
            if message.text.strip() and first_ms is None:
                first_ms = (time.perf_counter() - started) * 1000
            if console.is_terminal:
                live.update(Group(Text(message.text, style="bold green")), refresh=True)

        session.on_stream = draw
        try:
            edits = await session.resolve_edits(action, document)
        except ServerError as error:
            console.print(Text(f"      nothing changed: {error.message}", style="yellow"), soft_wrap=True)
            return False
        finally:
            session.on_stream = None
    total_ms = (time.perf_counter() - started) * 1000
    line = document.line_of(at)
    for edit in edits:
        for number, added in enumerate(edit.new_text.rstrip("\n").split("\n")):
            console.print(Text(f"{line + number + 1:5} + ", style="dim") + Text(added, style="bold green"))
    console.print(Text(f"      │ {document.line(line)}"), soft_wrap=True)
    first = f"{first_ms:.0f}" if first_ms is not None else "-"
    figures = f"listed in {listed_ms:.0f} ms · first text {first} ms · total {total_ms:.0f} ms"
    console.print(Text(f"      {figures} · {chunks} pieces streamed\n", style="dim"), soft_wrap=True)
    return bool(edits)
