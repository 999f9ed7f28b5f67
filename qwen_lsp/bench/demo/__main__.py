"""`make demo`: open small repositories in a real LSP session and show completions as an editor would.

Run as `python -m qwen_lsp.bench.demo FOLDER`; the folder holds repositories and demo.toml, which names
the places. On a terminal the text appears as it is written; in a log only the result is printed.
"""

from __future__ import annotations

import asyncio
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group
from rich.live import Live
from rich.text import Text

from qwen_lsp.bench import editor as lsp_session
from qwen_lsp.bench.demo import action as demo_action
from qwen_lsp.bench.demo import review as demo_review
from qwen_lsp.bench.editor import Session
from qwen_lsp.cli.console import Console
from qwen_lsp.cli.terminal import ghost
from qwen_lsp.errors import InputError, QwenLspError
from qwen_lsp.lsp.requests.explain import EXPLAIN
from qwen_lsp.syntax import languages

_FOR_EACH_REPOSITORY = 2
_LINES_BEFORE, _LINES_AFTER = 5, 2


@dataclass(frozen=True, slots=True)
class Scene:
    """One place: the file's text without the part that the model is to write, and where the cursor is."""

    title: str
    repository: Path
    path: Path
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Take:
    """What came at one place. Units: milliseconds from the request.

    `next_ms` is what the next key cost, typed into the suggestion; None where nothing was suggested.
    """

    text: str
    first_ms: float | None
    total_ms: float
    chunks: int
    next_ms: float | None


def scenes(folder: Path) -> list[Scene]:
    """Read demo.toml; the first places of each repository.

    Raises: InputError when a marker is not in its file exactly once.
    """
    entries = tomllib.loads((folder / "demo.toml").read_text("utf-8"))["demo"]
    found: list[Scene] = []
    for entry in entries:
        path = folder / entry["repo"] / entry["file"]
        text = path.read_text("utf-8")
        if text.count(entry["before"] + entry["delete"]) != 1:
            raise InputError(f"{path} does not hold the place {entry['title']!r} exactly once")
        at = text.index(entry["before"] + entry["delete"]) + len(entry["before"])
        scene = Scene(
            entry["title"], folder / entry["repo"], path, text[:at] + text[at + len(entry["delete"]) :], at
        )
        if sum(other.repository == scene.repository for other in found) < _FOR_EACH_REPOSITORY:
            found.append(scene)
    return found


async def play(scene: Scene, session: Session, console: Console) -> Take:
    """Open the file, ask at the cursor, draw the answer as it streams, and close the file."""
    uri = scene.path.as_uri()
    language = languages.find("", str(scene.path))
    await session.open(uri, language.id if language else "plaintext", scene.text)
    started = time.perf_counter()
    first_ms: float | None = None
    chunks = 0
    name = scene.path.relative_to(scene.repository.parent).as_posix()
    console.print(Text(name, style="bold") + Text(f"  {scene.title}"), soft_wrap=True)

    with Live(console=console, auto_refresh=False, transient=True) as live:

        def draw(text: str) -> None:
            nonlocal first_ms, chunks
            if text.strip() and first_ms is None:
                first_ms = (time.perf_counter() - started) * 1000
            chunks += 1
            if console.is_terminal:
                live.update(Group(*_frame(scene, text)), refresh=True)

        session.on_partial = draw
        try:
            items = await session.complete(uri, scene.offset)
        finally:
            session.on_partial = None
    total_ms = (time.perf_counter() - started) * 1000
    text = str(items[0].insert_text) if items else ""
    for line in _frame(scene, text):
        console.print(line, soft_wrap=True)
    if not items:
        trace = await session.request(EXPLAIN, {"textDocument": {"uri": uri}})
        console.print(
            Text(f"      no suggestion ({trace.reason}): {trace.detail}", style="yellow"), soft_wrap=True
        )
    next_ms = await _type_on(session, uri, scene.offset, text) if text else None
    await session.close(uri)
    return Take(text, first_ms, total_ms, chunks, next_ms)


async def _type_on(session: Session, uri: str, offset: int, text: str) -> float | None:
    """Type the first character of the suggestion, as a user does who has not accepted it."""
    await session.type(uri, offset, text[:1])
    started = time.perf_counter()
    items = await session.complete(uri, offset + 1, invoked=False)
    return (time.perf_counter() - started) * 1000 if items else None


def _frame(scene: Scene, text: str) -> list[Text]:
    before = scene.text[: scene.offset].split("\n")
    after = scene.text[scene.offset :].split("\n")
    top = max(len(before) - 1 - _LINES_BEFORE, 0)
    return ghost("\n".join(before[top:]), text, "\n".join(after[: _LINES_AFTER + 1]), top + 1)


async def perform(folder: Path, console: Console) -> list[Take]:
    """Play every scene; one LSP session for each repository, as one editor window has."""
    takes: list[Take] = []
    for repository in dict.fromkeys(scene.repository for scene in scenes(folder)):
        options = {"client": {"streamCompletion": True}}
        async with lsp_session.start(repository, options=options) as session:
            console.rule(Text(repository.name), align="left")
            for scene in scenes(folder):
                if scene.repository != repository:
                    continue
                take = await play(scene, session, console)
                first = f"{take.first_ms:.0f}" if take.first_ms is not None else "-"
                figures = (
                    f"first text {first} ms · total {take.total_ms:.0f} ms · {take.chunks} pieces streamed"
                )
                if take.next_ms is not None:
                    figures += f" · the next key {take.next_ms:.0f} ms"
                console.print(Text(f"      {figures}\n", style="dim"), soft_wrap=True)
                takes.append(take)
    return takes


def main() -> None:
    """Show the demo; exit 1 when fewer than three places got text, or the action gave none."""
    console = Console()
    try:
        folder = Path(sys.argv[1]).resolve()
        console.print("qwen-lsp serve over stdio, the model on this machine; ⟦ ⟧ marks what it wrote.")
        note = (
            "The first answer of a repository includes the loading of the model, the first in a file the\n"
            "reading of its text; the next key, typed into the suggestion, costs neither.\n"
        )
        console.print(Text(note, style="dim"), soft_wrap=True)
        takes = asyncio.run(perform(folder, console))
        has_acted = asyncio.run(demo_action.act(folder, console))
        demo_review.perform(folder.parent / "review" / "demo", console)
    except (QwenLspError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    n_written = sum(bool(take.text) for take in takes)
    console.print(
        f"{n_written} of {len(takes)} places completed. Next: README.md says how to use it in your editor."
    )
    sys.exit(0 if n_written >= 3 and has_acted else 1)


if __name__ == "__main__":
    main()
