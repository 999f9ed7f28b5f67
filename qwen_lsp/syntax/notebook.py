"""Notebooks: their cells, and the code of all cells as one source with a map between both.

Knows the `.ipynb` format (nbformat 3 and 4) but neither files nor the LSP, whose notebook documents become
one of these through `join`. Lines that only IPython understands (`%matplotlib`, `!pip`) are comments in the
source, without moving anything. A damaged notebook has a problem and no cells; nothing here fails.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

CellKind = Literal["code", "markdown", "raw"]

# A line that IPython takes apart itself; its first character becomes the comment mark.
_MAGIC_LINE = re.compile(r"^([ \t]*)[%!?](?=\S)", re.MULTILINE)
_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
# Cell magics behind which the notebook's own language goes on.
_TRANSPARENT = frozenset({"time", "timeit", "capture", "prun", "memit", "mprun", "lprun"})
_MAGIC_LANGUAGES = {"bash": "shellscript", "sh": "shellscript", "js": "javascript"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. Shape: `start` is the offset of its text in the notebook's source, None if it has none."""

    kind: CellKind
    language: str
    text: str
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Notebook:
    """The cells of a notebook, and the code of those in its own language one below the other."""

    cells: tuple[Cell, ...] = ()
    language: str = "python"
    source: str = ""
    problem: str | None = None

    def offset(self, cell: int, offset: int) -> int | None:
        """Return where a place in a cell is in the source; None in a cell that is not part of it."""
        start = self.cells[cell].start
        return None if start is None else start + offset

    def place(self, offset: int) -> tuple[int, int]:
        """Return the number of the cell that holds an offset of the source, and the offset in the cell.

        Raises: ValueError when no cell has code.
        """
        numbers = [number for number, cell in enumerate(self.cells) if cell.start is not None]
        starts = [cell.start for cell in self.cells if cell.start is not None]
        if not starts:
            raise ValueError("a notebook without code")
        found = max(bisect_right(starts, offset) - 1, 0)
        cell = numbers[found]
        return cell, min(max(offset - starts[found], 0), len(self.cells[cell].text))


def read(text: str) -> Notebook:
    """Read the text of an `.ipynb` file."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Notebook(problem=f"not JSON: {error}")
    metadata = _dict(_dict(data).get("metadata"))
    language = _dict(metadata.get("language_info")).get("name") or _dict(metadata.get("kernelspec")).get(
        "language"
    )
    language = language.lower() if isinstance(language, str) else "python"
    entries = _dict(data).get("cells")
    if entries is None:  # nbformat 3
        entries = [
            cell
            for sheet in _list(_dict(data).get("worksheets"))
            for cell in _list(_dict(sheet).get("cells"))
        ]
    if not isinstance(entries, list):
        return Notebook(problem="no cells")
    cells: list[tuple[CellKind, str, str]] = []
    for entry in map(_dict, entries):
        written = entry.get("source", entry.get("input", ""))
        content = (
            "".join(part for part in written if isinstance(part, str))
            if isinstance(written, list)
            else written
        )
        kind = entry.get("cell_type")
        cells.append(
            (
                "code" if kind == "code" else "raw" if kind == "raw" else "markdown",
                language if kind == "code" else "markdown" if kind != "raw" else "",
                content if isinstance(content, str) else "",
            )
        )
    return join(cells, language)


def join(cells: Iterable[tuple[CellKind, str, str]], language: str = "python") -> Notebook:
    """Make a notebook of (kind, language, text) of each cell; `language` is that of the notebook."""
    made: list[Cell] = []
    pieces: list[str] = []
    at = 0
    for kind, spoken, text in cells:
        magic = _CELL_MAGIC.match(text) if kind == "code" and language == "python" else None
        if magic and magic.group(1) not in _TRANSPARENT:
            name = magic.group(1).lower()
            spoken = _MAGIC_LANGUAGES.get(name, name)
        if kind != "code" or spoken != language:
            made.append(Cell(kind, spoken, text))
            continue
        made.append(Cell(kind, spoken, text, at))
        code = _MAGIC_LINE.sub(r"\1#", text) if language == "python" else text
        piece = code if code.endswith("\n") else code + "\n"
        pieces.append(piece)
        at += len(piece)
    return Notebook(tuple(made), language, "".join(pieces))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
